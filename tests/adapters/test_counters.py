"""The numbers beside the tasks: after any history they are what counting the tables says."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, TypeVar

import pymysql
import pytest
from ulid import ULID

from patchmill.adapters.database import Cursor, Database
from patchmill.adapters.migrations import FOLDER, migrate
from patchmill.adapters.stats import Stats
from patchmill.adapters.tasks import Tasks
from patchmill.errors import Unavailable
from patchmill.task import CANARY_TENANT, Limits, NewTask, Outcome, Phase, Reason, Status, failed
from tests.support.engines import MariaDb

T = TypeVar("T")
AGENTS = ("mini", "command")
NEW = NewTask("", "acme", "command", None, "tidy", {"kind": "git", "url": "https://x/y", "ref": None}, Limits(600, 50))
GONE = failed(Reason.NODE_LOST, "gone")


class Unlucky(Database):
    """Now and then a deadlock after the work, before the commit; or an answer to COMMIT that is lost."""

    def __init__(self, url: str, chance: random.Random) -> None:
        super().__init__(url)
        self._chance = chance

    def _once(self, work: Callable[[Cursor], T]) -> T:
        luck = self._chance.random()

        def conflict(cursor: Cursor) -> T:
            work(cursor)
            raise pymysql.err.OperationalError(1213, "Deadlock found")

        if luck < 0.15:
            return super()._once(conflict)
        value = super()._once(work)
        if luck > 0.9:
            raise pymysql.err.OperationalError(2013, "Lost connection")
        return value


@pytest.fixture
def database(mariadb: MariaDb) -> Iterator[Database]:
    database = Database(mariadb.fresh())
    yield database
    database.close()


def numbers(stats: Stats) -> dict[str, dict[tuple[str, ...], int]]:
    """name → values of the labels, in the order of their names → number, without zeros."""
    found: dict[str, dict[tuple[str, ...], int]] = {}
    for counter in stats.counters():
        if counter.value and counter.name != "beat":
            found.setdefault(counter.name, {})[tuple(v for _, v in sorted(counter.labels.items()))] = counter.value
    return found


def counted(database: Database, sql: str) -> dict[tuple[str, ...], int]:
    rows = database.transaction(lambda c: c.rows(sql))
    return {tuple(str(v or "") for k, v in row.items() if k != "n"): int(row["n"]) for row in rows if row["n"]}


def check(database: Database) -> None:
    """Every counter against the tables."""
    found = numbers(Stats(database))
    agent = "IF(agent IN ('mini', 'command'), agent, 'other') AS agent"
    ended = "status IN ('COMPLETED', 'FAILED', 'CANCELLED')"
    for name, sql in {
        "tasks_queued": "SELECT COUNT(*) AS n FROM tasks WHERE status = 'QUEUED' AND canary = 0",
        "tasks_running": "SELECT COUNT(*) AS n FROM tasks WHERE status = 'PROCESSING' AND canary = 0",
        "tasks_submitted_total": f"SELECT {agent}, 'git' AS source, COUNT(*) AS n FROM tasks WHERE canary = 0 "
        "GROUP BY 1",
        "tasks_ended_total": f"SELECT {agent}, reason, status, COUNT(*) AS n FROM tasks WHERE {ended} AND canary = 0 "
        "GROUP BY 1, 2, 3",
        "canary_tasks_ended_total": f"SELECT status, COUNT(*) AS n FROM tasks WHERE {ended} AND canary = 1 GROUP BY 1",
        "attempts_total": "SELECT IF(t.attempt > a.number, 'LOST', a.status) AS outcome, COUNT(*) AS n FROM attempts a "
        "JOIN tasks t ON t.id = a.task_id WHERE a.ended_at IS NOT NULL AND canary = 0 GROUP BY 1",
    }.items():
        assert found.get(name, {}) == counted(database, sql), name
    check_phases(database, found)


def check_phases(database: Database, found: dict[str, dict[tuple[str, ...], int]]) -> None:
    """Observations against the events: one for each phase that an attempt went through."""
    observed: Counter[str] = Counter()
    for (_, phase), value in found.get("phase_seconds_bucket", {}).items():
        observed[phase] += value
    rows = database.transaction(
        lambda c: c.rows(
            "SELECT GROUP_CONCAT(e.kind) AS kinds FROM task_events e JOIN tasks t ON t.id = e.task_id "
            "WHERE t.canary = 0 GROUP BY e.task_id, e.attempt"
        )
    )
    expected: Counter[str] = Counter()
    for row in rows:
        kinds = set(row["kinds"].split(","))
        expected["queued"] += "DISPATCHED" in kinds and bool(kinds - {"QUEUED", "DISPATCHED", "JOB_CREATED"})
        expected["fetch"] += {"DISPATCHED", "RUNNING_AGENT"} <= kinds
        expected["agent"] += {"RUNNING_AGENT", "UPLOADING"} <= kinds
    assert {phase: observed[phase] for phase in expected} == dict(expected)


class History:
    """Random moves of tasks, right ones and wrong ones."""

    def __init__(self, tasks: Tasks, chance: random.Random) -> None:
        self.tasks, self.chance, self.ids = tasks, chance, list[str]()

    def move(self) -> None:
        moves = [self.create, self.claim, self.claim, self.enter, self.enter, self.finish, self.retry, self.put_back]
        with suppress(Unavailable):  # three times unlucky
            self.chance.choice(moves)() if self.ids else self.create()

    def create(self) -> None:
        task_id = self.chance.choice([str(ULID()), str(ULID()), *self.ids[-1:]])  # the last: sent twice
        canary = self.chance.random() < 0.1
        new = dataclasses.replace(NEW, id=task_id, agent=self.chance.choice([*AGENTS, "a&b=%"]))
        if canary:
            new = dataclasses.replace(new, tenant=CANARY_TENANT, canary=True)
        if self.chance.random() < 0.3:
            new = dataclasses.replace(new, idempotency_key=f"key-{self.chance.randrange(4)}")
        task, _ = self.tasks.create(new)
        if task.id not in self.ids:
            self.ids.append(task.id)

    def claim(self) -> None:
        task_id, attempt = self._some()
        if self.tasks.claim(task_id, attempt, 60, 60) and self.chance.random() < 0.5:
            self.tasks.job_created(task_id, attempt, "uid")

    def enter(self) -> None:
        self.tasks.enter(*self._some(), self.chance.choice(list(Phase)))

    def finish(self) -> None:
        if self.chance.random() < 0.5:
            return
        task_id, attempt = self._some()
        now = datetime.now(timezone.utc)
        manifest = {"started_at": now, "finished_at": now, "delivered_at": now} if self.chance.random() < 0.5 else {}
        outcome = self.chance.choice(
            [
                Outcome(Status.COMPLETED, result={"artifacts": []}, **manifest),  # type: ignore[arg-type]
                Outcome(Status.FAILED, Reason.TIMEOUT, "late"),
                Outcome(Status.CANCELLED),
            ]
        )
        self.tasks.finish(task_id, None if outcome.status is Status.CANCELLED else attempt, outcome)

    def retry(self) -> None:
        self.tasks.retry(*self._some(), GONE)

    def put_back(self) -> None:
        """As dispatch does: before there is a Job."""
        task_id, attempt = self._some()
        task = self.tasks.get(task_id)
        if task and task.phase is Phase.DISPATCHED:
            self.tasks.put_back(task_id, attempt)

    def _some(self) -> tuple[str, int]:
        """A task, and mostly its current attempt."""
        task_id = self.chance.choice(self.ids[-6:])
        task = self.tasks.get(task_id)
        assert task is not None
        return task_id, task.attempt if self.chance.random() < 0.85 else self.chance.randrange(1, 4)


@pytest.mark.parametrize("seed", range(6))
def test_counters_equal_counts_after_any_history(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    unlucky = Unlucky(database._url, chance)
    history = History(Tasks(unlucky, 60, AGENTS), chance)
    for _ in range(150):
        history.move()
    unlucky.close()
    check(database)
    assert Stats(database).tend() == {}


def test_counters_equal_counts_when_many_move_tasks_at_once(database: Database) -> None:
    faults: list[BaseException] = []

    def work(seed: int) -> None:
        mine = Database(database._url)
        history = History(Tasks(mine, 60, AGENTS), random.Random(seed))
        try:
            for _ in range(40):
                history.move()
        except BaseException as fault:
            faults.append(fault)
        mine.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    check(database)


def test_installation_that_has_tasks_begins_with_their_numbers(mariadb: MariaDb, tmp_path: Any) -> None:
    url = mariadb.empty()
    for name in ("0001_tasks.sql", "0001_tasks.rollback.sql"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    migrate(url, tmp_path)
    database = Database(url)
    task = (
        "INSERT INTO tasks (id, tenant, status, reason, agent, prompt, source, labels, timeout_s, max_steps, result, "
        "created_at, updated_at) "
        "VALUES (%s, 'acme', %s, %s, %s, 'p', '{\"kind\": \"git\"}', '{}', 1, 1, '{}', NOW(3), NOW(3))"
    )
    for each in [("QUEUED", None, "mini"), ("PROCESSING", None, "mini"), ("FAILED", "TIMEOUT", "a&b")]:
        database.transaction(lambda c, row=each: c.change(task, str(ULID()), *row))  # type: ignore[misc]
    assert migrate(url) == ["0002_numbers"]
    check(database)
    # A run that was killed before it had recorded the file: it runs again from its start.
    database.transaction(lambda c: c.change("DELETE FROM _yoyo_migration WHERE migration_id = '0002_numbers'"))
    assert migrate(url) == ["0002_numbers"]
    check(database)
    # Code of before goes on: it names its own columns.
    database.transaction(lambda c: c.change(task, str(ULID()), "QUEUED", None, "mini"))
    assert Stats(database).tend() == {"tasks_queued": 1}
    database.close()
