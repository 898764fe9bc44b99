"""GET /v1/ops against real engines, and the arithmetic of its series."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from ulid import ULID

from patchmill import phases
from patchmill.adapters.stats import Minute
from patchmill.task import CANARY_TENANT, Limits, NewTask, Outcome, Phase, Reason, Status, failed
from submit import hops, opsreport
from submit.opsreport import Window
from tests.support.samples import OTHER_KEY
from tests.support.world import World

NOON = datetime(2026, 11, 24, 12, 0, 30)


def moved(world: World, outcome: Outcome | None, tenant: str = "acme") -> None:
    """A task that ran and ended so; None: it still runs."""
    tasks, task_id = world.services.tasks, str(ULID())
    source = {"kind": "git", "url": "https://x/y", "ref": None}
    canary = tenant == CANARY_TENANT
    tasks.create(NewTask(task_id, tenant, "command", None, "p", source, Limits(60, 5), canary=canary))
    tasks.claim(task_id, 1, 60, 60)
    for phase in list(Phase)[1:]:
        tasks.enter(task_id, 1, phase)
    if outcome:
        tasks.finish(task_id, 1, outcome)


def test_ops_tells_how_the_system_is(world: World) -> None:
    done = Outcome(Status.COMPLETED, result={"artifacts": []})
    for outcome in (done, done, done, failed(Reason.TIMEOUT, "late"), Outcome(Status.CANCELLED), None):
        moved(world, outcome)
    moved(world, None, "globex")
    moved(world, None, CANARY_TENANT)
    world.request("POST", "/v1/tasks", {"prompt": "p", "agent": "command", "source": {"git": {"url": "https://h/r"}}})
    world.services.dead_letters.park("codex-tasks", "0/1", "no such task", "{}")
    world.services.stats.fault("collect")
    world.services.stats.beat("sweep")
    ops = world.request("GET", "/v1/ops").json
    assert ops["queue"]["depth"] == 1 and 0 <= ops["queue"]["oldest_s"] < 60
    assert ops["running"] == {"total": 2, "by_tenant": {"acme": 1, "globex": 1}}
    assert ops["success_rate"] == 0.75
    sums = {end: sum(point[end] for point in ops["throughput"]) for end in ("completed", "failed", "cancelled")}
    assert sums == {"completed": 3, "failed": 1, "cancelled": 1}
    assert len(ops["throughput"]) == 60
    assert list(ops["phases"]) == list(phases.PHASES)
    assert ops["phases"]["agent"]["count"] == 7 and ops["phases"]["agent"]["p95_s"] is not None
    assert ops["phases"]["collect"]["p50_s"] is None
    assert ops["dead_letters"] == {"total": 1, "by_cause": [{"cause": "no such task", "count": 1}]}
    assert ops["function_errors"] == {"collect": 1}
    assert ops["sweep"]["last_run"] and 0 <= ops["sweep"]["lag_s"] < 60
    assert ops["slo"]["canary"]["pending"] == 1
    assert "hops" not in ops


def test_ops_of_an_installation_without_tasks_is_empty(world: World) -> None:
    ops = world.request("GET", "/v1/ops?minutes=1440").json
    assert (ops["queue"], ops["success_rate"]) == ({"depth": 0, "oldest_s": 0.0}, None)
    assert len(ops["throughput"]) == 240
    assert ops["sweep"] == {"last_run": None, "lag_s": None}


@pytest.mark.parametrize("query", ["minutes=0", "minutes=1441", "minutes=x", "hops=1"])
def test_bad_query_is_refused_by_name(world: World, query: str) -> None:
    reply = world.request("GET", f"/v1/ops?{query}")
    assert (reply.status, reply.fields) == (422, [query.split("=")[0]])


@pytest.mark.parametrize("path", ["/v1/ops", "/metrics"])
def test_numbers_are_for_administrators(world: World, path: str) -> None:
    reply = world.request("GET", path, key=OTHER_KEY)
    assert (reply.status, reply.headers["content-type"]) == (403, "application/problem+json")
    assert world.request("GET", path, key=None).status == 401


def test_every_hop_answers_and_one_that_is_away_says_so(world: World) -> None:
    found = world.request("GET", "/v1/ops?hops=true").json["hops"]
    assert [hop["name"] for hop in found] == ["mysql", "redis", "kafka", "cos", "cluster", "api"]
    assert [hop for hop in found if not hop["ok"]] == []
    away = world.with_settings(PATCHMILL_KAFKA_BOOTSTRAP="127.0.0.1:1", PATCHMILL_COS_DOMAIN="127.0.0.1:1/{bucket}")
    ok = {hop["name"]: hop["ok"] for hop in hops.check(away)}
    away.close()
    assert ok == {"mysql": True, "redis": True, "kafka": False, "cos": False, "cluster": True, "api": True}


def test_hops_are_not_waited_for_longer_than_said(world: World) -> None:
    began = time.monotonic()
    found = hops.check(world.services, wait_s=0.0)
    assert time.monotonic() - began < 1
    assert {hop["detail"] for hop in found} == {"no answer within 0 s"}


def test_fault_of_ours_is_counted(world: World) -> None:
    world.services.database.transaction(lambda c: c.change("DROP TABLE dead_letters"))
    assert world.request("GET", "/v1/ops").status == 500
    counters = {(c.name, *c.labels.values()): c.value for c in world.services.stats.counters()}
    assert counters[("function_errors_total", "submit")] == 1


@pytest.mark.parametrize(
    ("minutes", "points", "step"), [(1, 1, 1), (60, 60, 1), (240, 240, 1), (241, 121, 2), (1440, 240, 6)]
)
def test_window_ends_with_the_minute_that_is_now(minutes: int, points: int, step: int) -> None:
    window = Window(NOON, minutes)
    starts = window.starts()
    assert (len(starts), window.step) == (points, timedelta(minutes=step))
    assert window.piece(NOON.replace(second=0)) == points - 1
    assert window.piece(starts[0]) == 0
    assert window.piece(starts[0] - timedelta(minutes=1)) is None
    assert window.piece(NOON.replace(second=0) + timedelta(minutes=1)) is None


def test_quantiles_are_even_within_a_bucket() -> None:
    assert opsreport.quantile({}, 0.5) is None
    assert opsreport.quantile({10: 100}, 0.5) == 7.5
    assert opsreport.quantile({1: 50, 10: 50}, 0.95) == 9.5
    assert opsreport.quantile({phases.BOUNDS[-1]: 3}, 0.5) == 21600


def test_series_put_each_minute_into_its_piece() -> None:
    window = Window(NOON, 480)  # pieces of two minutes
    at = NOON.replace(second=0)
    minutes = [
        Minute(at - timedelta(minutes=back), "tasks_ended_total", {"status": "FAILED", "reason": "TIMEOUT"}, 2)
        for back in (0, 1, 2, 900)
    ]
    points = opsreport.throughput(window, minutes)
    assert sum(point["failed"] for point in points) == 6
    assert opsreport.success_rate(points) == 0.0
    assert opsreport.errors(window, [Minute(at, "function_errors_total", {"function": "submit"}, 2)]) == {"submit": 2}
