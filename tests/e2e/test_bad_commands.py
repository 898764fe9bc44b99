"""Commands that misbehave: the right reason, the log kept, and the next task not disturbed."""

from __future__ import annotations

import os

import pytest

from tests.support.road import Road

needs_cgroups = pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root")
LOG_LIMIT = 20 << 20
DISK = "dd if=/dev/zero of=big bs=1M count=1024 status=none"
OUTPUT = "head -c 1G /dev/zero | tr '\\0' x"
FORKS = "f() { f | f & }; f; wait; while true; do sleep 1; done"
MEMORY = "python3 -c 'b = bytes([120]) * (3 << 30)'"


@pytest.mark.parametrize(
    ("command", "reasons", "limits"),
    [
        pytest.param("exit 3", {"AGENT_ERROR"}, {}, id="exits with 3"),
        pytest.param("kill -SEGV $$", {"AGENT_ERROR"}, {}, id="crashes"),
        pytest.param(DISK, {"OUT_OF_DISK", "OUTPUT_TOO_LARGE"}, {}, id="writes 1 GB to the disk"),
        pytest.param("while true; do :; done", {"TIMEOUT"}, {"timeout_s": 1}, id="never ends"),
        pytest.param("trap '' TERM INT HUP; sleep inf", {"TIMEOUT"}, {"timeout_s": 1}, id="ignores signals"),
        pytest.param(FORKS, {"PROCESS_LIMIT"}, {"timeout_s": 30}, id="forks without end"),
        pytest.param(MEMORY, {"OUT_OF_MEMORY"}, {}, id="eats memory", marks=needs_cgroups),
    ],
)
def test_command_that_misbehaves(road: Road, command: str, reasons: set[str], limits: dict[str, int]) -> None:
    task_id, following = road.submit(f"echo so far; {command}", limits=limits), road.submit("cat readme.txt")
    task = road.ended(task_id)
    assert task["status"] == "FAILED", task
    assert task["reason"] in reasons
    assert len(task["message"].split()) > 2
    assert "\nso far\n" in road.log(task["id"])
    assert b"\nso far\n" in road.artifact(task["id"], "agent.log")
    assert road.ended(following)["status"] == "COMPLETED"


def test_exit_code_is_shown(road: Road) -> None:
    task = road.run("echo to stderr >&2; exit 3")
    assert (task["reason"], task["exit_code"]) == ("AGENT_ERROR", 3)
    assert "\nto stderr\n" in road.log(task["id"])


def test_output_without_end_is_cut_at_the_logs_limit(road: Road) -> None:
    task = road.run(f"echo so far; {OUTPUT}; echo changed > readme.txt")
    assert task["status"] == "COMPLETED", task
    log = road.log(task["id"])
    assert LOG_LIMIT - 8192 < len(log) <= LOG_LIMIT
    assert "\nso far\n" in log
    assert "the log reached its limit" in log[-8192:]
    assert log.encode() == road.artifact(task["id"], "agent.log")
    assert "+changed" in road.artifact(task["id"], "diff.patch").decode()
    assert road.run("cat readme.txt")["status"] == "COMPLETED"
