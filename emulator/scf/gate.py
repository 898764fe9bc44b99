"""How many events of one function run at the same time, over all its versions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Full(Exception):
    """The function's reserved concurrency is used up."""


class Gate:
    """Reserved concurrency is counted in MB and refuses; beyond `max_instances` of this machine an event waits."""

    def __init__(self, max_instances: int) -> None:
        self._slots = asyncio.Semaphore(max_instances)
        self._busy_mb = 0

    @asynccontextmanager
    async def enter(self, memory_mb: int, reserved_mb: int | None) -> AsyncIterator[None]:
        """Raises Full at once."""
        if reserved_mb is not None and self._busy_mb + memory_mb > reserved_mb:
            raise Full
        self._busy_mb += memory_mb
        try:
            async with self._slots:
                yield
        finally:
            self._busy_mb -= memory_mb
