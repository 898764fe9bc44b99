"""Asynchronous events: nothing is lost, failures come again as the platform's do, what is given up is kept."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator.scf import Invocation, limits
from emulator.scf.queue import AsyncQueue, EventTooLarge, Patience, Target
from tests.support.scf import PROJECT

Script = Callable[[str, Any], Awaitable[Invocation]]
OWNER = ("1250000000", "100000000001")


class Runner:
    """Hands the events of a queue to a script, by the function's name."""

    def __init__(self, script: Script, patience: Patience) -> None:
        self._script, self._patience = script, patience
        self.requests: list[tuple[str, int]] = []

    async def run_event(self, target: Target, event: Any, request_id: str, retries: int) -> Invocation:
        self.requests.append((request_id, retries))
        return dataclasses.replace(await self._script(target.function, event), request_id=request_id)

    def patience(self, target: Target) -> Patience:
        return self._patience


class Function:
    """Stands for every function: answers with `statuses` in turn, then with 200."""

    def __init__(self, *statuses: int, seconds: float = 0.0) -> None:
        self.statuses, self.seconds = list(statuses), seconds
        self.calls: list[tuple[str, Any, float]] = []
        self.at_once = self.most = 0

    async def __call__(self, function: str, event: Any) -> Invocation:
        self.calls.append((function, event, time.monotonic()))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        return Invocation(self.statuses.pop(0) if self.statuses else 200, "request-1", error="sentence", trace="Trace")


def target(function: str) -> Target:
    return Target("default", function, "$LATEST")


def deliver(
    folder: Path,
    invoke: Script,
    events: list[tuple[str, Any]],
    delay: float = 0.02,
    patience: Patience = Patience(),
) -> Runner:
    """Put the events and return when the queue is empty."""
    runner = Runner(invoke, patience)

    async def live() -> Runner:
        queue = AsyncQueue(folder / "queue.sqlite", folder / "dead.jsonl", runner, delay, OWNER)
        queue.start()
        for function, event in events:
            queue.put(target(function), event, "TRIGGER_TIMER")
        end = time.monotonic() + 10
        while queue.waiting:
            assert time.monotonic() < end
            await asyncio.sleep(0.005)
        await queue.stop()
        return runner

    return asyncio.run(live())


def dead_letters(folder: Path) -> list[dict[str, Any]]:
    path = folder / "dead.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_event_is_delivered_once_and_unchanged(tmp_path: Path) -> None:
    function = Function()
    deliver(tmp_path, function, [("one", {"a": ["größer", "\ud800"]})])
    assert [call[:2] for call in function.calls] == [("one", {"a": ["größer", "\ud800"]})]
    assert dead_letters(tmp_path) == []


@pytest.mark.parametrize("status", [405, 407, 430, 433, 434, 439, 450])
def test_run_error_comes_again_twice_after_the_delay_and_is_then_given_up(tmp_path: Path, status: int) -> None:
    function = Function(*[status] * 9)
    deliver(tmp_path, function, [("one", {"a": 1})], delay=0.05)
    times = [call[2] for call in function.calls]
    assert len(times) == 3
    assert times[1] - times[0] >= 0.05 and times[2] - times[1] >= 0.05
    assert len(dead_letters(tmp_path)) == 1


def test_retries_and_age_are_those_of_the_function_and_the_request_stays_the_same(tmp_path: Path) -> None:
    runner = deliver(tmp_path, Function(430, 430, 430), [("one", {})], patience=Patience(retries=1))
    ids, retries = zip(*runner.requests, strict=True)
    assert retries == (0, 1) and len(set(ids)) == 1
    assert len(deliver(tmp_path, Function(*[432] * 9), [("one", {})], patience=Patience(max_age_s=0)).requests) == 1


def test_event_given_up_is_kept_in_the_platforms_form(tmp_path: Path) -> None:
    event = {"Type": "Timer", "Message": "x"}
    runner = deliver(tmp_path, Function(430, 430, 430), [("one", event)])
    (letter,) = dead_letters(tmp_path)
    body = letter.pop("Body")
    assert letter == {"RequestId": runner.requests[0][0], "ErrorCode": -1, "ErrorMessage": "Trace"}
    assert json.loads(body["ClientContext"]) == event
    assert (body["FunctionName"], body["RequestSource"], body["RetryNum"]) == ("one", "TRIGGER_TIMER", 2)


@pytest.mark.parametrize("status", sorted(limits.OVERRUN | {limits.SYSTEM_ERROR}))
def test_overrun_and_system_errors_come_again_until_success_and_use_up_no_retry(tmp_path: Path, status: int) -> None:
    function = Function(*[status] * 5, 430, status, 430, status)
    deliver(tmp_path, function, [("one", {})], delay=0.005)
    assert len(function.calls) == 10 and dead_letters(tmp_path) == []


def test_queue_goes_on_after_a_fault_of_its_file(tmp_path: Path) -> None:
    async def live() -> list[tuple[str, int]]:
        runner = Runner(Function(), Patience())
        queue = AsyncQueue(tmp_path / "queue.sqlite", tmp_path / "dead.jsonl", runner, 60, OWNER)
        queue.put(target("one"), {}, "TRIGGER_TIMER")
        with closing(sqlite3.connect(tmp_path / "queue.sqlite", isolation_level=None)) as other:
            other.execute("ALTER TABLE events RENAME TO gone")
            queue.start()
            await asyncio.sleep(0.1)
            assert runner.requests == []
            other.execute("ALTER TABLE gone RENAME TO events")
        while queue.waiting:
            await asyncio.sleep(0.05)
        await queue.stop()
        return runner.requests

    assert len(asyncio.run(asyncio.wait_for(live(), 10))) == 1


@pytest.mark.parametrize("status", [401, 406, 435])
def test_call_error_is_given_up_at_once(tmp_path: Path, status: int) -> None:
    function = Function(status)
    deliver(tmp_path, function, [("one", {})])
    assert len(function.calls) == 1 and len(dead_letters(tmp_path)) == 1


def test_fault_of_the_emulator_itself_is_tried_again_after_the_delay(tmp_path: Path) -> None:
    calls: list[float] = []

    async def broken_once(function: str, event: Any) -> Invocation:
        calls.append(time.monotonic())
        if len(calls) == 1:
            raise LookupError("a fault of ours")
        return Invocation(200, "")

    deliver(tmp_path, broken_once, [("one", {})], delay=0.05)
    assert len(calls) == 2 and calls[1] - calls[0] >= 0.05


def test_event_may_have_128_kb(tmp_path: Path) -> None:
    deliver(tmp_path, Function(), [("one", {"a": "x" * (limits.ASYNC_EVENT_BYTES - 9)})])
    with pytest.raises(EventTooLarge):
        deliver(tmp_path, Function(), [("one", {"a": "x" * (limits.ASYNC_EVENT_BYTES - 8)})])


def test_hundreds_of_events_go_through_in_order_and_at_most_twenty_at_once(tmp_path: Path) -> None:
    function = Function(seconds=0.002)
    deliver(tmp_path, function, [("one", {"number": number}) for number in range(500)])
    assert [call[1]["number"] for call in function.calls] == list(range(500))
    assert 2 <= function.most <= 20


def test_function_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    done = asyncio.Event()

    async def invoke(function: str, event: Any) -> Invocation:
        if function == "slow":
            await done.wait()
        elif event["number"] == 2:
            done.set()
        return Invocation(200, "")

    slow = [("slow", {"number": number}) for number in range(300)]
    deliver(tmp_path, invoke, slow + [("fast", {"number": number}) for number in range(3)])


def test_waiting_costs_nothing(tmp_path: Path) -> None:
    async def live() -> float:
        runner = Runner(Function(430), Patience())
        queue = AsyncQueue(tmp_path / "queue.sqlite", tmp_path / "dead.jsonl", runner, 60, OWNER)
        queue.start()
        queue.put(target("one"), {}, "CLOUD_API")
        await asyncio.sleep(0.05)
        began = time.process_time()
        await asyncio.sleep(0.5)
        await queue.stop()
        return time.process_time() - began

    assert asyncio.run(live()) < 0.25  # seconds of processor; a loop that never rests takes 0.5


def test_events_survive_sigkill_also_those_under_way(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.scf_process", "queue", str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == ["under way\n"] * 2
        process.kill()
    function = Function()
    deliver(tmp_path, function, [])
    assert [call[:2] for call in function.calls] == [("one", {"number": 1}), ("two", {"number": 2})]


def test_stop_leaves_what_is_under_way_for_the_next_start(tmp_path: Path) -> None:
    async def cut_off() -> None:
        runner = Runner(Function(seconds=60), Patience())
        queue = AsyncQueue(tmp_path / "queue.sqlite", tmp_path / "dead.jsonl", runner, 60, OWNER)
        queue.start()
        queue.put(target("one"), {}, "CLOUD_API")
        await asyncio.sleep(0.05)
        await queue.stop()

    asyncio.run(cut_off())
    function = Function()
    deliver(tmp_path, function, [])
    assert len(function.calls) == 1
