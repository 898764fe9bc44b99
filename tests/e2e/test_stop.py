"""A task that is stopped from outside leaves nothing running, and its log stays."""

from __future__ import annotations

from tests.support import processes
from tests.support.gate import Gate
from tests.support.road import Road, until


def at_the_gate(gate: Gate) -> list[processes.Process]:
    """The processes of commands that wait at it."""
    return [each for each in processes.running().values() if gate.mark in each.argv and each.state != "Z"]


def test_cancelled_task_leaves_nothing_running_and_keeps_its_log(road: Road, closed_gate: Gate) -> None:
    task_id = road.submit(f"echo so far; {closed_gate.command}")
    closed_gate.wait_for(1)
    until("the live log", lambda: "so far\n" in road.log(task_id))
    assert at_the_gate(closed_gate)
    done = road.patchmill("cancel", task_id)
    assert done.returncode == 0, done.stderr
    assert road.task(task_id)["status"] == "CANCELLED"
    until("the pod's processes to be gone", lambda: not at_the_gate(closed_gate), 20)
    until(
        "the Job and its pods to be gone", lambda: not (road.objects("jobs", task_id) + road.objects("pods", task_id))
    )
    assert "so far\n" in road.log(task_id)
    assert b"so far\n" in road.artifact(task_id, "agent.log")
    assert road.request("POST", f"/v1/tasks/{task_id}/cancel").status_code == 409
    assert road.patchmill("wait", task_id).returncode == 3
    assert b'"status":"CANCELLED"' in until("the message", lambda: road.results([task_id])[task_id])[0]


def test_queued_task_is_cancelled_before_it_starts(road: Road, closed_gate: Gate) -> None:
    running = [road.submit(closed_gate.command) for _ in range(4)]
    closed_gate.wait_for(4)
    waiting = road.submit("echo never > never.txt")
    assert road.request("POST", f"/v1/tasks/{waiting}/cancel").status_code == 200
    closed_gate.open()
    assert {road.ended(each)["status"] for each in running} == {"COMPLETED"}
    assert road.task(waiting)["status"] == "CANCELLED"
    until("the cancelled task's Job to be gone", lambda: not road.objects("jobs", waiting))


def test_time_limit_ends_the_command_and_all_that_it_started(road: Road, closed_gate: Gate) -> None:
    prompt = f"echo so far; (setsid {closed_gate.command} &); {closed_gate.command}"
    task = road.run(prompt, limits={"timeout_s": 2})
    assert (task["status"], task["reason"]) == ("FAILED", "TIMEOUT")
    assert "2 seconds" in task["message"]
    assert "so far\n" in road.log(task["id"])
    assert at_the_gate(closed_gate) == []
