"""What is read of tasks, attempts and events: one task, pages of a tenant's, what the sweep looks through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone

from ulid import ULID

from patchmill.adapters import rows
from patchmill.adapters.database import Cursor, Database
from patchmill.task import CANARY_TENANT, Attempt, AttemptRecord, Reason, Status, Task, TaskEvent

SEARCHED = 10_000
"""A filter without an index of its own looks at so many of the newest tasks (of the tenant, and of a status if one is
given).
"""


@dataclass(frozen=True)
class Filter:
    """All that is set has to fit. `text`: a part of the prompt, the source, or a label's name or value, in any case.
    `before`: the id of the last one already seen.
    """

    status: Status | None = None
    agent: str | None = None
    reason: Reason | None = None
    text: str | None = None
    since: datetime | None = None
    before: str | None = None

    @property
    def searches(self) -> bool:
        return any(part is not None for part in (self.agent, self.reason, self.text))


@dataclass(frozen=True)
class CanaryRun:
    """As much of a canary's task as its judgement needs: there are thousands of them."""

    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    status: Status
    labels: dict[str, str]


class TaskQueries:
    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, task_id: str) -> Task | None:
        return self._read("id = %s", task_id)

    def _read(self, where: str, *params: object) -> Task | None:
        row = self._db.transaction(lambda c: c.row(f"SELECT * FROM tasks WHERE {where} LIMIT 1", *params))  # noqa: S608
        return rows.task(row) if row else None

    def exists(self, task_id: str) -> bool:
        return self._db.transaction(lambda c: c.row("SELECT 1 FROM tasks WHERE id = %s", task_id)) is not None

    def page(self, tenant: str, wanted: Filter, limit: int) -> list[Task]:
        """Newest first."""
        # Left alone, MariaDB walks from the newest task to the cursor, however far that is.
        index = "by_tenant_status" if wanted.status else "by_tenant"
        table = f"tasks FORCE INDEX ({index})"
        where, params = ["tenant = %s"], [tenant]
        if wanted.status:
            where, params = [*where, "status = %s"], [*params, wanted.status.value]

        def work(cursor: Cursor) -> list[Task]:
            parts, values = _conditions(wanted)
            if wanted.searches:
                oldest = cursor.row(
                    f"SELECT id FROM {table} WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT 1 OFFSET %s",  # noqa: S608
                    *params,
                    SEARCHED - 1,
                )
                if oldest:
                    parts, values = [*parts, "id >= %s"], [*values, oldest["id"]]
            sql = f"SELECT * FROM {table} WHERE {' AND '.join([*where, *parts])} ORDER BY id DESC LIMIT %s"  # noqa: S608
            return [rows.task(row) for row in cursor.rows(sql, *params, *values, limit)]

        return self._db.transaction(work)

    def canaries(self, since: datetime, limit: int) -> list[Task]:
        """The canary's tasks from `since` (UTC) on, newest first."""
        return self.page(CANARY_TENANT, Filter(since=since), limit)

    def canary_runs(self, since: datetime, limit: int) -> list[CanaryRun]:
        """The same, without their texts and results."""
        found = self._db.transaction(
            lambda c: c.rows(
                "SELECT created_at, started_at, finished_at, status, labels FROM tasks FORCE INDEX (by_tenant) "
                "WHERE tenant = %s AND id >= %s AND canary = 1 ORDER BY id DESC LIMIT %s",
                CANARY_TENANT,
                _first_id(since),
                limit,
            )
        )
        return [
            CanaryRun(
                row["created_at"],
                row["started_at"],
                row["finished_at"],
                Status(row["status"]),
                json.loads(row["labels"]),
            )
            for row in found
        ]

    def events(self, task_id: str) -> list[TaskEvent]:
        """In the order of attempts and time."""
        found = self._db.transaction(
            lambda c: c.rows("SELECT * FROM task_events WHERE task_id = %s ORDER BY attempt, at", task_id)
        )
        return [rows.event(row) for row in found]

    def attempts(self, task_id: str) -> list[AttemptRecord]:
        found = self._db.transaction(
            lambda c: c.rows("SELECT * FROM attempts WHERE task_id = %s ORDER BY number", task_id)
        )
        return [rows.attempt_record(row) for row in found]

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


def _conditions(wanted: Filter) -> tuple[list[str], list[str]]:
    parts: list[tuple[str, list[str]]] = []
    if wanted.before:
        parts.append(("id < %s", [wanted.before]))
    if wanted.since:
        parts.append(("id >= %s", [_first_id(wanted.since)]))
    if wanted.agent is not None:
        parts.append(("agent = %s", [wanted.agent]))
    if wanted.reason is not None:
        parts.append(("reason = %s", [wanted.reason.value]))
    if wanted.text is not None:
        like = f"%{_escaped(wanted.text)}%"
        # Labels and source are JSON text, in which what is not ASCII is written as \uXXXX, and quotes are escaped.
        as_json = f"%{_escaped(rows.json_inside(wanted.text))}%"
        parts.append(("(prompt LIKE %s OR source LIKE %s OR labels LIKE %s)", [like, as_json, as_json]))
    return [sql for sql, _ in parts], [value for _, values in parts for value in values]


def _first_id(since: datetime) -> str:
    """The smallest id of that millisecond: ids sort by time."""
    moment = since if since.tzinfo else since.replace(tzinfo=timezone.utc)
    return str(ULID.from_datetime(moment))[:10] + "0" * 16


def _escaped(text: str) -> str:
    """For LIKE, whose own characters are meant as they stand."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
