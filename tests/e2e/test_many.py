"""Twenty tasks at once on a node with four slots, and a killed function instance in the middle of the work."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.emulator_process import EmulatorProcess
from tests.support.gate import Gate
from tests.support.road import Road, until
from tests.support.witnesses import agree, all_ended, announced, job_watch, submit_together

COUNT, SLOTS = 20, 4


def test_twenty_tasks_at_once_each_have_one_job(road: Road, closed_gate: Gate, tmp_path: Path) -> None:
    with job_watch(road, tmp_path / "jobs") as watch:
        prompts = [f"{closed_gate.command}; echo {number} > made.txt" for number in range(COUNT)]
        task_ids = submit_together(road, prompts)
        closed_gate.wait_for(SLOTS)
        until("a Job for every task", lambda: all(watch.jobs(task_ids).values()))
        until("all pods but four to wait", lambda: _waiting(road, task_ids) == COUNT - SLOTS)
        assert closed_gate.arrivals == SLOTS
        closed_gate.open()
        assert all_ended(road, task_ids) == {"COMPLETED"}
        jobs = watch.jobs(task_ids)
    assert {len(each) for each in jobs.values()} == {1}
    tasks = agree(road, task_ids)
    assert {task["attempt"] for task in tasks.values()} == {1}
    announced(road, tasks)
    for number in (0, COUNT - 1):
        assert f"+{number}\n" in road.artifact(task_ids[number], "diff.patch").decode()


def _waiting(road: Road, task_ids: list[str]) -> int:
    """How many of the tasks' pods no node has taken."""
    chosen = f"patchmill/task in ({','.join(task_ids).lower()})"
    pods = json.loads(road.kubectl("get", "pods", "-l", chosen, "-o", "json").stdout)["items"]
    return sum("nodeName" not in pod["spec"] for pod in pods)


@pytest.mark.parametrize("function", ["submit", "dispatch", "collect"])
def test_killed_instance_costs_no_task(cloud: EmulatorProcess, road: Road, function: str, tmp_path: Path) -> None:
    with job_watch(road, tmp_path / "jobs") as watch, ThreadPoolExecutor(1) as pool:
        killed = threading.Event()
        submitted = pool.submit(submit_until, road, killed)
        try:
            kill_busy(cloud.pid, function, 2)
        finally:
            killed.set()
        task_ids = submitted.result(90)
        assert all_ended(road, task_ids) == {"COMPLETED"}
        jobs = watch.jobs(task_ids)
    assert {len(each) for each in jobs.values()} == {1}
    announced(road, agree(road, task_ids, dispatch_was_killed=function == "dispatch"))


def submit_until(road: Road, killed: threading.Event) -> list[str]:
    """Tasks without a pause, so that every function has work until the killing is done."""
    task_ids: list[str] = []
    while len(task_ids) < 8 or not killed.is_set():
        task_ids += submit_together(road, ["echo made > made.txt"] * 4, 2)
    return task_ids


def kill_busy(emulator: int, function: str, count: int) -> None:
    """SIGKILL so many instances in the middle of an event: those that are not frozen."""
    deadline = time.monotonic() + 60
    while count:
        assert time.monotonic() < deadline, f"no busy instance of {function} was met"
        for known in processes.instances(emulator, function):
            for _ in range(20):
                now = processes.look(known.pid)
                if now is None or now.started != known.started:
                    break
                if now.state in "RSD" and count:
                    with suppress(ProcessLookupError):
                        os.kill(known.pid, signal.SIGKILL)
                    count -= 1
                    break
