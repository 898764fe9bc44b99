"""The road of a task: how long from the submission to the agent's first process, and from its end to COMPLETED.

In a fresh emulator, with the slots of `make up`: first `command` tasks one after the other, each taken apart hop by hop
and the slowest hop named; then a full queue, for tasks per minute. A task's command prints the time when it begins and
when it ends, so the two figures are those of the user's own process and nothing in between is guessed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT)]

import yaml  # noqa: E402  (what follows is found by the line above)

from bench.support import Emulator, by_hand, emulator, ms, quick, say, show, spread, upload  # noqa: E402
from bench.watch import ClusterWatch, invocations  # noqa: E402
from emulator.settings import Settings  # noqa: E402
from patchmill_client.api import Client  # noqa: E402
from patchmill_client.model import Task, TaskRequest  # noqa: E402

FILES = {"app.py": "import os, sys\nprint('hello')\n", "README.md": "# A small package\n"}
COMMAND = "date +%s.%N; echo 'print(1)' >> app.py; date +%s.%N"
TO_AGENT_S, TO_COMPLETED_S = 1.0, 0.7
POLL_S = 0.01
WARM_UP = 3
SUBMITTERS = 4
LONGEST_QUEUE_S = 600.0


def main() -> None:
    few = quick("the road of a task: its hops one after the other, and tasks per minute with a full queue")
    with emulator() as cloud, cloud.client() as client:
        source = upload(client, FILES)
        result = one_by_one(cloud, client, source, 8 if few else 50)
        show({**result, "queue": full_queue(cloud, client, source, 20 if few else 200), "settings": waits()})


@dataclass
class Trip:
    """Unix times of one task's way."""

    task_id: str
    sent: float
    answered: float
    agent_started: float = 0.0
    agent_ended: float = 0.0
    seen: float = 0.0
    """When a GET said COMPLETED."""
    by_hand_s: float = 0.0
    """The same work without a cloud, right afterwards, in seconds."""


def one_by_one(cloud: Emulator, client: Client, source: str, count: int) -> dict[str, Any]:
    """Medians and p95 of the two figures and of each hop, over `count` tasks."""
    say(f"road: {count} tasks one after the other")
    watch = ClusterWatch(cloud.root / "kubeconfig")
    trips = [trip(client, watch, source) for _ in range(WARM_UP + count)][WARM_UP:]
    hops: dict[str, list[float]] = {}
    dispatched = invocations(cloud.log("dispatch"), "job_created")
    collected = invocations(cloud.log("collect"), "task_ended")
    for one in trips:
        for name, seconds in lengths(one, watch, dispatched[one.task_id], collected[one.task_id]):
            hops.setdefault(name, []).append(seconds)
    to_agent = [one.agent_started - one.sent for one in trips]
    to_completed = [one.seen - one.agent_ended for one in trips]
    slowest = max(hops, key=lambda name: statistics.median(hops[name]))
    whole, floor = [one.seen - one.sent for one in trips], [one.by_hand_s for one in trips]
    return {
        "submit_to_agent_started": {**spread(to_agent), **aim(to_agent, TO_AGENT_S)},
        "agent_ended_to_completed_seen": {**spread(to_completed), **aim(to_completed, TO_COMPLETED_S)},
        "submit_to_completed_seen": spread(whole),
        "floor_by_hand": spread(floor),
        "ratio_at_median": round(statistics.median(whole) / statistics.median(floor), 2),
        "hops": {name: spread(seconds) for name, seconds in hops.items()},
        "slowest_hop": {"name": slowest, "median_ms": ms(statistics.median(hops[slowest]))},
        "poll_ms": ms(POLL_S),
    }


def trip(client: Client, watch: ClusterWatch, source: str) -> Trip:
    """Send one task and wait for its end. Nobody polls while it runs: that would cost what is measured."""
    sent = time.time()
    task = client.submit(TaskRequest(COMMAND, agent="command", upload_id=source))
    one = Trip(task.id, sent, time.time())
    watch.wait(task.id, "agent.terminated")
    while not task.ended:
        time.sleep(POLL_S)
        task = client.task_if_changed(task) or task
    one.seen = time.time()
    require(task)
    printed = [line for line in client.log(task.id).data.decode().splitlines() if line[:1].isdigit()]
    one.agent_started, one.agent_ended = float(printed[0]), float(printed[-1])
    watch.wait(task.id, "deliver.terminated")  # the next task finds the machine as this one did
    began = time.perf_counter()
    by_hand(FILES, COMMAND)
    one.by_hand_s = time.perf_counter() - began
    return one


def lengths(one: Trip, watch: ClusterWatch, dispatch: float, collect: float) -> Iterator[tuple[str, float]]:
    """(hop, seconds) in the order of the road; they add up to the whole."""
    at = {step: watch.wait(one.task_id, step) for step in STEPS}
    marks = [
        ("", one.sent),
        ("submit: POST sent → answered", one.answered),
        ("Kafka and trigger: answered → dispatch called", max(dispatch, one.answered)),
        ("dispatch: called → Job created", at["job"]),
        ("cluster: Job created → fetch runs", at["fetch.running"]),
        ("fetch: source unpacked and stored", at["fetch.terminated"]),
        ("agent container: start → the command runs", one.agent_started),
        ("agent: the command itself", one.agent_ended),
        ("agent container: command ended → container ended", at["agent.terminated"]),
        ("cluster: agent ended → deliver runs", at["deliver.running"]),
        ("deliver: patch, uploads, manifest → collect called", collect),
        ("collect: called → COMPLETED seen by a poll", one.seen),
    ]
    for (_, before), (name, after) in pairwise(marks):
        yield name, after - before


STEPS = ("job", "fetch.running", "fetch.terminated", "agent.terminated", "deliver.running")


def full_queue(cloud: Emulator, client: Client, source: str, count: int) -> dict[str, Any]:
    """Submit `count` tasks as fast as it goes and wait until all have ended."""
    say(f"road: {count} tasks at once")
    began = time.time()
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        ids = set(pool.map(lambda _: _submit(cloud, source), range(count)))
    queued = time.time()
    while open_ids := ids - {task.id for task in client.tasks(status="COMPLETED", limit=2 * count)}:
        if time.time() - began > LONGEST_QUEUE_S:
            sys.exit(f"{len(open_ids)} tasks of {count} had not completed after {LONGEST_QUEUE_S:g} s")
        time.sleep(0.5)
    seconds = time.time() - began
    return {
        "tasks": count,
        "slots": Settings.slots,
        "submitted_within_s": round(queued - began, 2),
        "all_completed_within_s": round(seconds, 2),
        "tasks_per_minute": round(count / seconds * 60, 1),
    }


def _submit(cloud: Emulator, source: str) -> str:
    with cloud.client() as client:
        return client.submit(TaskRequest(COMMAND, agent="command", upload_id=source)).id


def require(task: Task) -> None:
    if task.status != "COMPLETED":
        sys.exit(f"task {task.id} is {task.status}: {task.reason} {task.message}")


def aim(seconds: list[float], limit: float) -> dict[str, Any]:
    return {"aim_under_ms": ms(limit), "met": statistics.median(seconds) < limit}


def waits() -> dict[str, Any]:
    """What this machine's settings leave out of the road, and what the declared ones would add."""
    events = yaml.safe_load((PROJECT / "serverless.yml").read_text())["functions"]["dispatch"]["events"]
    declared = next(event["ckafka"]["timeout"] for event in events if "ckafka" in event)
    return {
        "ckafka_wait_s": Settings.ckafka_wait_s,
        "ckafka_wait_declared_s": declared,
        "note": "The CKafka trigger waits this long for a batch to fill. Locally it is a setting of the emulator; as "
        f"declared in serverless.yml it would add {declared - Settings.ckafka_wait_s:g} s to a lone task's way.",
    }


if __name__ == "__main__":
    main()
