"""Asynchronous events (COS, timer): kept in sqlite until they are through, so that a killed emulator loses none.

A run error (430, 433, 434 …) is tried again `ASYNC_RETRIES` times, an overrun or a system error until the event is six
hours old, a call error never (cloud.tencent.com/document/product/583/41138). What is given up goes to the dead-letter
file, a line of JSON each in the form of the platform's dead letters (cloud.tencent.com/document/product/583/39704).
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from emulator.scf import limits
from emulator.scf.environment import APPID, NAMESPACE, UIN
from emulator.scf.invocation import Invocation

_AT_ONCE = 20  # of one function: its pool lets fewer run, and another function need not wait for them
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, function TEXT NOT NULL, event TEXT NOT NULL,
                                   tries INTEGER NOT NULL DEFAULT 0, born REAL NOT NULL, due REAL NOT NULL);
CREATE INDEX IF NOT EXISTS events_due ON events (function, due);
"""
log = logging.getLogger(__name__)

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
        self._running: dict[str, dict[int, asyncio.Task[None]]] = defaultdict(dict)
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """What is under way is cut off; its row stays, so it comes again."""
        tasks = [task for running in self._running.values() for task in running.values()]
        tasks += [self._worker] if self._worker else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._db.close()

    def put(self, function: str, event: dict[str, Any]) -> None:
        """Durable when this returns. Raises EventTooLarge."""
        text = json.dumps(event, ensure_ascii=False)
        if len(text.encode("utf-8", "replace")) > limits.ASYNC_EVENT_BYTES:
            raise EventTooLarge(f"an asynchronous event may have {limits.ASYNC_EVENT_BYTES} bytes")
        now = time.time()
        row = (function, json.dumps(event), now, now)
        self._db.execute("INSERT INTO events (function, event, born, due) VALUES (?, ?, ?, ?)", row)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Events that are not through, those under way included."""
        count: int = self._db.execute("SELECT COUNT(*) FROM events").fetchone()[0]
        return count

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            now = time.time()
            for (function,) in self._db.execute("SELECT DISTINCT function FROM events").fetchall():
                running = self._running[function]
                for row in self._due(function, now, _AT_ONCE + len(running)):
                    if row[0] not in running and len(running) < _AT_ONCE:
                        running[row[0]] = asyncio.create_task(self._deliver(function, *row))
            (due,) = self._db.execute("SELECT MIN(due) FROM events WHERE due > ?", (now,)).fetchone()
            await self._sleep(None if due is None else due - time.time())

    def _due(self, function: str, now: float, count: int) -> list[tuple[int, str, int, float]]:
        sql = "SELECT id, event, tries, born FROM events WHERE function = ? AND due <= ? ORDER BY due, id LIMIT ?"
        return self._db.execute(sql, (function, now, count)).fetchall()

    async def _sleep(self, pause: float | None) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), None if pause is None else max(0.005, pause))
        except asyncio.TimeoutError:
            return

    async def _deliver(self, function: str, number: int, text: str, tries: int, born: float) -> None:
        try:
            self._settle(function, number, text, tries, born, await self._invoke(function, json.loads(text)))
        except Exception:  # the row must not come again at once, and for ever
            log.exception("event %d for %s", number, function)
            self._again(number, tries)
        finally:
            self._running[function].pop(number, None)
            self._wake.set()

    def _settle(self, function: str, number: int, text: str, tries: int, born: float, invocation: Invocation) -> None:
        young = time.time() - born < limits.ASYNC_MAX_AGE_S
        if invocation.status in limits.OVERRUN and young:
            return self._again(number, tries)
        if invocation.status in limits.RUN_ERRORS and young and tries < limits.ASYNC_RETRIES:
            return self._again(number, tries + 1)
        if not invocation.ok:
            self._bury(function, text, tries, born, invocation)
        self._db.execute("DELETE FROM events WHERE id = ?", (number,))
        return None

    def _again(self, number: int, tries: int) -> None:
        due = time.time() + self._retry_delay
        self._db.execute("UPDATE events SET tries = ?, due = ? WHERE id = ?", (tries, due, number))

    def _bury(self, function: str, text: str, tries: int, born: float, invocation: Invocation) -> None:
        timer = json.loads(text).get("Type") == "Timer"
        body = {
            "AppId": int(APPID),
            "Uin": UIN,
            "SubAccountUin": UIN,
            "RequestSource": "TRIGGER_TIMER" if timer else "TRIGGER_COS",
            "FunctionName": function,
            "Namespace": NAMESPACE,
            "Qualifier": "$DEFAULT",
            "InvocationType": "Event",
            "ClientContext": text,
            "LogType": "",
            "TimeStampForInvoker": int(born * 1000),
            "RequestId": invocation.request_id,
            "PushTime": int(time.time() * 1000),
            "RetryNum": tries,
            "Ttl": 0,
        }
        message = invocation.trace or invocation.error
        letter = {"RequestId": invocation.request_id, "ErrorCode": -1, "ErrorMessage": message, "Body": body}
        log.warning("an event for %s was given up (%d): see %s", function, invocation.status, self._dead.name)
        with self._dead.open("a", encoding="utf-8") as file:
            file.write(json.dumps(letter) + "\n")
