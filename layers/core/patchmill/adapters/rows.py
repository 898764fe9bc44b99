"""Rows of the tables tasks, attempts and task_events ⇄ the dataclasses of patchmill.task."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from patchmill.adapters.database import Row
from patchmill.task import Attempt, AttemptRecord, Limits, NewTask, Outcome, Phase, Reason, Status, Task, TaskEvent

KEY_LIFE_S = 24 * 3600  # an idempotency key is remembered for that long

INSERT = (
    "INSERT INTO tasks (id, tenant, status, agent, model, prompt, source, labels, timeout_s, max_steps, drop_name, "
    "idempotency_key, key_expires_at, request_hash, trace_id, parent_span_id, retry_of, canary, result, created_at, "
    "updated_at) VALUES (%s, %s, 'QUEUED', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', %s, %s)"
)


def insert_values(new: NewTask, now: datetime) -> list[Any]:
    return [
        new.id,
        new.tenant,
        new.agent,
        new.model,
        new.prompt,
        json.dumps(new.source),
        json.dumps(new.labels),
        new.limits.timeout_s,
        new.limits.max_steps,
        new.drop,
        new.idempotency_key,
        now + timedelta(seconds=KEY_LIFE_S) if new.idempotency_key else None,
        new.request_hash,
        new.trace_id,
        new.parent_span_id,
        new.retry_of,
        int(new.canary),
        now,
        now,
    ]


def fresh(new: NewTask, now: datetime) -> Task:
    return Task(
        id=new.id, tenant=new.tenant, status=Status.QUEUED, phase=None, reason=None, message=None, agent=new.agent,
        model=new.model, prompt=new.prompt, source=new.source, limits=new.limits, labels=new.labels, drop=new.drop,
        attempt=1, version=1, request_hash=new.request_hash, result={}, created_at=now, updated_at=now,
        started_at=None, finished_at=None, trace_id=new.trace_id, parent_span_id=new.parent_span_id,
        retry_of=new.retry_of, canary=new.canary,
    )  # fmt: skip


def task(row: Row) -> Task:
    return Task(
        id=row["id"],
        tenant=row["tenant"],
        status=Status(row["status"]),
        phase=Phase(row["phase"]) if row["phase"] else None,
        reason=Reason(row["reason"]) if row["reason"] else None,
        message=row["message"],
        agent=row["agent"],
        model=row["model"],
        prompt=row["prompt"],
        source=json.loads(row["source"]),
        limits=Limits(row["timeout_s"], row["max_steps"]),
        labels=json.loads(row["labels"]),
        drop=row["drop_name"],
        attempt=row["attempt"],
        version=row["version"],
        request_hash=row["request_hash"],
        result=json.loads(row["result"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        trace_id=row["trace_id"],
        parent_span_id=row["parent_span_id"],
        retry_of=row["retry_of"],
        canary=bool(row["canary"]),
    )


def naive(moment: datetime | None) -> datetime | None:
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment else None


def attempt(row: Row) -> Attempt:
    return Attempt(
        row["task_id"],
        row["number"],
        row["job_uid"],
        float(row["age"]),
        bool(row["start_overdue"]),
        bool(row["overdue"]),
    )


def attempt_record(row: Row) -> AttemptRecord:
    return AttemptRecord(
        row["task_id"],
        row["number"],
        Status(row["status"]) if row["status"] else None,
        Reason(row["reason"]) if row["reason"] else None,
        row["message"],
        row["job_uid"],
        row["claimed_at"],
        row["ended_at"],
    )


def event_times(text: str | None) -> dict[str, datetime]:
    """ "KIND 2026-11-24 12:00:00.000,…" as the database joins an attempt's events."""
    pairs = [part.split(" ", 1) for part in text.split(",")] if text else []
    return {kind: datetime.fromisoformat(at) for kind, at in pairs}


def naive_times(outcome: Outcome) -> Outcome:
    """The same with its times as the database has them."""
    return replace(
        outcome,
        started_at=naive(outcome.started_at),
        finished_at=naive(outcome.finished_at),
        delivered_at=naive(outcome.delivered_at),
    )


def event(row: Row) -> TaskEvent:
    return TaskEvent(row["task_id"], row["attempt"], row["at"], row["kind"])


def json_inside(text: str) -> str:
    """How a text stands inside the JSON of `source` and `labels`, without its quotes."""
    return json.dumps(text)[1:-1]
