"""The canary: a timer event makes a tiny task that no user sees, one at a time."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from patchmill import keys
from patchmill.errors import Unavailable
from patchmill.task import Outcome, Status, failed
from patchmill.task import Reason as Why
from patchmill_agent.archive import Limits, unpack
from submit import canary
from tests.support.samples import OTHER_KEY, load_event
from tests.support.world import World

UPLOAD = keys.upload("canary", canary.UPLOAD_ID)


@pytest.fixture
def submit(world: World) -> ModuleType:
    return world.function("submit")


def tick(minute: int = 0, message: str = "canary 5") -> dict[str, Any]:
    time = f"2026-11-24T12:{minute:02}:00Z"
    return {**load_event("timer"), "TriggerName": "canary", "Time": time, "Message": message}


def tasks(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM tasks ORDER BY id")


def end(world: World, outcome: Outcome) -> None:
    """Play the rest of the road for the newest task."""
    task_id = tasks(world)[-1]["id"]
    world.services.tasks.claim(task_id, 1, 60, 60)
    assert world.services.tasks.finish(task_id, 1, outcome) is not None


def moved(world: World) -> set[str]:
    """The counters that are not 0."""
    return {counter.name for counter in world.services.stats.counters() if counter.value}


def test_a_tick_makes_a_task_of_the_canary(world: World, submit: ModuleType) -> None:
    assert submit.main_handler(tick(), {}) is None
    (task,) = tasks(world)
    assert (task["tenant"], task["canary"], task["status"]) == ("canary", 1, "QUEUED")
    assert (task["agent"], task["prompt"], task["timeout_s"]) == ("command", "true", canary.TIMEOUT_S)
    assert json.loads(task["source"]) == {"kind": "upload", "upload_id": canary.UPLOAD_ID}
    assert json.loads(task["labels"]) == {"every_minutes": "5"}
    assert keys.is_id(canary.UPLOAD_ID)
    assert world.rows("SELECT kind FROM outbox WHERE task_id = %s", task["id"]) == [{"kind": "task"}]
    beats = [each for each in world.services.stats.counters() if each.labels.get("name") == "canary"]
    assert [each.name for each in beats] == ["beat"]


def test_its_zip_is_one_that_a_pod_takes(world: World, submit: ModuleType, tmp_path: Path) -> None:
    submit.main_handler(tick(), {})
    stored = world.services.code.get(UPLOAD, 10_000)
    assert stored is not None
    assert unpack(io.BytesIO(stored), tmp_path / "code", Limits(10_000, 10)) == 0
    assert [path.name for path in (tmp_path / "code").iterdir()] == ["canary.txt"]


def test_its_zip_comes_again_when_it_was_deleted(world: World, submit: ModuleType) -> None:
    submit.main_handler(tick(0), {})
    end(world, Outcome(Status.COMPLETED))
    world.services.code._client.delete_object(Bucket=world.services.code.name, Key=UPLOAD)
    submit.main_handler(tick(5), {})
    assert world.services.code.head(UPLOAD) is not None and len(tasks(world)) == 2


def test_an_event_that_comes_twice_makes_one_task(world: World, submit: ModuleType) -> None:
    submit.main_handler(tick(), {})
    end(world, Outcome(Status.COMPLETED))
    submit.main_handler(tick(), {})
    assert len(tasks(world)) == 1


@pytest.mark.parametrize("claimed", [False, True])
def test_none_is_made_while_one_runs(
    world: World, submit: ModuleType, capsys: pytest.CaptureFixture[str], claimed: bool
) -> None:
    submit.main_handler(tick(0), {})
    (task,) = tasks(world)
    if claimed:
        world.services.tasks.claim(task["id"], 1, 60, 60)
    submit.main_handler(tick(5), {})
    assert len(tasks(world)) == 1
    skipped = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "canary_skipped" in line]
    assert [line["task"] for line in skipped] == [task["id"]]


@pytest.mark.parametrize(
    "outcome", [Outcome(Status.COMPLETED), failed(Why.INTERNAL, "broken"), Outcome(Status.CANCELLED)]
)
def test_the_next_one_is_made_when_it_has_ended(world: World, submit: ModuleType, outcome: Outcome) -> None:
    submit.main_handler(tick(0), {})
    end(world, outcome)
    submit.main_handler(tick(5), {})
    assert [task["status"] for task in tasks(world)] == [outcome.status.value, "QUEUED"]


def test_it_is_in_no_number_and_no_list_of_the_users(world: World, submit: ModuleType) -> None:
    submit.main_handler(tick(), {})
    (task,) = tasks(world)
    assert world.services.stats.queue().depth == 0
    assert moved(world) == {"beat"}
    assert world.request("GET", "/v1/tasks").json["tasks"] == []
    assert world.request("GET", f"/v1/tasks/{task['id']}", key=OTHER_KEY).status == 404
    assert world.request("GET", "/v1/tasks?canary=true", key=OTHER_KEY).status == 403
    seen = world.request("GET", "/v1/tasks?canary=true").json["tasks"]
    assert [each["id"] for each in seen] == [task["id"]]
    end(world, failed(Why.INTERNAL, "broken"))
    assert moved(world) == {"beat", "canary_tasks_ended_total"} and world.services.stats.running_by_tenant() == {}


def test_the_slo_follows_from_its_tasks(world: World, submit: ModuleType) -> None:
    for minute, outcome in enumerate((Outcome(Status.COMPLETED), failed(Why.INTERNAL, "broken"))):
        submit.main_handler(tick(minute), {})
        end(world, outcome)
    submit.main_handler(tick(9), {})
    counts = world.request("GET", "/v1/ops").json["slo"]["canary"]
    assert (counts["good"], counts["failed"], counts["pending"], counts["missed"]) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("message", "labels"), [("canary", {}), ("canary 10", {"every_minutes": "10"}), ("canary soon", {})]
)
def test_the_message_says_when_the_next_is_due(
    world: World, submit: ModuleType, message: str, labels: dict[str, str]
) -> None:
    submit.main_handler(tick(message=message), {})
    assert json.loads(tasks(world)[0]["labels"]) == labels


@pytest.mark.parametrize("message", ["", "sweep", "canaryx"])
def test_another_timer_makes_none(world: World, submit: ModuleType, message: str) -> None:
    submit.main_handler(tick(message=message), {})
    assert tasks(world) == []


def test_without_the_agent_none_is_made_and_it_is_said(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.function("submit", PATCHMILL_AGENTS="mini").main_handler(tick(), {})
    assert tasks(world) == [] and "canary_impossible" in capsys.readouterr().out


def test_a_canary_that_can_not_be_made_is_an_error_of_the_function(world: World) -> None:
    index = world.function("submit", PATCHMILL_COS_DOMAIN="127.0.0.1:1/{bucket}")
    with pytest.raises(Unavailable):
        index.main_handler(tick(), {})
    faults = [each for each in world.services.stats.counters() if each.name == "function_errors_total"]
    assert tasks(world) == [] and [each.value for each in faults] == [1]
