"""Events, phases, sums of minutes, the queue and heartbeats: what is kept beside the tasks, read back."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from ulid import ULID

from patchmill import phases
from patchmill.adapters.database import Database
from patchmill.adapters.deadletters import DeadLetters
from patchmill.adapters.stats import Stats
from patchmill.adapters.tasks import Tasks
from patchmill.task import CANARY_TENANT, Outcome, Phase, Reason, Status
from tests.adapters.test_counters import AGENTS, GONE, NEW, numbers
from tests.support.engines import MariaDb


@pytest.fixture
def database(mariadb: MariaDb) -> Iterator[Database]:
    database = Database(mariadb.fresh())
    yield database
    database.close()


def test_one_task_s_events_and_phases(database: Database) -> None:
    tasks, task_id = Tasks(database, 60, AGENTS), str(ULID())
    tasks.create(dataclasses.replace(NEW, id=task_id))
    tasks.claim(task_id, 1, 60, 60)
    tasks.put_back(task_id, 1)
    tasks.claim(task_id, 1, 60, 60)
    tasks.job_created(task_id, 1, "uid")
    tasks.retry(task_id, 1, GONE)
    tasks.claim(task_id, 2, 60, 60)
    tasks.enter(task_id, 2, Phase.RUNNING_AGENT)
    now = datetime.now(timezone.utc)
    told = {"started_at": now, "finished_at": now + timedelta(hours=1), "delivered_at": now + timedelta(hours=1)}
    ended = tasks.finish(task_id, 2, Outcome(Status.COMPLETED, result={"artifacts": []}, **told))  # type: ignore[arg-type]
    assert ended is not None
    kinds = [(event.attempt, event.kind) for event in tasks.events(task_id)]
    first = [(1, kind) for kind in ("QUEUED", "DISPATCHED", "JOB_CREATED", "LOST")]
    second = [(2, kind) for kind in ("QUEUED", "DISPATCHED", "RUNNING_AGENT", "UPLOADING", "COMPLETED")]
    assert sorted(kinds) == sorted(first + second)
    assert max(event.at for event in tasks.events(task_id)) == ended.finished_at  # a pod's clock may be wrong
    assert [(a.number, a.status, a.reason) for a in tasks.attempts(task_id)] == [
        (1, Status.FAILED, Reason.NODE_LOST),
        (2, Status.COMPLETED, None),
    ]
    observed: Counter[str] = Counter()
    for (_, phase), value in numbers(Stats(database))["phase_seconds_bucket"].items():
        observed[phase] += value
    assert observed == {"queued": 2, "fetch": 1, "agent": 1, "deliver": 1, "collect": 1}


def test_phases_are_measured_between_events() -> None:
    noon = datetime(2026, 11, 24, 12)
    at = {kind: noon + timedelta(seconds=s) for kind, s in {"QUEUED": 0, "DISPATCHED": 3, "RUNNING_AGENT": 10}.items()}
    only = {kind: at[kind] for kind in ("QUEUED", "DISPATCHED")}
    assert phases.measured(only, "RUNNING_AGENT", at["RUNNING_AGENT"]) == {"queued": 3.0, "fetch": 7.0}
    assert phases.measured(at, "UPLOADING", noon + timedelta(seconds=70)) == {"agent": 60.0}
    outcome = Outcome(
        Status.COMPLETED, finished_at=noon + timedelta(seconds=30), delivered_at=noon + timedelta(seconds=34)
    )
    end = noon + timedelta(seconds=36)
    late = phases.recovered(at, outcome, end)
    assert late == {"UPLOADING": noon + timedelta(seconds=30)}
    assert phases.measured_at_end(at, late, outcome, end) == {"agent": 20.0, "deliver": 4.0, "collect": 2.0}
    assert [phases.bound_of(s) for s in (0, 0.1, 0.11, 21601)] == [0.1, 0.1, 0.25, phases.BOUNDS[-1]]


def test_minutes_hold_what_ended_and_are_forgotten_after_eight_days(database: Database) -> None:
    tasks, stats, task_id = Tasks(database, 60, AGENTS), Stats(database), str(ULID())
    tasks.create(dataclasses.replace(NEW, id=task_id))
    tasks.finish(task_id, None, Outcome(Status.CANCELLED))
    since = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(minutes=5)
    (minute,) = stats.minutes(since)
    assert (minute.name, dict(minute.labels), minute.value) == (
        "tasks_ended_total",
        {"reason": "", "status": "CANCELLED"},
        1,
    )
    assert minute.at.second == 0
    old = "UPDATE counters SET minute = minute - INTERVAL %s DAY WHERE minute > '2000-01-01'"
    database.transaction(lambda c: c.change(old, 7))
    stats.tend()
    assert len(stats.minutes(datetime(2001, 1, 1))) == 1
    database.transaction(lambda c: c.change(old, 2))
    stats.tend()
    assert stats.minutes(datetime(2001, 1, 1)) == []
    assert numbers(stats)["tasks_ended_total"] == {("command", "", "CANCELLED"): 1}


def test_gauges_are_put_right_after_code_that_did_not_move_them(database: Database) -> None:
    tasks, stats = Tasks(database, 60, AGENTS), Stats(database)
    for _ in range(3):
        tasks.create(dataclasses.replace(NEW, id=str(ULID())))
    database.transaction(lambda c: c.change("UPDATE tasks SET status = 'PROCESSING' LIMIT 1"))
    assert stats.tend() == {"tasks_queued": -1, "tasks_running": 1}
    check_gauges = {name: sum(numbers(stats)[name].values()) for name in ("tasks_queued", "tasks_running")}
    assert check_gauges == {"tasks_queued": 2, "tasks_running": 1}
    assert stats.tend() == {}


def test_queue_is_as_old_as_the_longest_wait_of_a_user_s_task(database: Database) -> None:
    tasks, stats = Tasks(database, 60, AGENTS), Stats(database)
    assert (stats.queue().depth, stats.queue().oldest_s) == (0, 0.0)
    ids = [str(ULID()) for _ in range(3)]
    tasks.create(dataclasses.replace(NEW, id=ids[0], tenant=CANARY_TENANT, canary=True))
    for task_id in ids[1:]:
        tasks.create(dataclasses.replace(NEW, id=task_id))
    age = "UPDATE tasks SET created_at = NOW(3) - INTERVAL %s SECOND WHERE id = %s"
    for task_id, seconds in zip(ids, (900, 30, 60), strict=True):
        database.transaction(lambda c, t=task_id, s=seconds: c.change(age, s, t))  # type: ignore[misc]
    assert stats.queue().depth == 2 and 60 <= stats.queue().oldest_s < 90
    tasks.claim(ids[2], 1, 60, 60)
    assert stats.running_by_tenant() == {"acme": 1}
    tasks.retry(ids[2], 1, GONE)
    assert 30 <= stats.queue().oldest_s < 60


def test_beats_faults_and_dead_letters_are_counted(database: Database) -> None:
    stats, letters = Stats(database), DeadLetters(database)
    stats.beat("sweep")
    stats.beat("sweep")
    stats.fault("collect")
    for position in ("0/1", "0/1", "0/2"):
        letters.park("codex-tasks", position, "no such task", "{}")
    found = {(counter.name, *counter.labels.values()): counter.value for counter in stats.counters()}
    assert abs(found[("beat", "sweep")] / 1000 - datetime.now(timezone.utc).timestamp()) < 60
    assert found[("function_errors_total", "collect")] == 1
    assert found[("dead_letters_total",)] == 2
    assert letters.causes(5) == [("no such task", 2)]


def test_fault_of_a_database_that_is_away_is_not_raised() -> None:
    Stats(Database("mysql://root@127.0.0.1:1/x")).fault("submit")
