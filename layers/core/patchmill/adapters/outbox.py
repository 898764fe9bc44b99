"""The outbox: a message is stored in the transaction of what it tells, and sent afterwards, at least once.

A wake-up for dispatch (`task`) stays until dispatch takes it: one that Kafka lost is sent again by the sweep. A
`result` and the copies of a `drop` are removed once they are sent.
"""

from __future__ import annotations

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
    """Sends what is owed. Rows are locked while they are sent, so that two sweeps never send the same one at once."""

    def __init__(self, database: Database, requeue_after_s: int) -> None:
        self._db, self._requeue = database, requeue_after_s

    def send_of(self, task_id: str, send: Callable[[Row], None]) -> int:
        """At once after a commit: the results and copies of one task."""
        return self._send("task_id = %s AND kind <> 'task'", [task_id], 10, send)

    def send_due(self, limit: int, send: Callable[[Row], None]) -> int:
        """What was left: at most `limit` rows, the oldest first. Returns how many were sent."""
        return self._send("next_try_at <= NOW(3)", [], limit, send)

    def _send(self, where: str, params: list[object], limit: int, send: Callable[[Row], None]) -> int:
        def work(cursor: Cursor) -> int:
            found = cursor.rows(
                "SELECT id, kind, task_id, attempt, payload, tries FROM outbox "  # noqa: S608
                f"WHERE {where} ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                *params,
                limit,
            )
            sent = 0
            for row in found:
                if not self._send_one(cursor, Row(**row), send):
                    break  # what the others need is likely down, too: don't wait for it once for each
                sent += 1
            return sent

        return self._db.transaction(work)

    def _send_one(self, cursor: Cursor, row: Row, send: Callable[[Row], None]) -> bool:
        try:
            send(row)
        except SendFailed:
            self._later(cursor, row)
            return False
        if row.kind == "task":
            self._later(cursor, row)
        else:
            cursor.change("DELETE FROM outbox WHERE id = %s", row.id)
        return True

    def _later(self, cursor: Cursor, row: Row) -> None:
        delay = min(self._requeue * 2**row.tries, _MAX_BACKOFF_S)
        cursor.change(
            "UPDATE outbox SET tries = LEAST(tries + 1, 20), next_try_at = NOW(3) + INTERVAL %s SECOND WHERE id = %s",
            delay,
            row.id,
        )


class SendFailed(Exception):
    """What `send` raises when the effect did not happen; it is tried again later."""
