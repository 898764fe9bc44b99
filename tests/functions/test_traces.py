"""Traces through the functions to a real collector: one connected tree per task, and a collector that costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from patchmill import keys
from tests.support.otlp import Collector, collector, tree
from tests.support.samples import API_KEY, load_event
from tests.support.world import World, ckafka_event, cos_event

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{CALLER}-01"
Capture = pytest.CaptureFixture[str]


class Road:
    """The three functions, each with an instance of its own that knows the collector."""

    def __init__(self, world: World, **settings: str) -> None:
        self.world = world
        names = ("submit", "dispatch", "collect")
        self.functions: dict[str, ModuleType] = {name: world.function(name, None, **settings) for name in names}

    def call(self, name: str, event: dict[str, Any]) -> Any:
        context = {"function_name": name, "request_id": f"request-of-{name}"}
        return self.functions[name].main_handler(event, context)

    def post(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        event = load_event("function_url")
        headers = {**event["headers"], "authorization": f"Bearer {API_KEY}", **headers}
        answer = self.call("submit", {**event, "path": path, "body": json.dumps(body), "headers": headers})
        assert answer["statusCode"] in (200, 202), answer
        found: dict[str, Any] = json.loads(answer["body"])
        return found

    def submit(self, **headers: str) -> str:
        source = {"git": {"url": "https://git.test/r.git"}}
        body = {"prompt": "tidy prompt-canary", "agent": "command", "source": source}
        return str(self.post("/v1/tasks", body, **headers)["id"])

    def dispatch(self) -> None:
        (message,) = self.world.rows("SELECT payload FROM outbox WHERE kind = 'task'")
        self.call("dispatch", ckafka_event(message["payload"]))

    def deliver(self, task_id: str, attempt: int = 1, **changes: Any) -> None:
        claimed = self.world.rows("SELECT claimed_at FROM attempts ORDER BY number DESC LIMIT 1")[0]["claimed_at"]
        time.sleep(0.05)

        def moment(milliseconds: int) -> str:
            return str((claimed + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")) + "Z"

        steps = {"fetch": (1, 2), "agent": (3, 20), "deliver": (21, 30)}
        stages = {
            name: {"started_at": moment(start), "finished_at": moment(end)} for name, (start, end) in steps.items()
        }
        self.world.deliver(task_id, attempt, stages=stages, **changes)
        manifest = keys.artifact(task_id, attempt, keys.MANIFEST)
        self.call("collect", cos_event(self.world.services.logs.name, manifest))


@pytest.fixture
def receiver() -> Iterator[Collector]:
    with collector() as server:
        yield server


def test_task_is_one_connected_tree_from_request_to_result(world: World, receiver: Collector) -> None:
    road = Road(world, PATCHMILL_OTLP_ENDPOINT=receiver.endpoint, PATCHMILL_OTLP_HEADERS="x-key=k%20ey")
    task_id = road.submit(traceparent=HEADER)
    road.dispatch()
    road.deliver(task_id, exit_code=0, usage={"model_calls": 1, "input_tokens": 20, "output_tokens": 3})
    assert tree(receiver.spans) == {
        "submit": "",
        "task": "submit",
        "queued": "task",
        "attempt 1": "task",
        "dispatch": "attempt 1",
        "fetch": "attempt 1",
        "agent": "attempt 1",
        "deliver": "attempt 1",
        "collect": "attempt 1",
    }
    assert receiver.named("submit").parent == CALLER
    assert {span.trace_id for span in receiver.spans} == {TRACE}
    for span in receiver.spans:
        assert span.start <= span.end and span.attributes["patchmill.task"] == task_id
    agent = receiver.named("agent")
    assert agent.resource["service.name"] == "patchmill-agent"
    assert (agent.attributes["patchmill.agent"], agent.attributes["gen_ai.usage.input_tokens"]) == ("command", 20)
    assert [headers["x-key"] for headers in receiver.headers] == ["k ey"] * 3
    assert "canary" not in str(receiver.spans)


def test_job_and_result_carry_the_trace(world: World, receiver: Collector) -> None:
    road = Road(world, PATCHMILL_OTLP_ENDPOINT=receiver.endpoint)
    task_id = road.submit(traceparent=HEADER)
    road.dispatch()
    job = world.job(task_id)
    assert job is not None
    agent = job["spec"]["template"]["spec"]["initContainers"][1]
    given = {each["name"]: each.get("value") for each in agent["env"]}
    road.deliver(task_id)
    assert given["TRACEPARENT"] == f"00-{TRACE}-{receiver.named('agent').span_id}-01"


def test_timeline_of_the_api_shows_the_same_spans(world: World, receiver: Collector) -> None:
    road = Road(world, PATCHMILL_OTLP_ENDPOINT=receiver.endpoint)
    task_id = road.submit()
    road.dispatch()
    road.deliver(task_id)
    shown = world.request("GET", f"/v1/tasks/{task_id}/timeline").json
    exported = {(span.name, span.span_id, span.parent) for span in receiver.spans}
    assert {(each["name"], each["span_id"], each["parent_span_id"] or "") for each in shown["spans"]} == exported
    assert shown["trace_id"] == receiver.named("task").trace_id


def test_cancelled_task_s_tree_is_whole(world: World, receiver: Collector) -> None:
    road = Road(world, PATCHMILL_OTLP_ENDPOINT=receiver.endpoint)
    task_id = road.submit(traceparent=HEADER)
    road.post(f"/v1/tasks/{task_id}/cancel", {})
    assert tree(receiver.spans) == {"submit": "", "task": "submit", "queued": "task"}


def test_refused_drop_s_tree_is_whole(world: World, receiver: Collector) -> None:
    road = Road(world, PATCHMILL_OTLP_ENDPOINT=receiver.endpoint)
    world.services.code.put("drops/acme/app.zip", b"no ZIP", "application/zip")
    road.call("submit", cos_event(world.services.code.name, "drops/acme/app.zip"))
    assert tree(receiver.spans) == {"submit": "", "task": "submit", "queued": "task"}
    assert receiver.named("task").attributes["error.type"] == "SOURCE_ERROR"


def test_lost_node_s_attempt_is_in_the_tree_of_the_next_one(world: World, receiver: Collector) -> None:
    road = Road(world, PATCHMILL_OTLP_ENDPOINT=receiver.endpoint)
    task_id = road.submit(traceparent=HEADER)
    road.dispatch()
    world.end_job(task_id)
    world.pod(task_id, phase="Failed", reason="NodeLost")
    road.call("collect", load_event("timer"))
    road.dispatch()
    road.deliver(task_id, attempt=2)
    shape = tree(receiver.spans, numbered=True)
    assert {shape[name] for name in ("attempt 1", "attempt 2", "queued 1", "queued 2")} == {"task"}
    assert (shape["dispatch 1"], shape["dispatch 2"], shape["agent 2"]) == ("attempt 1", "attempt 2", "attempt 2")


@pytest.mark.parametrize("fault", ["slow", "refuses", "away", "busy"])
def test_collector_that_fails_costs_a_moment_once_and_never_the_task(
    world: World, receiver: Collector, fault: str, capsys: Capture
) -> None:
    receiver.delay_s = 5 if fault == "slow" else 0
    receiver.answer = {"refuses": 401, "busy": 503}.get(fault, 200)
    endpoint = "http://127.0.0.1:9" if fault == "away" else receiver.endpoint
    road = Road(world, PATCHMILL_OTLP_ENDPOINT=endpoint, PATCHMILL_OTLP_HEADERS="x-key=key-canary")
    times = []
    for _ in range(3):
        started = time.monotonic()
        road.submit()
        times.append(time.monotonic() - started)
    assert times[0] < 4 and max(times[1:]) < 1
    assert receiver.requests <= 1 if fault != "busy" else receiver.requests <= 2
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    (warning,) = [line for line in lines if line["event"] == "traces_not_exported"]
    assert warning["level"] == "warning" and warning["request_id"] == "request-of-submit"
    assert "canary" not in said.out and "opentelemetry" not in said.err.lower()


def test_without_an_endpoint_the_library_is_not_even_imported(world: World) -> None:
    """In a process of its own: this one has imported it long ago."""
    program = """
import json, sys
from tests.support.world import load_index
event, context = json.loads(sys.stdin.read())
for name, one in event.items():
    load_index(name).main_handler(one, context)
found = {"opentelemetry.metrics", "opentelemetry.trace", "google.protobuf"} & set(sys.modules)
print("redis" in sys.modules, sorted(found))
"""
    event = load_event("function_url")
    body = {"prompt": "tidy", "agent": "command", "source": {"git": {"url": "https://git.test/r.git"}}}
    post = {
        **event,
        "path": "/v1/tasks",
        "body": json.dumps(body),
        "headers": {**event["headers"], "authorization": f"Bearer {API_KEY}"},
    }
    root = Path(__file__).parents[2]
    paths = ("layers/core", "functions/submit", "functions/dispatch", "functions/collect", ".")
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps([{"submit": post, "collect": load_event("timer")}, {"request_id": "r"}]),
        env={
            **world.env,
            "PYTHONPATH": ":".join(str(root / path) for path in paths),
            "TMPDIR": str(world.stand.scratch),
        },
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True []"


def test_one_line_per_event_says_whose_it_was_and_how_long_it_took(world: World, capsys: Capture) -> None:
    road = Road(world)
    task_id = road.submit(traceparent=HEADER)
    road.dispatch()
    road.deliver(task_id)
    text = capsys.readouterr().out
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert line["request_id"] == f"request-of-{line['function']}"
    handled = [(line["function"], line["trigger"]) for line in lines if line["event"] == "handled"]
    assert handled == [("submit", "http"), ("dispatch", "ckafka"), ("collect", "cos")]
    (made,) = [line for line in lines if line["event"] == "job_created"]
    (ended,) = [line for line in lines if line["event"] == "task_ended"]
    for line in (made, ended):
        assert (line["task"], line["attempt"], line["tenant"], line["trace_id"]) == (task_id, 1, "acme", TRACE)
        assert line["duration_s"] >= 0
    assert "canary" not in text


def test_prompt_is_logged_at_debug_only(world: World, capsys: Capture) -> None:
    road = Road(world, PATCHMILL_LOG_LEVEL="debug")
    road.submit()
    road.dispatch()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["level"] for line in lines if "canary" in json.dumps(line)} == {"debug"}
    world.with_settings().close()  # back to the usual level
