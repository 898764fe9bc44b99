"""What SCF needs around it, for tests: an account with roles, and addresses for Function URLs."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from emulator.credentials import Credential
from emulator.listen import Listener, serve


@dataclass(frozen=True)
class Session:
    credential: Credential
    expires_at: float


class Roles:
    """What SCF asks an account, a second time. Every role is there but `missing`; `strange` does not trust SCF."""

    def __init__(self) -> None:
        self.issued: list[Session] = []
        self.void: set[str] = set()
        """SecretIds of roles that were deleted."""

    def find(self, secret_id: str) -> Credential | None:
        known = {session.credential.secret_id: session.credential for session in self.issued}
        return None if secret_id in self.void else known.get(secret_id)

    def trusts(self, role_name: str, service: str) -> bool:
        if role_name == "missing":
            raise LookupError(role_name)
        return role_name != "strange" and service == "scf.qcloud.com"

    def session(self, role_name: str, seconds: float) -> Session:
        self.trusts(role_name, "")
        number = len(self.issued)
        credential = Credential(f"AKIDofRole{number}", f"key-of-the-role-{number}", f"token-of-the-role-{number}")
        self.issued.append(Session(credential, time.time() + seconds))
        return self.issued[-1]


class Ports:
    """Addresses of Function URLs, remembered in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[str, Listener] = {}

    async def open(self, url_id: str, app: ASGIApp) -> str:
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._open[url_id] = await serve(app, port=known.get(url_id, 0))
        self._path.write_text(json.dumps({**known, url_id: self._open[url_id].port}))
        return f"http://127.0.0.1:{self._open[url_id].port}"

    async def close(self, url_id: str) -> None:
        await self._open.pop(url_id).close()

    async def keep(self, url_ids: Collection[str]) -> None:
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._path.write_text(json.dumps({url_id: port for url_id, port in known.items() if url_id in url_ids}))

    async def stop(self) -> None:
        for url_id in list(self._open):
            await self.close(url_id)
