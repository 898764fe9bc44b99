"""What happened to a task: its timeline (the spans that are exported by OTLP, too) and its attempts."""

from __future__ import annotations

from typing import Any

import falcon

from patchmill import keys, tracing
from patchmill.task import AttemptRecord, TaskEvent, iso
from submit.resources import Resource, answer


class Timeline(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response, task_id: str) -> None:
        task = self.task_of(request, task_id)
        spans = tracing.spans_of(task, self.services.tasks.attempts(task_id), self.services.tasks.events(task_id))
        value = {"task_id": task_id, "trace_id": tracing.trace_id_of(task), "spans": [_span(span) for span in spans]}
        answer(request, response, value)


class Attempts(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response, task_id: str) -> None:
        self.view_of(request, task_id)
        attempts = self.services.tasks.attempts(task_id)
        events = self.services.tasks.events(task_id)
        answer(request, response, {"attempts": [_attempt(each, events) for each in attempts]})


def _span(span: tracing.Span) -> dict[str, Any]:
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "attempt": span.attempt,
        "start": iso(span.start),
        "end": iso(span.end),
        "status": span.status,
        "attributes": dict(span.attributes),
    }


def _attempt(attempt: AttemptRecord, events: list[TaskEvent]) -> dict[str, Any]:
    times = {event.kind: event.at for event in events if event.attempt == attempt.number}
    return {
        "attempt": attempt.number,
        "status": attempt.status.value if attempt.status else "PROCESSING",
        "reason": attempt.reason.value if attempt.reason else None,
        "message": attempt.message,
        "job": keys.job_name(attempt.task_id, attempt.number),
        "dispatched_at": iso(attempt.claimed_at),
        "started_at": iso(times.get("RUNNING_AGENT")),
        "finished_at": iso(attempt.ended_at),
    }
