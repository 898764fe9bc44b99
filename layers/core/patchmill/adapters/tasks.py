"""Tasks and attempts in MySQL: the truth. Each change is one compare-and-set, in one transaction with its message.

Every method that changes a task returns it as it stands afterwards, or None when the change was not to be made
(another attempt, another state): that is no error, since every message may be repeated or late.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone

import pymysql

from patchmill import wire
from patchmill.adapters import outbox, rows
from patchmill.adapters.database import Cursor, Database
from patchmill.task import Attempt, NewTask, Outcome, Phase, Status, Task, iso, sources_of

_DUPLICATE = 1062


class Tasks:
    """`requeue_after_s`: when the sweep may publish a message that nobody took."""

    def __init__(self, database: Database, requeue_after_s: int) -> None:
        self._db, self._requeue = database, requeue_after_s

    def create(self, new: NewTask) -> tuple[Task, bool]:
        """Store a task and its message. (existing task, False) when its id or idempotency key is taken."""
        now = datetime.fromtimestamp(int(time.time() * 1000) / 1000, timezone.utc).replace(tzinfo=None)
        task = rows.fresh(new, now)

        def work(cursor: Cursor) -> None:
            cursor.change(rows.INSERT, *rows.insert_values(new, now))
            outbox.add(cursor, "task", task.id, 1, wire.wake_up(task), self._requeue)

        try:
            self._db.transaction(work)
        except pymysql.err.IntegrityError as error:
            if error.args[0] != _DUPLICATE:
                raise
            existing = self._existing(new)
            if existing is None:
                raise
            return existing, existing.id == new.id  # ours: the first COMMIT had got through
        return task, True

    def _existing(self, new: NewTask) -> Task | None:
        return self._read("id = %s OR (tenant = %s AND idempotency_key = %s)", new.id, new.tenant, new.idempotency_key)

    def get(self, task_id: str) -> Task | None:
        return self._read("id = %s", task_id)

    def _read(self, where: str, *params: object) -> Task | None:
        row = self._db.transaction(lambda c: c.row(f"SELECT * FROM tasks WHERE {where} LIMIT 1", *params))  # noqa: S608
        return rows.task(row) if row else None

    def page(self, tenant: str, status: Status | None, before: str | None, limit: int) -> list[Task]:
        """Newest first; `before` is the id of the last one already seen."""
        # Left alone, MariaDB walks from the newest task to the cursor, however far that is.
        index = "by_tenant_status" if status else "by_tenant"
        where, params = ["tenant = %s"], [tenant]
        if status:
            where, params = [*where, "status = %s"], [*params, status.value]
        if before:
            where, params = [*where, "id < %s"], [*params, before]
        sql = f"SELECT * FROM tasks FORCE INDEX ({index}) WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT %s"  # noqa: S608
        return [rows.task(row) for row in self._db.transaction(lambda c: c.rows(sql, *params, limit))]

    def claim(self, task_id: str, attempt: int, start_s: int, total_s: int) -> Task | None:
        """QUEUED → PROCESSING, once. Also returns the task when it was claimed before and its Job is not known yet.

        `start_s` and `total_s`: seconds until the agent must have started, and until everything must have ended; the
        task's own time limit is added to the second.
        """

        def work(cursor: Cursor) -> Task | None:
            changed = cursor.change(
                "UPDATE tasks SET status = 'PROCESSING', phase = 'DISPATCHED', version = version + 1, "
                "updated_at = NOW(3) WHERE id = %s AND attempt = %s AND status = 'QUEUED'",
                task_id,
                attempt,
            )
            if changed:
                cursor.change(
                    "INSERT INTO attempts (task_id, number, claimed_at, start_by, end_by) SELECT id, attempt, NOW(3), "
                    "NOW(3) + INTERVAL %s SECOND, NOW(3) + INTERVAL (%s + timeout_s) SECOND FROM tasks WHERE id = %s",
                    start_s,
                    total_s,
                    task_id,
                )
            # Not the one of a task that is queued: then another function has just put it there.
            cursor.change(
                "DELETE o FROM outbox o JOIN tasks t ON t.id = o.task_id WHERE o.task_id = %s AND o.attempt = %s "
                "AND o.kind = 'task' AND (t.status <> 'QUEUED' OR t.attempt <> o.attempt)",
                task_id,
                attempt,
            )
            row = cursor.row(
                "SELECT t.* FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.number = t.attempt "
                "WHERE t.id = %s AND t.attempt = %s AND t.status = 'PROCESSING' AND a.job_uid IS NULL",
                task_id,
                attempt,
            )
            return rows.task(row) if row else None

        return self._db.transaction(work)

    def exists(self, task_id: str) -> bool:
        return self._db.transaction(lambda c: c.row("SELECT 1 FROM tasks WHERE id = %s", task_id)) is not None

    def job_created(self, task_id: str, attempt: int, uid: str) -> None:
        """Remember the Job: from now on a repeated message for this attempt does nothing."""
        self._db.transaction(
            lambda c: c.change(
                "UPDATE attempts SET job_uid = %s WHERE task_id = %s AND number = %s AND job_uid IS NULL",
                uid,
                task_id,
                attempt,
            )
        )

    def enter(self, task_id: str, attempt: int, phase: Phase) -> Task | None:
        """A phase only moves forward, and only for the current attempt."""
        earlier = tuple(p.value for p in phase.before)
        started = ", started_at = NOW(3)" if phase is Phase.RUNNING_AGENT else ""

        def work(cursor: Cursor) -> Task | None:
            changed = cursor.change(
                f"UPDATE tasks SET phase = %s, version = version + 1, updated_at = NOW(3){started} "  # noqa: S608
                "WHERE id = %s AND attempt = %s AND status = 'PROCESSING' AND phase IN %s",
                phase.value,
                task_id,
                attempt,
                earlier,
            )
            return _current(cursor, task_id) if changed else None

        return self._db.transaction(work) if earlier else None

    def finish(self, task_id: str, attempt: int | None, outcome: Outcome) -> Task | None:
        """The one transition into a terminal state, with the result's message and, for a drop, its copies.

        `attempt` None (a cancel by a person): whatever attempt is the current one.
        """

        def work(cursor: Cursor) -> Task | None:
            changed = cursor.change(
                "UPDATE tasks SET status = %s, reason = %s, message = %s, result = %s, version = version + 1, "
                "started_at = COALESCE(%s, started_at), finished_at = NOW(3), updated_at = NOW(3) "
                "WHERE id = %s AND attempt = COALESCE(%s, attempt) AND status IN %s",
                outcome.status.value,
                outcome.reason.value if outcome.reason else None,
                outcome.message[:1000] if outcome.message else None,
                json.dumps(outcome.result),
                rows.naive(outcome.started_at),
                task_id,
                attempt,
                [s.value for s in sources_of(outcome.status)],
            )
            task = _current(cursor, task_id) if changed else None
            if task:
                _end_attempt(cursor, task, outcome)
                outbox.remove(cursor, "task", task.id, task.attempt)
                message = wire.dump(wire.result_message(task, outcome, iso(task.finished_at)))
                outbox.add(cursor, "result", task.id, task.attempt, message, self._requeue)
                if task.drop:
                    outbox.add(cursor, "drop", task.id, task.attempt, "{}", self._requeue)
            return task

        return self._db.transaction(work)

    def retry(self, task_id: str, attempt: int, outcome: Outcome) -> Task | None:
        """PROCESSING → QUEUED under the next number; `outcome` says why the attempt was given up."""

        def give_up(cursor: Cursor, task: Task) -> None:
            _end_attempt(cursor, task, outcome, number=attempt)

        return self._queue_again(task_id, attempt, "attempt = attempt + 1, ", give_up, 0)

    def put_back(self, task_id: str, attempt: int) -> Task | None:
        """PROCESSING → QUEUED under the same number: the cluster had no room, so no Job was made."""

        def unclaim(cursor: Cursor, task: Task) -> None:
            cursor.change("DELETE FROM attempts WHERE task_id = %s AND number = %s", task_id, attempt)

        return self._queue_again(task_id, attempt, "", unclaim, self._requeue)

    def _queue_again(
        self, task_id: str, attempt: int, change: str, settle: Callable[[Cursor, Task], None], delay_s: int
    ) -> Task | None:
        """PROCESSING → QUEUED with its message, due after `delay_s`; `settle` sees to the old attempt's row."""

        def work(cursor: Cursor) -> Task | None:
            changed = cursor.change(
                f"UPDATE tasks SET {change}status = 'QUEUED', phase = NULL, started_at = NULL, version = version + 1, "  # noqa: S608
                "updated_at = NOW(3) WHERE id = %s AND attempt = %s AND status = 'PROCESSING'",
                task_id,
                attempt,
            )
            task = _current(cursor, task_id) if changed else None
            if task:
                settle(cursor, task)
                outbox.add(cursor, "task", task.id, task.attempt, wire.wake_up(task), delay_s)
            return task

        return self._db.transaction(work)

    def open_attempts(self, after: str, limit: int) -> list[Attempt]:
        """Attempts that have not ended, by task id, from behind `after`: what the sweep looks through."""
        found = self._db.transaction(
            lambda c: c.rows(
                "SELECT a.task_id, a.number, a.job_uid, TIMESTAMPDIFF(MICROSECOND, a.claimed_at, NOW(3)) / 1e6 AS age, "
                "a.start_by < NOW(3) AND t.phase IN ('DISPATCHED', 'DOWNLOADING_CODE') AS start_overdue, "
                "a.end_by < NOW(3) AS overdue "
                "FROM attempts a JOIN tasks t ON t.id = a.task_id AND t.attempt = a.number "
                "WHERE a.ended_at IS NULL AND t.status = 'PROCESSING' AND a.task_id > %s ORDER BY a.task_id LIMIT %s",
                after,
                limit,
            )
        )
        return [rows.attempt(row) for row in found]

    def wake(self, task: Task) -> None:
        """Put an attempt's message back into the outbox, due at once: its dispatch did not get through."""
        self._db.transaction(lambda c: outbox.add(c, "task", task.id, task.attempt, wire.wake_up(task), 0))

    def silent(self, limit: int) -> list[Task]:
        """Queued tasks whose message is not in the outbox any more: nothing would ever wake them."""
        found = self._db.transaction(
            lambda c: c.rows(
                "SELECT t.* FROM tasks t LEFT JOIN outbox o ON o.task_id = t.id AND o.attempt = t.attempt "
                "AND o.kind = 'task' WHERE t.status = 'QUEUED' AND o.id IS NULL ORDER BY t.id LIMIT %s",
                limit,
            )
        )
        return [rows.task(row) for row in found]

    def forget_idempotency_keys(self, limit: int) -> int:
        """A key may be used again when its time is over."""
        return self._db.transaction(
            lambda c: c.change(
                "UPDATE tasks SET idempotency_key = NULL, key_expires_at = NULL WHERE key_expires_at < NOW(3) LIMIT %s",
                limit,
            )
        )


def _current(cursor: Cursor, task_id: str) -> Task:
    row = cursor.row("SELECT * FROM tasks WHERE id = %s", task_id)
    if row is None:
        raise LookupError(task_id)
    return rows.task(row)


def _end_attempt(cursor: Cursor, task: Task, outcome: Outcome, number: int | None = None) -> None:
    cursor.change(
        "UPDATE attempts SET ended_at = NOW(3), status = %s, reason = %s, message = %s "
        "WHERE task_id = %s AND number = %s AND ended_at IS NULL",
        outcome.status.value,
        outcome.reason.value if outcome.reason else None,
        outcome.message[:1000] if outcome.message else None,
        task.id,
        number or task.attempt,
    )
