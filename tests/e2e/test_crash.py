"""The whole emulator killed in the middle of the work, twice, and started again: no task is lost, no process stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from tests.e2e.conftest import REQUEUE, SWEEP
from tests.support import processes
from tests.support.emulator_process import EmulatorProcess
from tests.support.gate import Gate
from tests.support.road import Road, until
from tests.support.witnesses import agree, all_ended, announced, submit_together

COUNT, SLOTS = 20, 4


@pytest.fixture
def own() -> Iterator[EmulatorProcess]:
    """An emulator that may be killed."""
    emulator = EmulatorProcess(SWEEP, ("--slots", str(SLOTS), *REQUEUE))
    yield emulator
    emulator.close()


def crash(emulator: EmulatorProcess) -> None:
    """Kill it, and see every process of it go."""
    ran = emulator.kill()
    assert any("mariadbd" in process.argv for process in ran)
    until("every process to be gone", lambda: not [p.argv for p in ran if p.alive], 20)


@pytest.mark.timeout(360)  # three starts, twenty tasks, and whatever else the machine has to do
def test_all_tasks_end_although_everything_was_killed_twice(own: EmulatorProcess, closed_gate: Gate) -> None:
    assert "up after" in own.up()
    road = Road(own.values)
    assert "is up" in own.up()
    task_ids = submit_together(road, [f"{closed_gate.command}; echo {n} > made.txt" for n in range(COUNT)])
    closed_gate.wait_for(SLOTS)
    crash(own)
    assert not [p for p in processes.running().values() if closed_gate.mark in p.argv]
    closed_gate.open()

    own.up()
    assert own.values == road.values  # the same addresses and keys
    until("the first to be completed", lambda: _completed(road))
    crash(own)
    crashed = datetime.now(timezone.utc).isoformat()

    own.up()
    assert all_ended(road, task_ids) == {"COMPLETED"}
    tasks = agree(road, task_ids, dispatch_was_killed=True)
    lost = [task for task in tasks.values() if task["attempt"] > 1]
    assert len(lost) >= SLOTS
    for task in lost:
        reasons = road.rows("SELECT DISTINCT reason FROM attempts WHERE task_id = %s AND number = 1", task["id"])
        assert reasons == [{"reason": "NODE_LOST"}]
    # The broker keeps its records in memory, so it only knows what was told after the last start.
    later = {task_id: task for task_id, task in tasks.items() if task["finished_at"] > crashed}
    assert later
    announced(road, later)
    road.close()

    left = processes.below(own.pid)
    assert "stopped" in own.down()
    assert not [process.argv for process in left if process.alive]
    assert "nothing runs" in own.down()


def _completed(road: Road) -> list[str]:
    rows = road.rows("SELECT id FROM tasks WHERE status = 'COMPLETED'")
    return [row["id"] for row in rows]
