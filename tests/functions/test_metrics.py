"""GET /metrics: parsed as Prometheus would, equal to what MySQL says, and at the same cost for any number of tasks."""

from __future__ import annotations

import random
from typing import Any

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from ulid import ULID

from patchmill.task import Limits, NewTask, Outcome, Phase, Reason, Status, failed
from tests.support.world import World

NAMES = {
    "patchmill_tasks_submitted": "counter",
    "patchmill_tasks_ended": "counter",
    "patchmill_attempts": "counter",
    "patchmill_dead_letters": "counter",
    "patchmill_function_errors": "counter",
    "patchmill_canary_tasks_ended": "counter",
    "patchmill_tasks_queued": "gauge",
    "patchmill_tasks_running": "gauge",
    "patchmill_queue_oldest_seconds": "gauge",
    "patchmill_heartbeat_timestamp_seconds": "gauge",
    "patchmill_sweep_last_run_timestamp_seconds": "gauge",
    "patchmill_build_info": "gauge",
    "patchmill_phase_seconds": "histogram",
}


def scraped(world: World) -> dict[str, Metric]:
    reply = world.request("GET", "/metrics")
    assert reply.status == 200, reply.text
    assert reply.headers["content-type"].startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(reply.text)}


def values(family: Metric, name: str | None = None) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for sample in family.samples
        if name is None or sample.name == name
    }


def populate(world: World, count: int) -> None:
    """Tasks in every state, some with a lost attempt."""
    chance, tasks = random.Random(1), world.services.tasks
    ends = [
        Outcome(Status.COMPLETED, result={"artifacts": []}),
        failed(Reason.TIMEOUT, "late"),
        failed(Reason.AGENT_ERROR, "no"),
        Outcome(Status.CANCELLED),
        None,
    ]
    for number in range(count):
        task_id, source = str(ULID()), {"kind": "git", "url": "https://x/y", "ref": None}
        tasks.create(NewTask(task_id, "acme", ("mini", "command")[number % 2], "m", "p", source, Limits(60, 5)))
        if number % 10 == 0:
            continue
        tasks.claim(task_id, 1, 60, 60)
        attempt = 1
        if number % 7 == 0:
            tasks.retry(task_id, 1, failed(Reason.NODE_LOST, "gone"))
            attempt = 2
            tasks.claim(task_id, 2, 60, 60)
        for phase in list(Phase)[1:]:
            tasks.enter(task_id, attempt, phase)
        if end := chance.choice(ends):
            tasks.finish(task_id, attempt, end)
            tasks.finish(task_id, attempt, end)


def counted(world: World, sql: str) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for row in world.rows(sql):
        found[tuple(str(value or "") for name, value in row.items() if name != "n")] = float(row["n"])
    return found


def test_numbers_equal_what_mysql_says(world: World) -> None:
    populate(world, 40)
    world.services.stats.beat("sweep")
    found = scraped(world)
    assert {name: family.type for name, family in found.items()} == NAMES
    assert values(found["patchmill_tasks_queued"]) == counted(
        world, "SELECT COUNT(*) AS n FROM tasks WHERE status = 'QUEUED'"
    )
    assert values(found["patchmill_tasks_running"]) == counted(
        world, "SELECT COUNT(*) AS n FROM tasks WHERE status = 'PROCESSING'"
    )
    ended = "SELECT agent, reason, status, COUNT(*) AS n FROM tasks WHERE finished_at IS NOT NULL GROUP BY 1, 2, 3"
    assert values(found["patchmill_tasks_ended"]) == counted(world, ended)
    submitted = "SELECT agent, 'git' AS source, COUNT(*) AS n FROM tasks GROUP BY 1"
    assert values(found["patchmill_tasks_submitted"]) == counted(world, submitted)
    attempts = (
        "SELECT IF(t.attempt > a.number, 'LOST', a.status) AS outcome, COUNT(*) AS n FROM attempts a "
        "JOIN tasks t ON t.id = a.task_id WHERE a.ended_at IS NOT NULL GROUP BY 1"
    )
    assert values(found["patchmill_attempts"]) == counted(world, attempts)
    observed = values(found["patchmill_phase_seconds"], "patchmill_phase_seconds_count")
    assert observed[("agent",)] == sum(
        counted(world, "SELECT COUNT(*) AS n FROM task_events WHERE kind = 'UPLOADING'").values()
    )
    assert values(found["patchmill_sweep_last_run_timestamp_seconds"])[()] > 1e9


def test_buckets_of_a_phase_rise_to_its_count(world: World) -> None:
    populate(world, 5)
    histogram = scraped(world)["patchmill_phase_seconds"]
    for phase in ("queued", "fetch", "agent", "deliver", "collect"):
        buckets = [s.value for s in histogram.samples if s.name.endswith("_bucket") and s.labels["phase"] == phase]
        assert buckets == sorted(buckets) and len(buckets) == 19
        assert buckets[-1] == values(histogram, "patchmill_phase_seconds_count")[(phase,)]


def test_metrics_of_an_installation_without_tasks_are_zeros(world: World) -> None:
    found = scraped(world)
    assert values(found["patchmill_tasks_queued"]) == values(found["patchmill_dead_letters"]) == {(): 0.0}
    assert values(found["patchmill_tasks_ended"]) == {}


@pytest.mark.parametrize("status", ["COMPLETED", "QUEUED"])
def test_scrape_reads_as_many_rows_however_many_tasks_there_are(world: World, status: str) -> None:
    populate(world, 20)
    copies(world, 300, status)
    few = rows_read(world)
    copies(world, 6000, status)
    assert rows_read(world) <= few + 20


def copies(world: World, count: int, status: str) -> None:
    columns = "tenant, agent, prompt, source, labels, timeout_s, max_steps, result, created_at, updated_at"
    numbers = f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
    one = f"(SELECT {columns} FROM tasks LIMIT 1) AS one"

    def work(cursor: Any) -> None:
        cursor.change(
            f"INSERT INTO tasks (id, status, {columns}) {numbers} "
            f"SELECT LPAD(CONCAT(UUID_SHORT(), n), 26, '0'), '{status}', one.* FROM numbers, {one}"
        )

    world.services.database.transaction(lambda c: c.change("SET SESSION max_recursive_iterations = 100000"))
    world.services.database.transaction(work)


def rows_read(world: World) -> int:
    """Rows that the server looked at for one scrape, on the scrape's own connection."""

    def total() -> int:
        return sum(int(row["Value"]) for row in world.rows("SHOW SESSION STATUS LIKE %s", "Handler_read%"))

    before = total()
    scraped(world)
    return total() - before
