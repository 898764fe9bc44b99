"""The task: its states, phases and reasons, and which change is allowed. Pure; MySQL holds it, HTTP shows it.

QUEUED ──▶ PROCESSING ──▶ COMPLETED | FAILED | CANCELLED      a terminal state never changes
   ▲            │
   └────────────┘  only with the next attempt number, after an infrastructure failure
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import Any

CANARY_TENANT = "canary"
"""Whose tasks the canary's are: nobody sees them but an admin who asks, and they are in no number of the users'."""


class Status(str, Enum):
    """Where a task stands."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Phase(str, Enum):
    """What a PROCESSING task is doing, in this order; a phase never goes back."""

    DISPATCHED = "DISPATCHED"
    DOWNLOADING_CODE = "DOWNLOADING_CODE"
    RUNNING_AGENT = "RUNNING_AGENT"
    UPLOADING = "UPLOADING"

    @property
    def before(self) -> tuple[Phase, ...]:
        """The phases from which this one may be entered."""
        order = tuple(Phase)
        return order[: order.index(self)]


class Reason(str, Enum):
    """Why a task failed. Closed list: clients switch on it."""

    SOURCE_ERROR = "SOURCE_ERROR"  # the repository or ZIP could not be fetched or is not acceptable
    AGENT_ERROR = "AGENT_ERROR"  # the agent or command said no
    MODEL_ERROR = "MODEL_ERROR"  # the model's endpoint failed, or a cassette did not match
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    OUT_OF_DISK = "OUT_OF_DISK"
    PROCESS_LIMIT = "PROCESS_LIMIT"
    OUTPUT_TOO_LARGE = "OUTPUT_TOO_LARGE"
    BUDGET = "BUDGET"
    IMAGE_PULL = "IMAGE_PULL"
    UNSCHEDULABLE = "UNSCHEDULABLE"
    NODE_LOST = "NODE_LOST"  # the machine under the pod went away
    JOB_LOST = "JOB_LOST"  # somebody deleted the Job
    INTERNAL = "INTERNAL"

    @property
    def retryable(self) -> bool:
        """The infrastructure's fault, not the task's: worth a new attempt."""
        return self is Reason.NODE_LOST


ALLOWED: dict[Status, tuple[Status, ...]] = {
    Status.QUEUED: (Status.PROCESSING, Status.CANCELLED, Status.FAILED),
    Status.PROCESSING: (Status.QUEUED, Status.COMPLETED, Status.FAILED, Status.CANCELLED),
    Status.COMPLETED: (),
    Status.FAILED: (),
    Status.CANCELLED: (),
}


def sources_of(target: Status) -> tuple[Status, ...]:
    """The states from which `target` may be entered: the IN list of its compare-and-set."""
    return tuple(status for status, targets in ALLOWED.items() if target in targets)


@dataclass(frozen=True)
class Limits:
    """What one task may use: seconds for the agent, and model calls for agents that call a model."""

    timeout_s: int
    max_steps: int


@dataclass(frozen=True)
class NewTask:
    """A checked request, before it is stored."""

    id: str
    tenant: str
    agent: str
    model: str | None
    prompt: str
    source: dict[str, Any]
    limits: Limits
    labels: dict[str, str] = field(default_factory=dict)
    drop: str | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None
    trace_id: str | None = None
    """Of the caller's trace (W3C), with the span in it that the task belongs below; None: the task begins one."""
    parent_span_id: str | None = None
    retry_of: str | None = None
    canary: bool = False


@dataclass(frozen=True)
class Task:
    """A task as MySQL has it. Times are UTC."""

    id: str
    tenant: str
    status: Status
    phase: Phase | None
    reason: Reason | None
    message: str | None
    agent: str
    model: str | None
    prompt: str
    source: dict[str, Any]
    limits: Limits
    labels: dict[str, str]
    drop: str | None
    attempt: int
    version: int
    request_hash: str | None
    result: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    trace_id: str | None = None
    parent_span_id: str | None = None
    retry_of: str | None = None
    canary: bool = False


@dataclass(frozen=True)
class Attempt:
    """One Job of a task. The number is the fence: what an older attempt does is ignored."""

    task_id: str
    number: int
    job_uid: str | None
    age_s: float
    start_overdue: bool
    overdue: bool


@dataclass(frozen=True)
class AttemptRecord:
    """An attempt as it is kept, for people. `status` None: it has not ended. Times are UTC."""

    task_id: str
    number: int
    status: Status | None
    reason: Reason | None
    message: str | None
    job_uid: str | None
    claimed_at: datetime
    ended_at: datetime | None


LOST, JOB_CREATED = "LOST", "JOB_CREATED"
"""Kinds of events beside the names of states and phases: an attempt was given up for the next one; its Job is known."""


@dataclass(frozen=True)
class TaskEvent:
    """A task came to a state or a phase, at most once per attempt. `at` is the database's clock, UTC."""

    task_id: str
    attempt: int
    at: datetime
    kind: str


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: a terminal status, and for a failure why, in a sentence that a person can act on."""

    status: Status
    reason: Reason | None = None
    message: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    """When the agent ended, by the pod's clock; like `started_at` only where there is a manifest."""
    delivered_at: datetime | None = None
    """When the pod's manifest was stored, where there is one."""

    def __post_init__(self) -> None:
        if not self.status.terminal:
            raise ValueError(f"{self.status.value} is no outcome")
        if (self.status is Status.FAILED) != (self.reason is not None):
            raise ValueError("a failure has a reason, and nothing else has one")


def failed(reason: Reason, message: str, **result: Any) -> Outcome:
    """An outcome that did not come from a manifest."""
    return Outcome(Status.FAILED, reason, message, dict(result))


def iso(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if moment is None:
        return None
    utc = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def public(task: Task, brief: bool = False) -> dict[str, Any]:
    """The task as clients see it: no object keys, nothing presigned. `brief`: long texts are cut, for lists."""
    cut = 500 if brief else None
    result = task.result
    end = task.finished_at or task.updated_at
    return {
        "id": task.id,
        "status": task.status.value,
        "phase": task.phase.value if task.phase and task.status is Status.PROCESSING else None,
        "reason": task.reason.value if task.reason else None,
        "message": task.message,
        "agent": task.agent,
        "model": task.model,
        "scripted": bool(result.get("scripted", (task.model or "").startswith("scripted/"))),
        "tenant": task.tenant,
        "prompt": task.prompt[:cut],
        "source": task.source,
        "labels": task.labels,
        "limits": {"timeout_s": task.limits.timeout_s, "max_steps": task.limits.max_steps},
        "attempt": task.attempt,
        "created_at": iso(task.created_at),
        "started_at": iso(task.started_at),
        "finished_at": iso(task.finished_at),
        "updated_at": iso(task.updated_at),
        "duration_s": round((end - task.created_at).total_seconds(), 3) if task.finished_at else None,
        "summary": (result.get("summary") or "")[:cut] or None,
        "exit_code": result.get("exit_code"),
        "usage": result.get("usage"),
        "patch": result.get("patch"),
        "artifacts": [
            {"name": a["name"], "size": a["size"], "sha256": a["sha256"]} for a in result.get("artifacts", [])
        ],
        "salvaged": bool(result.get("salvaged")),
        "drop": task.drop,
        "retry_of": task.retry_of,
        "trace_id": task.trace_id,
        "version": task.version,
        "links": {
            "self": f"/v1/tasks/{task.id}",
            "logs": f"/v1/tasks/{task.id}/logs",
            "artifacts": f"/v1/tasks/{task.id}/artifacts",
            "timeline": f"/v1/tasks/{task.id}/timeline",
            "attempts": f"/v1/tasks/{task.id}/attempts",
        },
    }
