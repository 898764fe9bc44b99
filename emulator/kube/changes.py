"""A write to the store, told to whoever listens: controllers, the node, and the watches of clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from emulator.kube import errors
from emulator.kube.objects import Obj, clone


@dataclass(frozen=True)
class Change:
    """One write. `type` is ADDED, MODIFIED or DELETED; `previous` is the object before it (None when ADDED)."""

    type: str
    obj: Obj
    previous: Obj | None
    revision: int


class Subscription:
    """Every change from now on, in order: `async for change in subscription`. Close it when done."""

    def __init__(self, kinds: frozenset[str] | None, close: Callable[[Subscription], None], limit: int) -> None:
        self._kinds, self._close = kinds, close
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue(limit)
        self._lost: errors.Expired | None = None

    def offer(self, change: Change) -> None:
        if self._lost or (self._kinds is not None and change.obj["kind"] not in self._kinds):
            return
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self._lost = errors.Expired(change.revision, change.revision)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Change:
        """Raises errors.Expired when the reader has fallen so far behind that changes were lost."""
        if self._lost:
            raise self._lost
        change = await self._queue.get()
        if change is None:
            raise StopAsyncIteration
        return Change(change.type, clone(change.obj), change.previous, change.revision)

    def close(self) -> None:
        """Stop listening; whoever waits for the next change is woken and sees the end."""
        self._close(self)
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
