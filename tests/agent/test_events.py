"""What the containers say for machines: JSON lines, the stages' times, and the trace that goes on in the agent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchmill_agent import jsonfile, manifest
from tests.agent.conftest import Pod
from tests.support.zips import Entry, build

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WHO = {"PATCHMILL_TENANT": "acme", "TRACEPARENT": f"00-{TRACE}-00f067aa0ba902b7-01"}
SOURCE = json.dumps({"kind": "zip"})
ZIP = build(Entry(b"a.txt", b"one\n"))


@pytest.fixture
def traced(pod: Pod) -> Pod:
    pod.env |= WHO
    pod.bucket.objects["code.zip"] = ZIP
    return pod


def fetch(pod: Pod) -> list[dict[str, Any]]:
    done = pod.stage("fetch", PATCHMILL_SOURCE=SOURCE, PATCHMILL_SOURCE_URL=pod.bucket.url("code.zip"))
    return [json.loads(line) for line in done.stdout.splitlines()]


def deliver(pod: Pod) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    done = pod.stage("deliver")
    return [json.loads(line) for line in done.stdout.splitlines()], json.loads(pod.bucket.objects["logs/manifest.json"])


def test_each_line_is_json_and_says_whose_task_it_was(traced: Pod) -> None:
    lines = fetch(traced)
    traced.run("echo prompt-canary; exit 3")
    told, _ = deliver(traced)
    for line, stage in [*((line, "fetch") for line in lines), *((line, "deliver") for line in told)]:
        assert (line["task"], line["attempt"], line["tenant"]) == ("01JD0000000000000000000000", 1, "acme")
        assert (line["trace_id"], line["stage"]) == (TRACE, stage)
    assert [line["event"] for line in lines] == ["source_fetched"]
    assert [line["event"] for line in told] == ["agent_ended", "delivered"]
    assert (told[0]["agent"], told[0]["exit_code"]) == ("command", 3)
    assert (told[1]["status"], told[1]["reason"]) == ("FAILED", "AGENT_ERROR")
    assert all(line["duration_s"] >= 0 for line in [*lines, *told])
    assert "canary" not in json.dumps([*lines, *told])


def test_refused_source_is_one_line_with_its_reason(traced: Pod) -> None:
    traced.bucket.objects["code.zip"] = b"no ZIP at all"
    (line,) = fetch(traced)
    assert (line["event"], line["level"], line["reason"]) == ("source_refused", "warning", "SOURCE_ERROR")
    _, whole = deliver(traced)
    assert set(whole["stages"]) == {"fetch", "deliver"}


def test_manifest_carries_the_trace_and_when_each_stage_worked(traced: Pod) -> None:
    fetch(traced)
    traced.run("sleep 0.3")
    told, whole = deliver(traced)
    assert whole["traceparent"] == WHO["TRACEPARENT"]
    times = [
        whole["stages"][name][end] for name in ("fetch", "agent", "deliver") for end in ("started_at", "finished_at")
    ]
    assert times == sorted(times)
    assert told[0]["duration_s"] == manifest.seconds(whole["stages"]["agent"]) >= 0.3


def test_command_may_go_on_with_the_trace(traced: Pod) -> None:
    fetch(traced)
    traced.run("echo $TRACEPARENT")
    assert WHO["TRACEPARENT"].encode() in traced.log


@pytest.mark.parametrize("claimed", ["1999-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z", "yesterday", None, 7])
def test_agent_s_own_times_count_only_between_the_other_stages(traced: Pod, claimed: object) -> None:
    fetch(traced)
    traced.run("true")
    result = jsonfile.read(traced.output / "result.json")
    assert result is not None
    jsonfile.write(traced.output / "result.json", {**result, "finished_at": claimed})
    _, whole = deliver(traced)
    stages = whole["stages"]
    assert stages["fetch"]["finished_at"] <= stages["agent"]["started_at"] <= stages["agent"]["finished_at"]
    assert stages["agent"]["finished_at"] <= stages["deliver"]["started_at"]


def test_agent_that_was_killed_ran_until_the_delivery(traced: Pod) -> None:
    """Its provisional result, written at the start, names no end."""
    fetch(traced)
    traced.stage("run", PATCHMILL_PROMPT="kill -9 $PPID; sleep 5")
    _, whole = deliver(traced)
    assert whole["reason"] == "INTERNAL" and whole["finished_at"] is None
    assert whole["stages"]["agent"]["finished_at"] == whole["stages"]["deliver"]["started_at"]
