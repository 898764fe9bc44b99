"""The outbox: a message is stored in the transaction of what it tells, and sent afterwards, at least once.

A wake-up for dispatch (`task`) stays until dispatch takes it: one that Kafka lost is sent again by the sweep. A
`result` and the copies of a `drop` are removed once they are sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from patchmill.adapters.database import Cursor, Database

INSERT = (
    "INSERT INTO outbox (kind, task_id, attempt, payload, created_at, next_try_at) "
    "VALUES (%s, %s, %s, %s, NOW(3), NOW(3) + INTERVAL %s SECOND) "
    "ON DUPLICATE KEY UPDATE next_try_at = VALUES(next_try_at)"
)
_MAX_BACKOFF_S = 3600


@dataclass(frozen=True)
class Row:
    """One effect that is owed."""

    id: int
    kind: str
    task_id: str
    attempt: int
    payload: str
    tries: int


def add(cursor: Cursor, kind: str, task_id: str, attempt: int, payload: str, delay_s: int) -> None:
    """Owe an effect; the same one twice is one. The sweep may send it after `delay_s`, by the database's clock."""
    cursor.change(INSERT, kind, task_id, attempt, payload, delay_s)


def remove(cursor: Cursor, kind: str, task_id: str, attempt: int) -> None:
    cursor.change("DELETE FROM outbox WHERE task_id = %s AND attempt = %s AND kind = %s", task_id, attempt, kind)


class Outbox:
    """Sends what is owed, row by row. No row is locked while it is sent: what is under way is not due for a while."""

    def __init__(self, database: Database, requeue_after_s: int) -> None:
        self._db, self._requeue = database, requeue_after_s

    def send_of(self, task_id: str, send: Callable[[Row], None]) -> int:
        """At once after a commit: the results and copies of one task, if nobody has begun with them."""
        return self._send("task_id = %s AND kind <> 'task' AND tries = 0", [task_id], 10, 10.0, send)

    def send_due(self, limit: int, seconds: float, send: Callable[[Row], None]) -> int:
        """What was left, the oldest first: at most `limit` rows, and none is begun after `seconds`."""
        return self._send("next_try_at <= NOW(3)", [], limit, seconds, send)

    def _send(self, where: str, params: list[object], limit: int, seconds: float, send: Callable[[Row], None]) -> int:
        """Ends at the first that can't be sent: what the others need is likely down, too."""
        sent, end = 0, time.monotonic() + seconds
        while sent < limit and time.monotonic() < end and (row := self._take(where, params)):
            try:
                send(row)
            except SendFailed:
                break
            if row.kind != "task":
                self._forget(row.id)
            sent += 1
        return sent

    def _forget(self, number: int) -> None:
        self._db.transaction(lambda c: c.change("DELETE FROM outbox WHERE id = %s", number))

    def _take(self, where: str, params: list[object]) -> Row | None:
        """The next row; it is due again, for whoever comes then, after a pause that doubles with each try."""

        def work(cursor: Cursor) -> Row | None:
            found = cursor.row(
                "SELECT id, kind, task_id, attempt, payload, tries FROM outbox "  # noqa: S608
                f"WHERE {where} ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
                *params,
            )
            if found is None:
                return None
            row = Row(**found)
            cursor.change(
                "UPDATE outbox SET tries = LEAST(tries + 1, 20), next_try_at = NOW(3) + INTERVAL %s SECOND "
                "WHERE id = %s",
                min(self._requeue * 2**row.tries, _MAX_BACKOFF_S),
                row.id,
            )
            return row

        return self._db.transaction(work)


class SendFailed(Exception):
    """What `send` raises when the effect did not happen; it is tried again later."""
