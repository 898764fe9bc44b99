"""docs/http-api.md shows what the API answers: the examples' fields, the list's parameters, every metric."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from patchmill import phases
from patchmill.task import Outcome, Phase, Status
from submit.hops import check
from tests.functions.test_metrics import NAMES
from tests.support.world import World

HTTP_API = (Path(__file__).resolve().parents[2] / "docs/http-api.md").read_text()
GIT = {"git": {"url": "https://git.example/team/repo.git"}}


def example(*fields: str) -> dict[str, Any]:
    """The one JSON block that has these fields."""
    blocks = [json.loads(found) for found in re.findall(r"```json\n(.*?)```", HTTP_API, re.DOTALL)]
    [found] = [each for each in blocks if all(field in each for field in fields)]
    assert isinstance(found, dict)
    return found


def ended(world: World) -> dict[str, Any]:
    task: dict[str, Any] = world.request(
        "POST",
        "/v1/tasks",
        {"prompt": "p", "agent": "command", "source": GIT},
        traceparent=f"00-{'a' * 32}-{'b' * 16}-01",
    ).json
    world.services.tasks.claim(task["id"], 1, 60, 60)
    for phase in list(Phase)[1:]:
        world.services.tasks.enter(task["id"], 1, phase)
    world.services.tasks.finish(task["id"], 1, Outcome(Status.COMPLETED, result={"artifacts": []}))
    return task


def test_examples_of_a_task_and_its_history_have_their_fields(world: World) -> None:
    task = ended(world)
    shown = example("id", "links")
    assert list(shown) == list(task) and list(shown["links"]) == list(task["links"])
    timeline, attempts = (world.request("GET", task["links"][part]).json for part in ("timeline", "attempts"))
    shown = example("task_id", "spans")
    assert list(shown) == list(timeline)
    assert list(shown["spans"][0]) == list(timeline["spans"][0])
    assert shown["spans"][0]["name"] == timeline["spans"][0]["name"]
    assert set(shown["spans"][0]["attributes"]) == set(timeline["spans"][0]["attributes"])
    named = set(re.findall(r"`([a-z]+(?: N)?)`", HTTP_API.split("\nNames: ")[1].split("\n\n")[0]))
    assert {re.sub(r"\d+", "N", span["name"]) for span in timeline["spans"]} <= named
    assert list(example("attempts")["attempts"][0]) == list(attempts["attempts"][0])


def test_example_of_me_has_its_fields(world: World) -> None:
    shown, mine = example("tenant", "admin"), world.request("GET", "/v1/me").json
    assert list(shown) == list(mine)
    assert (shown["limits"], shown["version"]) == (mine["limits"], mine["version"])


def test_example_of_ops_has_its_fields(world: World) -> None:
    ended(world)
    world.services.dead_letters.park("codex-tasks", "0/1", "no such task", "{}")
    shown, ops = example("queue", "running"), world.request("GET", "/v1/ops?hops=true").json
    assert list(ops) == list(shown)
    assert {name: list(value) for name, value in shown["slo"].items() if isinstance(value, dict)} == {
        name: list(value) for name, value in ops["slo"].items() if isinstance(value, dict)
    }
    for name in ("queue", "running", "dead_letters", "sweep", "slo"):
        assert list(shown[name]) == list(ops[name])
    assert list(shown["throughput"][0]) == list(ops["throughput"][0])
    assert list(shown["dead_letters"]["by_cause"][0]) == list(ops["dead_letters"]["by_cause"][0])
    assert list(shown["hops"][0]) == list(ops["hops"][0])
    assert list(shown["phases"]["agent"]) == list(ops["phases"]["agent"])
    assert list(shown["phases"]["agent"]["series"][0]) == list(ops["phases"]["agent"]["series"][0])
    text = HTTP_API.split("## Operations")[1].split("## Metrics")[0]
    assert set(phases.PHASES) <= set(re.findall(r"`(\w+)`", text))
    assert {hop["name"] for hop in check(world.services, 0)} <= set(re.findall(r"`(\w+)`", text))


def test_table_of_metrics_is_complete() -> None:
    table = HTTP_API.split("## Metrics")[1]
    found = {re.sub(r"(_total|_bucket)$", "", name) for name in re.findall(r"`(patchmill_\w+)", table)}
    assert found == set(NAMES)


def test_every_parameter_of_the_list_is_explained(world: World) -> None:
    table = HTTP_API.split("### List")[1].split("### Retry")[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert named == ["status", "agent", "reason", "q", "since", "limit", "cursor", "canary"]
    for name in set(named) - {"agent", "q"}:
        assert world.request("GET", f"/v1/tasks?{name}=项").fields == [name]
