"""Asynchronous events (COS, timer, Invoke): kept in sqlite until they are through; a killed emulator loses none.

A run error (430, 433, 434 …) is tried again as often as the function's configuration says, an overrun or a system error
until the event is too old, a call error never (cloud.tencent.com/document/product/583/41138). What is given up goes to
the dead-letter file, a line of JSON each in the form of the platform's dead letters (…/583/39704).
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from emulator.scf import limits
from emulator.scf.invocation import Invocation

_PAUSE_S = 1.0  # after a fault of the disk
_AT_ONCE = 20  # of one target: its pool lets fewer run, and another function need not wait for them
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, event TEXT NOT NULL,
                                   source TEXT NOT NULL, request TEXT NOT NULL,
                                   tries INTEGER NOT NULL DEFAULT 0, born REAL NOT NULL, due REAL NOT NULL);
CREATE INDEX IF NOT EXISTS events_due ON events (target, due);
"""
Source = Literal["TRIGGER_COS", "TRIGGER_TIMER", "CLOUD_API"]
"""Who has sent it, as a dead letter says. CLOUD_API is not documented."""
log = logging.getLogger(__name__)


class Target(NamedTuple):
    """What an event is for; the qualifier is a version or an alias, looked up when the event runs."""

    namespace: str
    function: str
    qualifier: str


@dataclass(frozen=True)
class Patience:
    """How often a run error is tried again, and how many seconds an event may wait in all."""

    retries: int = limits.ASYNC_RETRIES
    max_age_s: float = limits.ASYNC_MAX_AGE_S


class Runner(Protocol):
    """Who runs the events."""

    async def run_event(self, target: Target, event: Any, request_id: str, retries: int) -> Invocation:
        """`retries`: how often it was tried before."""

    def patience(self, target: Target) -> Patience: ...


class EventTooLarge(ValueError):
    """More than the 128 KB that an asynchronous event may have."""


class _Row(NamedTuple):
    id: int
    event: str
    source: str
    request: str
    tries: int
    born: float


class AsyncQueue:
    """Use from the loop's thread. `retry_delay_s` is 60 on the platform; `owner` are AppId and Uin of dead letters."""

    def __init__(
        self, path: Path, dead_letters: Path, runner: Runner, retry_delay_s: float, owner: tuple[str, str]
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(str(path), isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # must survive SIGKILL, not a power cut
        self._db.executescript(_SCHEMA)
        self._dead, self._runner, self._retry_delay, self._owner = dead_letters, runner, retry_delay_s, owner
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

    def put(self, target: Target, event: Any, source: Source) -> str:
        """Durable when this returns; returns the id of its request. Raises EventTooLarge."""
        text = json.dumps(event, ensure_ascii=False)
        if len(text.encode("utf-8", "replace")) > limits.ASYNC_EVENT_BYTES:
            raise EventTooLarge(f"an asynchronous event may have {limits.ASYNC_EVENT_BYTES} bytes")
        now, request_id = time.time(), str(uuid.uuid4())
        row = ("/".join(target), json.dumps(event), source, request_id, now, now)
        self._db.execute(
            "INSERT INTO events (target, event, source, request, born, due) VALUES (?, ?, ?, ?, ?, ?)", row
        )
        self._wake.set()
        return request_id

    @property
    def waiting(self) -> int:
        """Events that are not through, those under way included."""
        count: int = self._db.execute("SELECT COUNT(*) FROM events").fetchone()[0]
        return count

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                pause = self._begin_due()
            except sqlite3.Error as error:  # a full disk, say: the events are still there
                log.warning("the queue of events cannot be read: %s", error)
                pause = _PAUSE_S
            await self._sleep(pause)

    def _begin_due(self) -> float | None:
        """Deliver what is due; in how many seconds the next event will be, None when none waits for its time."""
        now = time.time()
        for (target,) in self._db.execute("SELECT DISTINCT target FROM events").fetchall():
            running = self._running[target]
            for row in self._due(target, now, _AT_ONCE + len(running)):
                if row.id not in running and len(running) < _AT_ONCE:
                    running[row.id] = asyncio.create_task(self._deliver(target, row))
        (due,) = self._db.execute("SELECT MIN(due) FROM events WHERE due > ?", (now,)).fetchone()
        return None if due is None else float(due) - time.time()

    def _due(self, target: str, now: float, count: int) -> list[_Row]:
        sql = """SELECT id, event, source, request, tries, born FROM events WHERE target = ? AND due <= ?
                 ORDER BY due, id LIMIT ?"""
        return [_Row(*row) for row in self._db.execute(sql, (target, now, count)).fetchall()]

    async def _sleep(self, pause: float | None) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), None if pause is None else max(0.005, pause))
        except asyncio.TimeoutError:
            return

    async def _deliver(self, key: str, row: _Row) -> None:
        target = Target(*key.split("/"))
        try:
            invocation = await self._runner.run_event(target, json.loads(row.event), row.request, row.tries)
            self._settle(target, row, invocation)
        except Exception:  # the row must not come again at once, and for ever
            log.exception("event %d for %s", row.id, key)
            await asyncio.sleep(_PAUSE_S)
            self._again(row.id, row.tries)
        finally:
            self._running[key].pop(row.id, None)
            self._wake.set()

    def _settle(self, target: Target, row: _Row, invocation: Invocation) -> None:
        patience = self._runner.patience(target)
        young = time.time() - row.born < patience.max_age_s
        if invocation.status in limits.OVERRUN | {limits.SYSTEM_ERROR} and young:
            return self._again(row.id, row.tries)
        if invocation.status in limits.RUN_ERRORS and young and row.tries < patience.retries:
            return self._again(row.id, row.tries + 1)
        if not invocation.ok:
            self._bury(target, row, invocation)
        self._db.execute("DELETE FROM events WHERE id = ?", (row.id,))
        return None

    def _again(self, number: int, tries: int) -> None:
        due = time.time() + self._retry_delay
        self._db.execute("UPDATE events SET tries = ?, due = ? WHERE id = ?", (tries, due, number))

    def _bury(self, target: Target, row: _Row, invocation: Invocation) -> None:
        app_id, uin = self._owner
        body = {
            "AppId": int(app_id),
            "Uin": uin,
            "SubAccountUin": uin,
            "RequestSource": row.source,
            "FunctionName": target.function,
            "Namespace": target.namespace,
            "Qualifier": target.qualifier,
            "InvocationType": "Event",
            "ClientContext": row.event,
            "LogType": "",
            "TimeStampForInvoker": int(row.born * 1000),
            "RequestId": invocation.request_id,
            "PushTime": int(time.time() * 1000),
            "RetryNum": row.tries,
            "Ttl": 0,
        }
        message = invocation.trace or invocation.error
        letter = {"RequestId": invocation.request_id, "ErrorCode": -1, "ErrorMessage": message, "Body": body}
        log.warning("an event for %s was given up (%d): see %s", target.function, invocation.status, self._dead.name)
        with self._dead.open("a", encoding="utf-8") as file:
            file.write(json.dumps(letter) + "\n")
