"""Where uploaded code can be had again: a ZIP's digest in, an address on loopback out that nobody can guess."""

from __future__ import annotations

import asyncio
import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from emulator.listen import Listener, serve
from emulator.scf.packages import Packages


class Downloads:
    """Listens from the first address on; each is good until the emulator stops, as the platform's are for a while."""

    def __init__(self, packages: Packages) -> None:
        self._packages, self._secret, self._lock = packages, secrets.token_urlsafe(24), asyncio.Lock()
        self._listener: Listener | None = None

    async def address(self, digest: str) -> str:
        async with self._lock:
            if self._listener is None:
                routes = [Route(f"/{self._secret}/{{digest:str}}.zip", self._answer)]
                self._listener = await serve(Starlette(routes=routes))
        return f"http://127.0.0.1:{self._listener.port}/{self._secret}/{digest}.zip"

    async def stop(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    async def _answer(self, request: Request) -> Response:
        path = self._packages.zip(request.path_params["digest"])
        if not path.is_file():
            return Response("there is no such package", 404)
        return FileResponse(path, media_type="application/zip")
