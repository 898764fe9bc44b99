"""The two identities of the emulated account, made once and kept in one file.

`user` is a permanent key pair, for people and their tools. `role` is what the functions run under: a temporary-looking
key pair whose every request must also carry the session token.
"""

from __future__ import annotations

import json
import os
import secrets
import string
from dataclasses import asdict, dataclass, field
from pathlib import Path

_LETTERS = string.ascii_letters + string.digits


class CredentialsError(ValueError):
    """The file holds no credentials; the text names it."""


@dataclass(frozen=True)
class Credential:
    """A key pair; `token` is None for a permanent one. The repr shows no secret."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Credentials:
    """The account's credentials, read from `path` or made and written there (mode 0600) the first time.

    Raises CredentialsError when the file is there but is not ours to read.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            _write(path, {"user": _new(token=False), "role": _new(token=True)})
        try:
            known = json.loads(path.read_text())
            self.user, self.role = Credential(**known["user"]), Credential(**known["role"])
        except (KeyError, TypeError, ValueError) as e:
            raise CredentialsError(f"{path} holds no credentials; remove it to have new ones made") from e

    def find(self, secret_id: str) -> Credential | None:
        """The credential with this SecretId."""
        return next((c for c in (self.user, self.role) if c.secret_id == secret_id), None)


def _new(*, token: bool) -> Credential:
    # An AKID… of 36 characters and a key of 32, as the console gives them; the token is shorter than a real one (up to
    # 4096 bytes), because a function's environment holds 4 KB in all.
    return Credential("AKID" + _random(32), _random(32), _random(120) if token else None)


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _write(path: Path, credentials: dict[str, Credential]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({name: asdict(credential) for name, credential in credentials.items()}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
