"""The numbers that moved with the tasks, as they stand: read at a cost that does not depend on how many tasks are kept.

in   the tables counters and, for what waits or runs now, tasks (by index)
out  totals, sums of minutes, the queue, heartbeats
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from patchmill import log
from patchmill.adapters import statmoves
from patchmill.adapters.database import Cursor, Database, Row
from patchmill.adapters.statmoves import TOTAL, Move, labels_text
from patchmill.errors import Unavailable

KEPT_DAYS = 8
_PRUNED = 5000  # rows that one sweep removes at most
_LOOKED_AT = 200  # queued tasks, the oldest by id, among which the longest wait is looked for

_GAUGES = {"tasks_queued": "QUEUED", "tasks_running": "PROCESSING"}


@dataclass(frozen=True)
class Counter:
    """One number with its labels; milliseconds where the name says so, epoch milliseconds for `beat`."""

    name: str
    labels: Mapping[str, str]
    value: int


@dataclass(frozen=True)
class Minute:
    """What was added in the minute that begins at `at` (UTC)."""

    at: datetime
    name: str
    labels: Mapping[str, str]
    value: int


@dataclass(frozen=True)
class Queue:
    """`oldest_s`: how long the task that has waited longest has waited; 0 when none waits."""

    depth: int
    oldest_s: float


class Stats:
    """Every method but `fault` raises Unavailable when MySQL does not answer."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def counters(self) -> list[Counter]:
        """All totals, gauges and heartbeats."""
        found = self._db.transaction(
            lambda c: c.rows(
                "SELECT name, labels, SUM(value) AS value FROM counters WHERE minute = %s GROUP BY name, labels", TOTAL
            )
        )
        return [Counter(row["name"], _labels(row), int(row["value"])) for row in found]

    def minutes(self, since: datetime) -> list[Minute]:
        """Sums of each minute from `since` (UTC, naive) on, in order."""
        found = self._db.transaction(
            lambda c: c.rows(
                "SELECT minute, name, labels, SUM(value) AS value FROM counters WHERE minute >= %s AND minute > %s "
                "GROUP BY minute, name, labels",
                since,
                TOTAL,
            )
        )
        return [Minute(row["minute"], row["name"], _labels(row), int(row["value"])) for row in found]

    def queue(self) -> Queue:
        """Users' tasks that wait. An attempt after the first has waited since the one before it was given up."""
        row = self._db.transaction(
            lambda c: c.row(
                "SELECT (SELECT COALESCE(SUM(value), 0) FROM counters WHERE minute = %s AND name = 'tasks_queued') "
                "AS depth, (SELECT COALESCE(MAX(TIMESTAMPDIFF(MICROSECOND, since, NOW(3))), 0) / 1e6 FROM "
                "(SELECT IF(attempt = 1, created_at, updated_at) AS since, canary FROM tasks WHERE status = 'QUEUED' "
                "ORDER BY id LIMIT %s) AS oldest WHERE canary = 0) AS oldest_s",
                TOTAL,
                _LOOKED_AT,
            )
        )
        return Queue(max(0, int(row["depth"])), max(0.0, round(float(row["oldest_s"]), 3))) if row else Queue(0, 0.0)

    def running_by_tenant(self) -> dict[str, int]:
        """Users' tasks in PROCESSING; reads as many rows as there are."""
        found = self._db.transaction(
            lambda c: c.rows(
                "SELECT tenant, COUNT(*) AS running FROM tasks WHERE status = 'PROCESSING' AND canary = 0 "
                "GROUP BY tenant ORDER BY running DESC, tenant"
            )
        )
        return {row["tenant"]: int(row["running"]) for row in found}

    def beat(self, name: str) -> None:
        """`name` has just done its work; kept as epoch milliseconds by the database's clock."""
        self._db.transaction(lambda c: _beat(c, name))

    def fault(self, function: str) -> None:
        """Count an error of a function. Never raises: it is called when something has gone wrong already."""
        moves = [Move("function_errors_total", (("function", function),), minutely=("function",))]

        def work(cursor: Cursor) -> None:
            statmoves.move(cursor, function, _now(cursor), moves)

        try:
            self._db.transaction(work)
        except Unavailable as error:
            log.warning("fault_not_counted", function=function, error=str(error))

    def tend(self) -> dict[str, int]:
        """For the sweep: forget old minutes, and put the gauges right where they differ from the tasks; returns by how
        much they did.

        They differ when code of before these counters has moved tasks, as it may while a release is under way. Two
        sweeps at once wait for each other at the row of the heartbeat.
        """

        def prune(cursor: Cursor) -> int:
            return cursor.change(
                "DELETE FROM counters WHERE minute > %s AND minute < NOW() - INTERVAL %s DAY LIMIT %s",
                TOTAL,
                KEPT_DAYS,
                _PRUNED,
            )

        self._db.transaction(prune)
        return self._db.transaction(_put_right)


def _put_right(cursor: Cursor) -> dict[str, int]:
    _beat(cursor, "tend")
    differences: dict[str, int] = {}
    for name, status in _GAUGES.items():
        # One statement sees one state of both tables, and every change moves both in one transaction.
        row = cursor.row(
            "SELECT (SELECT COUNT(*) FROM tasks WHERE status = %s AND canary = 0) - (SELECT COALESCE(SUM(value), 0) "
            "FROM counters WHERE minute = %s AND name = %s) AS difference",
            status,
            TOTAL,
            name,
        )
        if row and row["difference"]:
            differences[name] = int(row["difference"])
    statmoves.move(cursor, "tend", TOTAL, [Move(name, (), by) for name, by in differences.items()])
    return differences


def _beat(cursor: Cursor, name: str) -> None:
    cursor.change(
        "INSERT INTO counters (minute, name, labels, shard, value) "
        "VALUES (%s, 'beat', %s, 0, ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000)) "
        "ON DUPLICATE KEY UPDATE value = VALUES(value)",
        TOTAL,
        labels_text([("name", name)]),
    )


def _now(cursor: Cursor) -> datetime:
    row = cursor.row("SELECT NOW(3) AS now")
    return row["now"] if row else TOTAL


def _labels(row: Row) -> dict[str, str]:
    return dict(parse_qsl(row["labels"], keep_blank_values=True))
