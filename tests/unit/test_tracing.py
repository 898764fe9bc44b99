"""Trace context, and the spans of a task: the same for whoever computes them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from patchmill import job as jobs
from patchmill import tracing, wire
from patchmill.job import Urls
from patchmill.task import AttemptRecord, Outcome, Reason, Status, Task, TaskEvent
from patchmill.tracing import Span
from tests.support import samples
from tests.support.samples import TASK_ID

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{CALLER}-01"
START = datetime(2026, 11, 24, 12, 0, 0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stage(start: float, end: float) -> dict[str, str]:
    return {
        name: at(s).isoformat(timespec="milliseconds") + "Z"
        for name, s in (("started_at", start), ("finished_at", end))
    }


STAGES = {"fetch": stage(2, 3), "agent": stage(3.5, 8), "deliver": stage(8.2, 9)}


def ended(**changes: Any) -> Task:
    fields: dict[str, Any] = {
        "status": Status.COMPLETED,
        "finished_at": at(10),
        "trace_id": TRACE,
        "parent_span_id": CALLER,
        "result": {
            "stages": STAGES,
            "usage": {"model_calls": 2, "input_tokens": 30, "output_tokens": 4},
            "exit_code": 0,
        },
    }
    return samples.task(**{**fields, **changes})


def attempt(
    number: int, start: float, end: float | None, status: Status | None, reason: Reason | None = None
) -> AttemptRecord:
    return AttemptRecord(TASK_ID, number, status, reason, None, "uid", at(start), None if end is None else at(end))


def event(number: int, kind: str, seconds: float) -> TaskEvent:
    return TaskEvent(TASK_ID, number, at(seconds), kind)


def tree(spans: list[Span]) -> dict[str, str | None]:
    names = {span.span_id: f"{span.name}/{span.attempt or 0}" for span in spans}
    assert len(names) == len(spans)
    return {names[span.span_id]: names.get(span.parent_span_id or "", span.parent_span_id) for span in spans}


def only(spans: list[Span], name: str, number: int | None = 1) -> Span:
    (span,) = [span for span in spans if (span.name, span.attempt) == (name, number)]
    return span


@pytest.mark.parametrize(
    "header",
    [HEADER, f"00-{TRACE}-{CALLER}-00", f" {HEADER} ", f"01-{TRACE}-{CALLER}-01", f"cc-{TRACE}-{CALLER}-01-what-comes"],
)
def test_trace_context_is_taken_over(header: str) -> None:
    assert tracing.parse(header) == tracing.of(header) == tracing.Context(TRACE, CALLER)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{TRACE.upper()}-{CALLER}-01",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{CALLER}-01-more",
        f"00-{TRACE}-{CALLER}-1",
        f"00-{TRACE}-{CALLER}",
        f"{HEADER},{HEADER}",
        f"00-{TRACE}-{CALLER}-01\n00",
    ],
)
def test_what_is_no_trace_context_begins_a_trace(header: str | None) -> None:
    assert tracing.parse(header) is None
    first, second = tracing.of(header), tracing.of(header)
    assert first.span_id is None
    assert first.trace_id != second.trace_id
    assert tracing.parse(tracing.traceparent(first.trace_id, CALLER)) == tracing.Context(first.trace_id, CALLER)


def test_spans_are_one_tree_below_the_callers_span() -> None:
    events = [event(1, "QUEUED", 0.1), event(1, "DISPATCHED", 1), event(1, "JOB_CREATED", 1.2)]
    spans = tracing.spans_of(ended(), [attempt(1, 1, 10, Status.COMPLETED)], events)
    assert tree(spans) == {
        "submit/0": CALLER,
        "task/0": "submit/0",
        "queued/1": "task/0",
        "attempt 1/1": "task/0",
        "dispatch/1": "attempt 1/1",
        "fetch/1": "attempt 1/1",
        "agent/1": "attempt 1/1",
        "deliver/1": "attempt 1/1",
        "collect/1": "attempt 1/1",
    }
    assert {span.trace_id for span in spans} == {TRACE}
    agent = only(spans, "agent")
    assert (agent.start, agent.end) == (at(3.5), at(8))
    assert agent.attributes["gen_ai.usage.input_tokens"] == 30
    collect = only(spans, "collect")
    assert (collect.start, collect.end, collect.status) == (at(9), at(10), "UNSET")
    assert only(spans, "task", None).status == "OK"


def test_same_rows_give_the_same_spans_whatever_their_order() -> None:
    rows = [attempt(1, 1, 4, Status.FAILED, Reason.NODE_LOST), attempt(2, 5, 10, Status.COMPLETED)]
    events = [event(1, "QUEUED", 0), event(2, "QUEUED", 4), event(1, "RUNNING_AGENT", 2)]
    task = ended(attempt=2)
    assert tracing.spans_of(task, rows, events) == tracing.spans_of(task, rows[::-1], events[::-1])


def test_lost_attempt_stays_in_the_tree_and_the_next_one_has_its_own_ids() -> None:
    rows = [attempt(1, 1, 4, Status.FAILED, Reason.NODE_LOST), attempt(2, 5, 10, Status.COMPLETED)]
    events = [event(1, "DOWNLOADING_CODE", 1.5), event(1, "RUNNING_AGENT", 2), event(2, "QUEUED", 4)]
    spans = tracing.spans_of(ended(attempt=2), rows, events)
    shape = tree(spans)
    assert shape["agent/1"] == "attempt 1/1" and shape["agent/2"] == "attempt 2/2"
    assert (only(spans, "fetch", 1).start, only(spans, "fetch", 1).end) == (at(1.5), at(2))
    assert (only(spans, "agent", 1).start, only(spans, "agent", 1).end) == (at(2), at(4))
    assert (only(spans, "queued", 2).start, only(spans, "queued", 2).end) == (at(4), at(5))
    assert only(spans, "attempt 1").status == "ERROR"
    assert only(spans, "attempt 1").attributes["error.type"] == "NODE_LOST"


def test_running_task_shows_what_it_is_doing_as_open() -> None:
    events = [event(1, "DOWNLOADING_CODE", 1.5), event(1, "RUNNING_AGENT", 2)]
    task = ended(status=Status.PROCESSING, finished_at=None, result={})
    spans = tracing.spans_of(task, [attempt(1, 1, None, None)], events)
    assert {span.name: span.end for span in spans if span.end is None} == {
        "task": None,
        "attempt 1": None,
        "agent": None,
    }
    assert "collect" not in {span.name for span in spans}


def test_task_that_waits_is_open_and_one_cancelled_in_the_queue_is_closed() -> None:
    waiting = tracing.spans_of(ended(status=Status.QUEUED, finished_at=None, result={}), [], [event(1, "QUEUED", 0.2)])
    assert {span.name: span.end for span in waiting} == {"submit": at(0.2), "task": None, "queued": None}
    cancelled = tracing.spans_of(ended(status=Status.CANCELLED, finished_at=at(3), result={}), [], [])
    assert {span.name: span.end for span in cancelled} == {"submit": at(0), "task": at(3), "queued": at(3)}
    assert {span.status for span in cancelled} == {"OK", "UNSET"}


def test_no_clock_of_a_pod_takes_a_span_out_of_its_attempt_or_behind_its_start() -> None:
    wild = {"fetch": stage(-5000, 1e6), "agent": stage(9e5, -9e5), "deliver": stage(8, 7)}
    spans = tracing.spans_of(ended(result={"stages": wild}), [attempt(1, 1, 10, Status.COMPLETED)], [])
    inside = [span for span in spans if span.name in ("fetch", "agent", "deliver", "collect")]
    assert len(inside) == 4
    for span in inside:
        assert span.end is not None and at(1) <= span.start <= span.end <= at(10)


def test_failure_of_the_source_or_of_the_agent_is_at_its_span() -> None:
    for reason, name in ((Reason.SOURCE_ERROR, "fetch"), (Reason.AGENT_ERROR, "agent")):
        task = ended(status=Status.FAILED, reason=reason)
        spans = tracing.spans_of(task, [attempt(1, 1, 10, Status.FAILED, reason)], [])
        wrong = {span.name for span in spans if span.status == "ERROR"}
        assert wrong == {"task", "attempt 1", name}


def test_task_from_before_traces_has_a_trace_all_the_same() -> None:
    task = ended(trace_id=None, parent_span_id=None)
    first = tracing.spans_of(task, [attempt(1, 1, 10, Status.COMPLETED)], [])
    assert first[0].parent_span_id is None
    assert tracing.parse(tracing.traceparent(first[0].trace_id, first[0].span_id)) is not None
    assert first == tracing.spans_of(task, [attempt(1, 1, 10, Status.COMPLETED)], [])


def test_trace_goes_on_in_messages_and_in_each_container() -> None:
    task = ended()
    spans = {span.name: span for span in tracing.spans_of(task, [attempt(1, 1, 10, Status.COMPLETED)], [])}
    messages = [json.loads(wire.wake_up(task)), wire.result_message(task, Outcome(Status.COMPLETED), None)]
    assert [message["traceparent"] for message in messages] == [f"00-{TRACE}-{spans['task'].span_id}-01"] * 2
    urls = Urls(None, "http://c", dict.fromkeys(("DOWNLOADING_CODE", "RUNNING_AGENT", "UPLOADING"), "http://p"), {})
    job = jobs.job(task, urls, samples.settings_with())
    assert job["metadata"]["annotations"]["patchmill/traceparent"] == f"00-{TRACE}-{spans['attempt 1'].span_id}-01"
    pod = job["spec"]["template"]["spec"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        given = {each["name"]: each.get("value") for each in container["env"]}
        assert given["TRACEPARENT"] == f"00-{TRACE}-{spans[container['name']].span_id}-01"
        assert given["PATCHMILL_TENANT"] == "acme"


def test_no_prompt_is_in_any_span() -> None:
    task = ended(prompt="canary-of-the-prompt", labels={"a": "canary-of-a-label"})
    assert "canary" not in str(tracing.spans_of(task, [attempt(1, 1, 10, Status.COMPLETED)], []))
