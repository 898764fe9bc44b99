"""Asynchronous events (COS, timer): kept in sqlite until they are through, so that a killed emulator loses none.

A run error (430, 433, 434 …) is tried again `ASYNC_RETRIES` times, an overrun or a system error until the event is six
hours old (cloud.tencent.com/document/product/583/41138). What is given up goes to the dead-letter file.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from emulator.scf import limits
from emulator.scf.pool import Invocation

_OVERRUN = (429, 432, 449, 500)
_AT_ONCE = 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, function TEXT NOT NULL, event TEXT NOT NULL,
                                   tries INTEGER NOT NULL DEFAULT 0, born REAL NOT NULL, due REAL NOT NULL);
"""

Invoke = Callable[[str, Any], Awaitable[Invocation]]


class EventTooLarge(ValueError):
    """More than the 128 KB that an asynchronous event may have."""


class AsyncQueue:
    """Use from the loop's thread. `retry_delay_s` is 60 on the platform."""

    def __init__(self, path: Path, dead_letters: Path, invoke: Invoke, retry_delay_s: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(str(path), isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # must survive SIGKILL, not a power cut
        self._db.executescript(_SCHEMA)
        self._dead, self._invoke, self._retry_delay = dead_letters, invoke, retry_delay_s
        self._running: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """What is under way is cut off; its row stays, so it comes again."""
        tasks = [task for task in (self._worker, *self._running.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._db.close()

    def put(self, function: str, event: dict[str, Any]) -> None:
        """Durable when this returns. Raises EventTooLarge."""
        text = json.dumps(event, ensure_ascii=False)
        if len(text.encode()) > limits.ASYNC_EVENT_BYTES:
            raise EventTooLarge(f"an asynchronous event may have {limits.ASYNC_EVENT_BYTES} bytes")
        now = time.time()
        self._db.execute(
            "INSERT INTO events (function, event, born, due) VALUES (?, ?, ?, ?)", (function, text, now, now)
        )
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Events that are not through, those under way included."""
        count: int = self._db.execute("SELECT COUNT(*) FROM events").fetchone()[0]
        return count

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            for row in self._db.execute(
                "SELECT id, function, event, tries, born FROM events WHERE due <= ? ORDER BY due LIMIT 200",
                (time.time(),),
            ).fetchall():
                if row[0] not in self._running and len(self._running) < _AT_ONCE:
                    self._running[row[0]] = asyncio.create_task(self._deliver(*row))
            await self._sleep()

    async def _sleep(self) -> None:
        (due,) = self._db.execute("SELECT MIN(due) FROM events WHERE due > ?", (time.time(),)).fetchone()
        pause = None if due is None else max(0.01, due - time.time())
        try:
            await asyncio.wait_for(self._wake.wait(), pause)
        except asyncio.TimeoutError:
            return

    async def _deliver(self, number: int, function: str, text: str, tries: int, born: float) -> None:
        try:
            invocation = await self._invoke(function, json.loads(text))
            again = invocation.status in _OVERRUN and time.time() - born < limits.ASYNC_MAX_AGE_S
            if invocation.ok:
                self._db.execute("DELETE FROM events WHERE id = ?", (number,))
            elif again or (invocation.status not in _OVERRUN and tries < limits.ASYNC_RETRIES):
                due = time.time() + self._retry_delay
                self._db.execute("UPDATE events SET tries = tries + 1, due = ? WHERE id = ?", (due, number))
            else:
                self._bury(function, text, tries, invocation)
                self._db.execute("DELETE FROM events WHERE id = ?", (number,))
        finally:
            self._running.pop(number, None)
            self._wake.set()

    def _bury(self, function: str, text: str, tries: int, invocation: Invocation) -> None:
        letter = {"RequestId": invocation.request_id, "ErrorCode": invocation.status, "ErrorMessage": invocation.error}
        body = {"FunctionName": function, "InvocationType": "Event", "ClientContext": text, "RetryNum": tries}
        with self._dead.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**letter, "Body": body}, ensure_ascii=False) + "\n")
