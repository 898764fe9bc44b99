"""The permanent keys of the emulated account's owner, made once and kept in one file.

Users, roles and their temporary keys are emulator/account.py's.
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
    """The owner's keys as `user`, read from `path` or made and written there (mode 0600) the first time.

    Raises CredentialsError when the file is there but is not ours to read.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            _write(path, {"user": _new()})
        try:
            known = json.loads(path.read_text())
            self.user = Credential(**known["user"])
        except (KeyError, TypeError, ValueError) as e:
            raise CredentialsError(f"{path} holds no credentials; remove it to have new ones made") from e


def _new() -> Credential:
    # An AKID… of 36 characters and a key of 32, as the console gives them.
    return Credential("AKID" + _random(32), _random(32))


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
