"""The loop of every controller: changes of some kinds in, one call each out, and no error ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from emulator.kube import errors
from emulator.kube.store import Change, Store

_log = logging.getLogger(__name__)


class Follower:
    """Calls `look_at_all` once at the start, and `handle` with every change of `kinds` after that, in order.

    Both are called in the loop's thread and must be quick. An error in one of them is logged, and the next change is
    looked at; a follower that has fallen too far behind looks at everything again.
    """

    def __init__(
        self, store: Store, kinds: set[str], handle: Callable[[Change], None], look_at_all: Callable[[], None]
    ) -> None:
        self._store, self._kinds = store, kinds
        self._handle, self._look_at_all = handle, look_at_all
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            changes = self._store.subscribe(self._kinds)
            try:
                with _logged("everything"):
                    self._look_at_all()
                async for change in changes:
                    with _logged(f"{change.obj['kind']} {change.obj['metadata']['name']}"):
                        self._handle(change)
                return
            except errors.Expired:
                _log.warning("fell behind on %s", ", ".join(sorted(self._kinds)))
            finally:
                changes.close()


@contextlib.contextmanager
def _logged(what: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        _log.exception("while looking at %s", what)
