"""Every alarm is silent on a healthy system's logs, fires on the logs of what it is about, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.kinds.alarms import AlarmsKind
from patchmill import log
from tests.support.observed import FUNCTIONS, RUNBOOK, Watched, watched
from tests.support.scf import Code, run_scf

HEALTHY_MINUTES = 30
Trouble = Callable[[Watched], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """With all alarms."""
    with watched(tmp_path_factory.mktemp("stage")) as made:
        made.apply(AlarmsKind)
        yield made


@pytest.fixture
def stage(whole: Watched) -> Watched:
    """On another day: what came before is too old for any alarm. Behind it is half an hour of a healthy system."""
    whole.clock.now += 25 * 3600
    for minute in range(HEALTHY_MINUTES):
        healthy_minute(whole, minute)
    return whole


def healthy_minute(stage: Watched, minute: int) -> None:
    stage.write("submit", lambda: log.info("task_accepted", task="T", tenant="acme", agent="mini", source="git"))
    stage.write("dispatch", lambda: log.info("job_created", job_uid="u", waited_s=0.4, duration_s=0.2))
    stage.write("collect", ended("COMPLETED" if minute % 10 else "FAILED"))
    stage.write("collect", ended("FAILED", tenant="canary"))
    sweep(stage, oldest_s=4.5)
    stage.clock.now += 60


def sweep(stage: Watched, *, oldest_s: float, depth: int = 1) -> None:
    numbers = {"sent": 0, "settled": 1, "removed": 0, "queue_depth": depth, "queue_oldest_s": oldest_s, "running": 2}
    stage.write("collect", lambda: log.info("swept", **numbers, duration_s=0.3), duration_ms=300)


def ended(status: str, tenant: str = "acme") -> Callable[[], object]:
    reason = "AGENT_ERROR" if status == "FAILED" else None
    about = {"task": "T", "attempt": 1, "tenant": tenant, "agent": "mini", "status": status, "reason": reason}
    return lambda: log.info("task_ended", **about, duration_s=61.5)


def queue_that_is_old(stage: Watched) -> None:
    sweep(stage, oldest_s=700.0, depth=12)


def tasks_that_fail(stage: Watched) -> None:
    for _ in range(40):
        stage.write("collect", ended("FAILED"))


def a_dead_letter(stage: Watched) -> None:
    parked = {"topic": "codex-tasks", "partition": 0, "offset": 7, "cause": "no such task"}
    stage.write("dispatch", lambda: log.warning("record_parked", **parked))


def a_parked_drop(stage: Watched) -> None:
    stage.write("submit", lambda: log.warning("drop_parked", cause="no key of that tenant"))


def no_sweep(stage: Watched) -> None:
    for _ in range(10):
        stage.write("submit")
        stage.clock.now += 60


def crashes(function: str) -> Trouble:
    def trouble(stage: Watched) -> None:
        for _ in range(4):
            stage.write(function, status=430)

    return trouble


def own_errors(stage: Watched) -> None:
    for _ in range(4):
        stage.write("submit", lambda: log.error("unavailable", path="/v1/tasks", error="MySQL does not answer"))


def timeouts(function: str) -> Trouble:
    def trouble(stage: Watched) -> None:
        for _ in range(2):
            stage.write(function, status=433, duration_ms=30_000)

    return trouble


def much_work(stage: Watched) -> None:
    """201,000 GB-seconds at 0.0001."""
    for _ in range(100):
        stage.write("submit", memory_mb=3072, duration_ms=670_000)


TROUBLES: list[tuple[str, Trouble]] = [
    ("queue-age", queue_that_is_old),
    ("failure-rate", tasks_that_fail),
    ("dead-letters", a_dead_letter),
    ("dead-letters", a_parked_drop),
    ("sweep-silent", no_sweep),
    *((f"function-errors-{function}", crashes(function)) for function in FUNCTIONS),
    ("function-errors-submit", own_errors),
    *((f"function-timeouts-{function}", timeouts(function)) for function in FUNCTIONS),
    ("cost-per-day", much_work),
]


def test_no_alarm_fires_on_a_healthy_system(stage: Watched) -> None:
    assert stage.firing() == set()


@pytest.mark.parametrize(("alarm", "trouble"), TROUBLES)
def test_an_alarm_fires_on_its_trouble_and_alone(stage: Watched, alarm: str, trouble: Trouble) -> None:
    trouble(stage)
    assert stage.firing() == {alarm}


def test_every_alarm_has_its_trouble(stage: Watched) -> None:
    listed = {each["Name"] for each in stage.call("DescribeAlarms", Limit=100)["Alarms"]}
    assert listed == {stage.declaration.name(alarm) for alarm, _ in TROUBLES}


def test_alarms_end_when_their_troubles_have_ended(stage: Watched) -> None:
    for _, trouble in TROUBLES:
        trouble(stage)
    assert len(stage.firing()) > len(FUNCTIONS)
    stage.clock.now += 25 * 3600
    for minute in range(HEALTHY_MINUTES):
        healthy_minute(stage, minute)
    assert stage.firing() == set()


def test_a_message_tells_the_numbers_and_where_the_runbook_is(stage: Watched) -> None:
    queue_that_is_old(stage)
    assert stage.evaluate("queue-age").message == (
        f"The oldest task has waited 700.0 seconds (alarm above 600); 12 tasks wait.\nRunbook: {RUNBOOK}#queue-age"
    )


def test_few_failures_of_many_calls_are_no_alarm(stage: Watched) -> None:
    crashes("collect")(stage)
    for _ in range(200):
        stage.write("collect")
    assert stage.firing() == set()


def test_the_cost_is_that_of_memory_time_and_calls(tmp_path: Path) -> None:
    with watched(tmp_path, gb_second=0.5, million_calls=250_000.0, limits={"cost-per-day": 1}) as stage:
        stage.apply(AlarmsKind)
        stage.write("submit", memory_mb=512, duration_ms=2000)
        stage.write("collect", memory_mb=1024, duration_ms=1000)
        assert stage.evaluate("cost-per-day").results == {1: [{"cost": 1.5}]}


def test_alarms_fire_on_what_functions_that_really_run_write(stage: Watched, tmp_path: Path) -> None:
    """In the emulated SCF: three calls that raise, two that are cut off by the time-out."""
    topic = stage.facts.get("logs/functions.topic")
    settings = {"ClsLogsetId": stage.facts.get("logs/functions.logset"), "ClsTopicId": topic}
    functions = {"submit": Code(settings=settings), "dispatch": Code(settings={**settings, "Timeout": 1})}
    with run_scf(tmp_path, functions) as cloud:
        for _ in range(3):
            cloud.call("submit", {"code": "raise ValueError('bad')"})
        for _ in range(2):
            cloud.call("dispatch", {"code": "import time; time.sleep(9)"})
        written = list(cloud.records)
    stage.clock.now += 20 * 60
    sweep(stage, oldest_s=1.0)
    for topic_id, record in written:
        stage.logs.put(topic_id, record)
    assert stage.firing() == {"function-errors-submit", "function-timeouts-dispatch"}
