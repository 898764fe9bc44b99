"""Tasks and attempts in MySQL: the truth. Each change is one compare-and-set, in one transaction with its message.

Every method that changes a task returns it as it stands afterwards, or None when the change was not to be made
(another attempt, another state): that is no error, since every message may be repeated or late.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from datetime import datetime, timezone

import pymysql

from patchmill import phases, wire
from patchmill.adapters import outbox, rows, statmoves
from patchmill.adapters.database import Cursor, Database
from patchmill.adapters.statmoves import Move, Moves
from patchmill.adapters.taskqueries import TaskQueries
from patchmill.phases import Times
from patchmill.task import JOB_CREATED, LOST, NewTask, Outcome, Phase, Task, iso, sources_of

_DUPLICATE = 1062


class Tasks(TaskQueries):
    """`requeue_after_s`: when the sweep may publish a message that nobody took. `agents`: labels in the counters."""

    def __init__(self, database: Database, requeue_after_s: int, agents: Collection[str] = ()) -> None:
        super().__init__(database)
        self._requeue, self._moves = requeue_after_s, Moves(agents)

    def create(self, new: NewTask) -> tuple[Task, bool]:
        """Store a task and its message. (existing task, False) when its id or idempotency key is taken."""
        now = datetime.fromtimestamp(int(time.time() * 1000) / 1000, timezone.utc).replace(tzinfo=None)
        task = rows.fresh(new, now)

        def work(cursor: Cursor) -> None:
            cursor.change(rows.INSERT, *rows.insert_values(new, now))
            outbox.add(cursor, "task", task.id, 1, wire.wake_up(task), self._requeue)
            statmoves.note(cursor, task.id, [(1, "QUEUED", now)])
            statmoves.move(cursor, task.id, now, self._moves.submitted(task))

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
                    "INSERT INTO attempts (task_id, number, claimed_at, start_by, end_by) "
                    "SELECT id, attempt, updated_at, NOW(3) + INTERVAL %s SECOND, "
                    "NOW(3) + INTERVAL (%s + timeout_s) SECOND FROM tasks WHERE id = %s",
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
            task = rows.task(row) if row else None
            if changed and task:
                statmoves.note(cursor, task_id, [(attempt, "DISPATCHED", task.updated_at)])
                statmoves.move(cursor, task_id, task.updated_at, self._moves.claimed(task))
            return task

        return self._db.transaction(work)

    def job_created(self, task_id: str, attempt: int, uid: str) -> None:
        """Remember the Job: from now on a repeated message for this attempt does nothing."""

        def work(cursor: Cursor) -> None:
            changed = cursor.change(
                "UPDATE attempts SET job_uid = %s WHERE task_id = %s AND number = %s AND job_uid IS NULL",
                uid,
                task_id,
                attempt,
            )
            if changed:
                cursor.change(
                    "INSERT IGNORE INTO task_events (task_id, attempt, kind, at) VALUES (%s, %s, %s, NOW(3))",
                    task_id,
                    attempt,
                    JOB_CREATED,
                )

        self._db.transaction(work)

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
            if not changed:
                return None
            task, before = _current(cursor, task_id, attempt)
            statmoves.note(cursor, task_id, [(attempt, phase.value, task.updated_at)])
            seconds = phases.measured(before, phase.value, task.updated_at)
            statmoves.move(cursor, task_id, task.updated_at, self._moves.phases(task, seconds))
            return task

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
            if not changed:
                return None
            task, before = _current(cursor, task_id)
            was_running = _end_attempt(cursor, task, outcome)
            outbox.remove(cursor, "task", task.id, task.attempt)
            message = wire.dump(wire.result_message(task, outcome, iso(task.finished_at)))
            outbox.add(cursor, "result", task.id, task.attempt, message, self._requeue)
            if task.drop:
                outbox.add(cursor, "drop", task.id, task.attempt, "{}", self._requeue)
            self._count_end(cursor, task, outcome, before, was_running)
            return task

        return self._db.transaction(work)

    def _count_end(self, cursor: Cursor, task: Task, outcome: Outcome, before: Times, was_running: bool) -> None:
        at, told = task.updated_at, rows.naive_times(outcome)
        late = phases.recovered(before, told, at)
        seconds = phases.measured_at_end(before, late, told, at)
        events = [*late.items(), (outcome.status.value, at)]
        statmoves.note(cursor, task.id, [(task.attempt, kind, moment) for kind, moment in events])
        moves = self._moves.ended(task, was_running) + self._moves.phases(task, seconds)
        statmoves.move(cursor, task.id, at, moves)

    def retry(self, task_id: str, attempt: int, outcome: Outcome) -> Task | None:
        """PROCESSING → QUEUED under the next number; `outcome` says why the attempt was given up."""

        def give_up(cursor: Cursor, task: Task, before: Times) -> list[Move]:
            _end_attempt(cursor, task, outcome, number=attempt)
            at = task.updated_at
            statmoves.note(cursor, task_id, [(attempt, LOST, at), (task.attempt, "QUEUED", at)])
            return self._moves.lost(task) + self._moves.phases(task, phases.measured(before, LOST, at))

        return self._queue_again(task_id, attempt, "attempt = attempt + 1, ", give_up, 0)

    def put_back(self, task_id: str, attempt: int) -> Task | None:
        """PROCESSING → QUEUED under the same number: the cluster had no room, so no Job was made."""

        def unclaim(cursor: Cursor, task: Task, before: Times) -> list[Move]:
            cursor.change("DELETE FROM attempts WHERE task_id = %s AND number = %s", task_id, attempt)
            cursor.change(
                "DELETE FROM task_events WHERE task_id = %s AND attempt = %s AND kind <> 'QUEUED'", task_id, attempt
            )
            return self._moves.queued_again(task)

        return self._queue_again(task_id, attempt, "", unclaim, self._requeue)

    def _queue_again(
        self, task_id: str, attempt: int, change: str, settle: Callable[[Cursor, Task, Times], list[Move]], delay_s: int
    ) -> Task | None:
        """PROCESSING → QUEUED with its message, due after `delay_s`; `settle` sees to the old attempt's rows."""

        def work(cursor: Cursor) -> Task | None:
            changed = cursor.change(
                f"UPDATE tasks SET {change}status = 'QUEUED', phase = NULL, started_at = NULL, version = version + 1, "  # noqa: S608
                "updated_at = NOW(3) WHERE id = %s AND attempt = %s AND status = 'PROCESSING'",
                task_id,
                attempt,
            )
            if not changed:
                return None
            task, before = _current(cursor, task_id, attempt)
            moves = settle(cursor, task, before)
            outbox.add(cursor, "task", task.id, task.attempt, wire.wake_up(task), delay_s)
            statmoves.move(cursor, task_id, task.updated_at, moves)
            return task

        return self._db.transaction(work)

    def wake(self, task: Task) -> None:
        """Put an attempt's message back into the outbox, due at once: its dispatch did not get through."""
        self._db.transaction(lambda c: outbox.add(c, "task", task.id, task.attempt, wire.wake_up(task), 0))

    def forget_idempotency_keys(self, limit: int) -> int:
        """A key may be used again when its time is over."""
        return self._db.transaction(
            lambda c: c.change(
                "UPDATE tasks SET idempotency_key = NULL, key_expires_at = NULL WHERE key_expires_at < NOW(3) LIMIT %s",
                limit,
            )
        )


def _current(cursor: Cursor, task_id: str, attempt: int | None = None) -> tuple[Task, Times]:
    """The task, and the events of an attempt (None: the task's own) with their times."""
    row = cursor.row(
        "SELECT t.*, (SELECT GROUP_CONCAT(e.kind, ' ', e.at ORDER BY e.at) FROM task_events e "
        "WHERE e.task_id = t.id AND e.attempt = COALESCE(%s, t.attempt)) AS events FROM tasks t WHERE t.id = %s",
        attempt,
        task_id,
    )
    if row is None:
        raise LookupError(task_id)
    return rows.task(row), rows.event_times(row["events"])


def _end_attempt(cursor: Cursor, task: Task, outcome: Outcome, number: int | None = None) -> bool:
    """False when none was open: the task was waiting."""
    ended = cursor.change(
        "UPDATE attempts SET ended_at = %s, status = %s, reason = %s, message = %s "
        "WHERE task_id = %s AND number = %s AND ended_at IS NULL",
        task.updated_at,
        outcome.status.value,
        outcome.reason.value if outcome.reason else None,
        outcome.message[:1000] if outcome.message else None,
        task.id,
        number or task.attempt,
    )
    return ended > 0
