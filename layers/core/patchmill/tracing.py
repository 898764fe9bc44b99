"""W3C trace context, and the spans of one task. Pure: the timeline API and the exporter both show what `spans_of` says.

in   the header `traceparent` of a request (w3.org/TR/trace-context), or none; a task with its attempts and events
out  a Context, stored with the task; Spans

    submit ─▶ task ─┬▶ queued                                                and so on for attempt 2
                    └▶ attempt 1 ─▶ dispatch, fetch, agent, deliver, collect

A span's id is a hash of task id, attempt and name: every function can name every span without having seen it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal, Protocol

from patchmill import keys
from patchmill.task import Reason, Status, Task

Value = str | int | float | bool

_HEADER = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?P<rest>-.*)?"
)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True)
class Context:
    """Where a task belongs: its trace, and the caller's span in it; None: the trace begins with us."""

    trace_id: str
    span_id: str | None


def parse(header: str | None) -> Context | None:
    """None for a header that is absent or not as W3C has it. A later version may carry more fields at its end."""
    match = _HEADER.fullmatch((header or "").strip())
    if match is None or match["version"] == "ff" or (match["version"] == "00" and match["rest"]):
        return None
    if match["trace"] == _NO_TRACE or match["span"] == _NO_SPAN:
        return None
    return Context(match["trace"], match["span"])


def new() -> Context:
    """A trace of our own, with a random id."""
    return Context(secrets.token_hex(16), None)


def of(header: str | None) -> Context:
    """The caller's trace where there is one."""
    return parse(header) or new()


def traceparent(trace_id: str, span: str) -> str:
    """The header for whoever comes next. Always sampled: what is not wanted is dropped by the collector."""
    return f"00-{trace_id}-{span}-01"


def span_id(task_id: str, attempt: int, name: str) -> str:
    """16 hexadecimal digits; `attempt` 0 for what belongs to the task as a whole."""
    return hashlib.sha256(f"{task_id}/{attempt}/{name}".encode()).hexdigest()[:16]


def trace_id_of(task: Task) -> str:
    """The task's trace; one from before traces were kept has an id made of its own."""
    return task.trace_id or hashlib.sha256(task.id.encode()).hexdigest()[:32]


def for_task(task: Task) -> str:
    """The `traceparent` that messages about the task carry."""
    return traceparent(trace_id_of(task), span_id(task.id, 0, "task"))


def for_stage(task: Task, name: str) -> str:
    """The `traceparent` of one container (fetch, agent, deliver) of the task's current attempt."""
    return traceparent(trace_id_of(task), span_id(task.id, task.attempt, name))


@dataclass(frozen=True)
class Span:
    """One piece of a task's time. Times are UTC without a zone, as in MySQL; `end` None: it is still going on."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    attempt: int | None
    start: datetime
    end: datetime | None
    status: Literal["OK", "ERROR", "UNSET"] = "UNSET"
    attributes: Mapping[str, Value] = field(default_factory=dict)


class AttemptRow(Protocol):
    """What is needed of a row of `attempts`."""

    @property
    def number(self) -> int: ...
    @property
    def claimed_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def status(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...


class EventRow(Protocol):
    """What is needed of a row of `task_events`."""

    @property
    def attempt(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> datetime: ...


def spans_of(task: Task, attempts: Iterable[AttemptRow], events: Iterable[EventRow]) -> list[Span]:
    """All spans of a task as far as they are known, parents before children. The same input gives the same spans."""
    rows = sorted(attempts, key=lambda row: row.number)
    when = {(event.attempt, event.kind): event.at for event in events}
    first = rows[0].claimed_at if rows else task.finished_at
    submitted = _within(when.get((1, "QUEUED"), task.created_at), task.created_at, first)
    spans = [
        submit_span(task, task.created_at, submitted),
        _span(task, "task", 0, "submit", task.created_at, task.finished_at, _status(task.status), _about(task)),
    ]
    since = task.created_at
    for row in rows:
        spans.append(_queued(task, row.number, when, since, row.claimed_at))
        spans += _attempt(task, row, when)
        since = row.ended_at or row.claimed_at
    if not rows or rows[-1].number < task.attempt:
        spans.append(_queued(task, task.attempt, when, since, task.finished_at))
    return spans


def submit_span(task: Task, start: datetime, end: datetime) -> Span:
    """The request (or the dropped ZIP) that the task came from: the root, below the caller's own span."""
    about: dict[str, Value] = {"patchmill.source": str(task.source["kind"])}
    return _span(task, "submit", 0, None, start, end, "OK", about)


def dispatch_span(task: Task, start: datetime, end: datetime) -> Span:
    """From the message to the Job."""
    return _span(task, "dispatch", task.attempt, f"attempt {task.attempt}", start, end, "OK")


def _queued(
    task: Task, attempt: int, when: Mapping[tuple[int, str], datetime], since: datetime, end: datetime | None
) -> Span:
    start = _within(when.get((attempt, "QUEUED"), since), since, end) if attempt > 1 else since
    return _span(task, "queued", attempt, "task", start, end)


def _attempt(task: Task, row: AttemptRow, when: Mapping[tuple[int, str], datetime]) -> list[Span]:
    number, parent = row.number, f"attempt {row.number}"
    begun, ended = row.claimed_at, row.ended_at
    about: dict[str, Value] = {"k8s.job.name": keys.job_name(task.id, number)}
    if row.reason:
        about["error.type"] = _text(row.reason)
    spans = [_span(task, parent, number, "task", begun, ended, _status(row.status), about)]
    if made := when.get((number, "JOB_CREATED")):
        spans.append(_span(task, "dispatch", number, parent, begun, _within(made, begun, ended), "OK"))
    for name, start, end in _stages(task, row, when):
        start = _within(start, begun, ended)
        stop = _within(end, start, ended) if end else ended
        spans.append(_span(task, name, number, parent, start, stop, _stage_status(task, row, name), _work(task, name)))
    return spans


_Stage = tuple[str, datetime, datetime | None]


def _stages(task: Task, row: AttemptRow, when: Mapping[tuple[int, str], datetime]) -> list[_Stage]:
    """Name, start and end of each stage that began: by the manifest where there is one, else by the pod's phases."""
    known = _told(task) if row.number == task.attempt else {}
    seen = {name: when.get((row.number, phase)) for name, phase in _PHASES.items()}
    stages: list[_Stage] = []
    for name, then in (("fetch", "agent"), ("agent", "deliver"), ("deliver", None)):
        told = known.get(name)
        start = told[0] if told else seen[name]
        if start:
            following = (known[then][0] if then in known else seen[then]) if then else None
            stages.append((name, start, told[1] if told else following))
    if "deliver" in known and row.ended_at:
        stages.append(("collect", known["deliver"][1], row.ended_at))
    return stages


_PHASES = {"fetch": "DOWNLOADING_CODE", "agent": "RUNNING_AGENT", "deliver": "UPLOADING"}


def _told(task: Task) -> dict[str, tuple[datetime, datetime]]:
    """The stages' times by the pod's own clock, from its manifest."""
    found = {}
    for name, times in (task.result.get("stages") or {}).items():
        found[name] = (_moment(times["started_at"]), _moment(times["finished_at"]))
    return found


def _moment(text: str) -> datetime:
    # Python 3.10 knows no "Z".
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).replace(tzinfo=None)


def _within(moment: datetime, low: datetime, high: datetime | None) -> datetime:
    """Clocks of pods and of the database differ a little; a child does not leave its parent for that."""
    return max(low, min(moment, high) if high else moment)


def _span(
    task: Task,
    name: str,
    attempt: int,
    parent: str | None,
    start: datetime,
    end: datetime | None,
    status: Literal["OK", "ERROR", "UNSET"] = "UNSET",
    about: Mapping[str, Value] | None = None,
) -> Span:
    above = task.parent_span_id
    if parent:
        above = span_id(task.id, 0 if parent in ("submit", "task") else attempt, parent)
    return Span(
        trace_id=trace_id_of(task),
        span_id=span_id(task.id, attempt, name),
        parent_span_id=above,
        name=name,
        attempt=attempt or None,
        start=start,
        end=end,
        status=status,
        attributes={"patchmill.task": task.id, **({"patchmill.attempt": attempt} if attempt else {}), **(about or {})},
    )


def _about(task: Task) -> dict[str, Value]:
    about: dict[str, Value] = {
        "patchmill.tenant": task.tenant,
        "patchmill.agent": task.agent,
        "patchmill.status": task.status.value,
        "patchmill.attempts": task.attempt,
    }
    if task.model:
        about["gen_ai.request.model"] = task.model
    if task.reason:
        about["error.type"] = task.reason.value
    return about


def _work(task: Task, name: str) -> dict[str, Value]:
    """What the agent used, by OpenTelemetry's names for generative AI where it has them."""
    if name != "agent":
        return {}
    usage: dict[str, Any] = task.result.get("usage") or {}
    about: dict[str, Value] = {"patchmill.agent": task.agent}
    if task.model:
        about["gen_ai.request.model"] = task.model
    for ours, theirs in _USAGE.items():
        if usage.get(ours):
            about[theirs] = int(usage[ours])
    if (code := task.result.get("exit_code")) is not None:
        about["process.exit.code"] = int(code)
    return about


_USAGE = {
    "model_calls": "patchmill.model_calls",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
}
_AGENTS_FAULT = {"AGENT_ERROR", "MODEL_ERROR", "BUDGET", "PROCESS_LIMIT"}


def _status(status: str | None) -> Literal["OK", "ERROR", "UNSET"]:
    """A cancelled task is no error of anybody's."""
    if status in (Status.COMPLETED, Status.FAILED):
        return "OK" if status == Status.COMPLETED else "ERROR"
    return "UNSET"


def _stage_status(task: Task, row: AttemptRow, name: str) -> Literal["OK", "ERROR", "UNSET"]:
    reason = _text(row.reason) if row.reason else None
    if (name == "fetch" and reason == Reason.SOURCE_ERROR) or (name == "agent" and reason in _AGENTS_FAULT):
        return "ERROR"
    return "UNSET"


def _text(value: str) -> str:
    return value.value if isinstance(value, Reason) else value
