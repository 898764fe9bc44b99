"""Where Function URLs answer: an app in, an address on loopback out, the same one for as long as the trigger lives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from starlette.types import ASGIApp

from emulator.services.kafka import free_port
from emulator.state import State

PREFIX = "url-"


class Listening(Protocol):
    async def close(self) -> None: ...


class Urls:
    """The first URL gets the port named `url`, which `--port-url` can fix; any other one a free port."""

    def __init__(
        self,
        state: State,
        listen: Callable[[ASGIApp, str], Awaitable[tuple[Listening, int]]],
        changed: Callable[[], None],
    ) -> None:
        """`listen` takes the app and the port's name; `changed` is told when an address comes or goes."""
        self._state, self._listen, self._changed = state, listen, changed
        self._open: dict[str, Listening] = {}
        self.addresses: dict[str, str] = {}

    async def open(self, url_id: str, app: ASGIApp) -> str:
        """Returns the address without a path."""
        if not self._state.first_url and PREFIX + url_id not in self._state.ports:  # else it has an address already
            self._state.first_url = url_id
        self._open[url_id], port = await self._listen(app, self._name(url_id))
        self.addresses[url_id] = f"http://127.0.0.1:{port}"
        self._changed()
        return self.addresses[url_id]

    async def close(self, url_id: str) -> None:
        """Its address is never given out again: on the platform it would be somebody else's, too."""
        if listener := self._open.pop(url_id, None):
            await listener.close()
        self.addresses.pop(url_id, None)
        self._state.ports.pop(self._name(url_id), None)
        if url_id == self._state.first_url:
            self._state.first_url = ""
            self._state.ports["url"] = free_port()
        self._changed()

    async def keep(self, url_ids: Collection[str]) -> None:
        """Give up the addresses of all others: a kill may have come between a trigger's end and `close`."""
        known = {name.removeprefix(PREFIX) for name in self._state.ports if name.startswith(PREFIX)}
        for url_id in sorted({*known, self._state.first_url} - {*url_ids, ""}):
            await self.close(url_id)

    async def stop(self) -> None:
        """End all of them; they come back at the same addresses."""
        for listener in self._open.values():
            await listener.close()
        self._open.clear()

    @property
    def first(self) -> str:
        """The address of the first one, or where it will be."""
        return self.addresses.get(self._state.first_url) or f"http://127.0.0.1:{self._state.ports['url']}"

    def _name(self, url_id: str) -> str:
        return "url" if url_id == self._state.first_url else PREFIX + url_id
