"""The messages on Kafka: codex-tasks (submit → dispatch) and codex-results (collect → the world). Pure.

Readers accept the version before theirs and ignore fields they don't know; writers write `VERSION`.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from patchmill import keys, tracing
from patchmill.errors import BadRecord
from patchmill.task import Outcome, Task, iso

VERSION = 1


class TaskMessage(BaseModel):
    """A wake-up call for one attempt. What it says beside task id and attempt is for people who read the topic."""

    model_config = ConfigDict(extra="ignore", strict=True)

    v: int = Field(ge=VERSION - 1, le=VERSION)
    task_id: str = Field(pattern=f"^{keys.ULID}$")
    attempt: int = Field(ge=1)


def task_message(
    task_id: str,
    attempt: int,
    tenant: str,
    source: dict[str, Any],
    agent: str,
    enqueued_at: str,
    traceparent: str | None = None,
) -> dict[str, Any]:
    return {
        "v": VERSION,
        "task_id": task_id,
        "attempt": attempt,
        "tenant": tenant,
        "source": source["kind"],
        "agent": agent,
        "enqueued_at": enqueued_at,
        "traceparent": traceparent,
    }


def wake_up(task: Task) -> str:
    """The message of a task's current attempt: the same text in the outbox and on the topic."""
    enqueued = iso(task.updated_at) or ""
    trace = tracing.for_task(task)
    return dump(task_message(task.id, task.attempt, task.tenant, task.source, task.agent, enqueued, trace))


def parse_task_message(body: str) -> TaskMessage:
    """Raises BadRecord, with what was wrong and never the record's own text."""
    try:
        return TaskMessage.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "record"
        raise BadRecord(f"{where}: {first['msg']}") from None


def result_message(task: Task, outcome: Outcome, finished_at: str | None) -> dict[str, Any]:
    """The same bytes however often it is sent: it is stored in the outbox with the transition."""
    return {
        "v": VERSION,
        "task_id": task.id,
        "attempt": task.attempt,
        "tenant": task.tenant,
        "status": outcome.status.value,
        "reason": outcome.reason.value if outcome.reason else None,
        "message": outcome.message,
        "finished_at": finished_at or iso(task.updated_at),
        "artifacts": [
            {"name": a["name"], "size": a["size"], "sha256": a["sha256"]} for a in outcome.result.get("artifacts", [])
        ],
        "pull_request": None,
        "traceparent": tracing.for_task(task),
    }


def dump(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
