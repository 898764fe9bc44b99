"""What a change of a task moves: its event and the counters, in the transaction of the change, one statement each.

The numbers are exact because the change is: a compare-and-set that changes no row moves nothing, and a transaction that
is repeated was rolled back with all that it moved. Tasks of the canary move nothing but numbers of their own.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from patchmill import phases
from patchmill.adapters.database import Cursor
from patchmill.task import Task

TOTAL = datetime(2000, 1, 1)
"""The minute of what is no minute's."""
SHARDS = 8

_ROW = "(%s, %s, %s, %s, %s)"


@dataclass(frozen=True)
class Move:
    """`minutely`: also in the sums of its minute, under these labels alone."""

    name: str
    labels: tuple[tuple[str, str], ...]
    amount: int = 1
    minutely: tuple[str, ...] | None = None


def labels_text(labels: Iterable[tuple[str, str]]) -> str:
    """As in the table: by name, as in a query string, so that any value can stand in it."""
    return urlencode(sorted(labels))


def move(cursor: Cursor, shard_of: str, at: datetime, moves: Iterable[Move]) -> None:
    """Add to the counters. Rows are taken in one order by all who do, so that no two wait for each other.

    `shard_of`: what the shard is chosen by; a task always moves the same one. The last statement of a transaction: what
    it locks is locked until the commit.
    """
    amounts: dict[tuple[datetime, str, str], int] = {}
    minute = at.replace(second=0, microsecond=0)
    for each in moves:
        keys = [(TOTAL, each.name, labels_text(each.labels))]
        if each.minutely is not None:
            keys.append((minute, each.name, labels_text(pair for pair in each.labels if pair[0] in each.minutely)))
        for key in keys:
            amounts[key] = amounts.get(key, 0) + each.amount
    shard = zlib.crc32(shard_of.encode()) % SHARDS
    values = [value for key, amount in sorted(amounts.items()) if amount for value in (*key, shard, amount)]
    if values:
        cursor.change(
            f"INSERT INTO counters (minute, name, labels, shard, value) VALUES {_many(_ROW, len(values) // 5)} "  # noqa: S608
            "ON DUPLICATE KEY UPDATE value = value + VALUES(value)",
            *values,
        )


def note(cursor: Cursor, task_id: str, events: Iterable[tuple[int, str, datetime]]) -> None:
    """Keep (attempt, kind, time); one that is there already stays as it is."""
    values = [value for attempt, kind, at in events for value in (task_id, attempt, kind, at)]
    cursor.change(
        f"INSERT IGNORE INTO task_events (task_id, attempt, kind, at) VALUES {_many('(%s, %s, %s, %s)', len(values) // 4)}",  # noqa: E501, S608
        *values,
    )


def _many(row: str, count: int) -> str:
    return ", ".join([row] * count)


class Moves:
    """Which counters a change moves. `agents`: those that are labels of their own; any other is `other`, for an agent's
    name may come from outside.
    """

    def __init__(self, agents: Collection[str]) -> None:
        self._agents = frozenset(agents)

    def submitted(self, task: Task) -> list[Move]:
        if task.canary:
            return []
        labels = (("agent", self._agent(task)), ("source", str(task.source["kind"])))
        return [Move("tasks_submitted_total", labels), Move("tasks_queued", ())]

    def claimed(self, task: Task) -> list[Move]:
        return [] if task.canary else _gauges(queued=-1, running=1)

    def queued_again(self, task: Task) -> list[Move]:
        return [] if task.canary else _gauges(queued=1, running=-1)

    def lost(self, task: Task) -> list[Move]:
        return [] if task.canary else [Move("attempts_total", (("outcome", "LOST"),)), *_gauges(queued=1, running=-1)]

    def ended(self, task: Task, was_running: bool) -> list[Move]:
        status = ("status", task.status.value)
        if task.canary:
            return [Move("canary_tasks_ended_total", (status,))]
        labels = (("agent", self._agent(task)), ("reason", task.reason.value if task.reason else ""), status)
        moves = [Move("tasks_ended_total", labels, minutely=("reason", "status"))]
        if was_running:
            moves.append(Move("attempts_total", (("outcome", task.status.value),)))
        return moves + _gauges(queued=0 if was_running else -1, running=-1 if was_running else 0)

    def phases(self, task: Task, seconds: Mapping[str, float]) -> list[Move]:
        """One observation of each phase: its bucket, and milliseconds for the sum."""
        if task.canary:
            return []
        moves: list[Move] = []
        for phase, took in seconds.items():
            label = ("phase", phase)
            bucket = (("le", bound_text(phases.bound_of(took))), label)
            moves.append(Move("phase_seconds_bucket", bucket, minutely=("le", "phase")))
            moves.append(Move("phase_milliseconds_sum", (label,), round(took * 1000)))
        return moves

    def _agent(self, task: Task) -> str:
        return task.agent if task.agent in self._agents else "other"


def bound_text(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else f"{bound:g}"


def _gauges(queued: int, running: int) -> list[Move]:
    return [Move("tasks_queued", (), queued), Move("tasks_running", (), running)]
