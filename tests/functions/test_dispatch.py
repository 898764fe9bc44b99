"""Dispatch against real engines and the Kubernetes stand-in: one Job per attempt, whatever comes, however often."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import requests

from dispatch.dispatch import dispatch
from patchmill import events, keys, wire
from patchmill.errors import Unavailable
from patchmill.instance import Instance
from patchmill.services import Services
from patchmill.task import Limits, NewTask
from tests.support.cloud import NAMESPACE
from tests.support.samples import TASK_ID
from tests.support.world import World, ckafka_event, load_index

Handler = Callable[..., None]


@pytest.fixture
def index(world: World) -> ModuleType:
    module = load_index("dispatch")
    module.instance = world.instance  # type: ignore[attr-defined]
    return module


def created(world: World, **changes: Any) -> str:
    source = {"kind": "upload", "upload_id": world.uploaded()}
    fields: dict[str, Any] = {"agent": "command", "model": None, "prompt": "tidy", "source": source}
    task, _ = world.services.tasks.create(NewTask(TASK_ID, "acme", limits=Limits(60, 10), **{**fields, **changes}))
    return task.id


def message(attempt: int = 1, task_id: str = TASK_ID) -> str:
    return wire.dump(wire.task_message(task_id, attempt, "acme", {"kind": "upload"}, "command", "now"))


def urls_of(world: World) -> dict[str, str]:
    """What the pod gets by reference."""
    return {name: base64.b64decode(value).decode() for name, value in world.secret(TASK_ID)["data"].items()}


def test_record_becomes_one_job_with_its_secret(world: World, index: ModuleType) -> None:
    created(world)
    index.main_handler(ckafka_event(message()), {})
    job = world.job(TASK_ID)
    assert job is not None
    secret = world.secret(TASK_ID)
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [job["metadata"]["uid"]]
    task = world.services.tasks.get(TASK_ID)
    assert task is not None and (task.status.value, task.phase and task.phase.value) == ("PROCESSING", "DISPATCHED")
    cached = world.services.cache.get(TASK_ID)
    assert cached is not None and cached["status"] == "PROCESSING"
    assert world.rows("SELECT * FROM outbox") == []


def test_repeated_record_does_nothing(world: World, index: ModuleType) -> None:
    created(world)
    index.main_handler(ckafka_event(message(), message(), message()), {})
    first = world.job(TASK_ID)
    index.main_handler(ckafka_event(message(), first_offset=9), {})
    assert first is not None and world.jobs() == [first]


def test_replay_after_the_job_is_gone_makes_no_second_one(world: World, index: ModuleType) -> None:
    created(world)
    index.main_handler(ckafka_event(message()), {})
    world.services.cluster.delete_job(keys.job_name(TASK_ID, 1))
    index.main_handler(ckafka_event(message()), {})
    assert world.jobs() == []


def test_dispatch_that_died_before_it_knew_its_job_finds_it_again(world: World, index: ModuleType) -> None:
    created(world)
    index.main_handler(ckafka_event(message()), {})
    world.rows("UPDATE attempts SET job_uid = NULL")
    index.main_handler(ckafka_event(message()), {})
    (row,) = world.rows("SELECT job_uid FROM attempts")
    assert [job["metadata"]["uid"] for job in world.jobs()] == [row["job_uid"]]


def test_presigned_urls_in_the_secret_work_and_only_for_their_verb(world: World, index: ModuleType) -> None:
    created(world)
    index.main_handler(ckafka_event(message()), {})
    secret = urls_of(world)
    assert requests.get(secret["source-url"], timeout=10).content.startswith(b"PK")
    uploads = json.loads(secret["uploads"])
    assert requests.put(uploads["agent.log"], data=b"hello", timeout=10).status_code == 200
    assert requests.get(uploads["agent.log"], timeout=10).status_code == 403
    assert (
        requests.put(uploads["agent.log"].replace("agent.log", "other.log"), data=b"x", timeout=10).status_code == 403
    )
    assert world.services.logs.get(keys.artifact(TASK_ID, 1, "agent.log"), 99) == b"hello"


@pytest.mark.parametrize("position", [0, 1, 2])
def test_bad_record_is_parked_and_the_others_go_on(world: World, index: ModuleType, position: int) -> None:
    created(world)
    bodies = [message(), message(task_id=TASK_ID[:-1] + "Z")]
    bodies.insert(position, "{not json")
    index.main_handler(ckafka_event(*bodies), {})
    assert len(world.jobs()) == 1
    parked = world.rows("SELECT position, cause, payload FROM dead_letters ORDER BY id")
    assert {row["payload"] for row in parked} == {"{not json", bodies[-1] if position < 2 else bodies[1]}
    index.main_handler(ckafka_event(*bodies), {})
    assert len(world.rows("SELECT seen FROM dead_letters WHERE seen = 2")) == 2


@pytest.mark.parametrize("body", ["\ud800", '{"v": 1, "task_id": "\ud800"}'])
def test_record_that_no_database_can_hold_is_parked(world: World, index: ModuleType, body: str) -> None:
    created(world)
    index.main_handler(ckafka_event(body, message()), {})
    assert len(world.jobs()) == 1
    assert len(world.rows("SELECT id FROM dead_letters")) == 1


def test_fault_with_one_record_does_not_hold_up_the_next(world: World, index: ModuleType) -> None:
    created(world)
    other = TASK_ID[:-1] + "Z"
    source = {"kind": "git", "url": "https://h/r", "ref": None}
    world.services.tasks.create(NewTask(other, "acme", "command", None, "tidy", source, Limits(60, 10)))
    world.rows("UPDATE tasks SET source = 'no JSON' WHERE id = %s", TASK_ID)
    index.main_handler(ckafka_event(message(), message(task_id=other)), {})
    assert [job["metadata"]["name"] for job in world.jobs()] == [keys.job_name(other, 1)]
    (row,) = world.rows("SELECT cause FROM dead_letters")
    assert row["cause"].startswith("fault: ")


def test_message_of_a_cancelled_task_makes_no_job(world: World, index: ModuleType) -> None:
    created(world)
    assert world.request("POST", f"/v1/tasks/{TASK_ID}/cancel").status == 200
    index.main_handler(ckafka_event(message()), {})
    assert world.jobs() == []


def test_event_of_another_kind_is_ignored(index: ModuleType) -> None:
    index.main_handler({"Type": "Timer"}, {})


def test_foreign_job_of_the_same_name_fails_the_task(world: World, index: ModuleType) -> None:
    created(world)
    index.main_handler(ckafka_event(message()), {})
    world.rows("UPDATE attempts SET job_uid = NULL")

    def rename(job: dict[str, Any]) -> None:
        job["metadata"]["labels"]["patchmill/attempt"] = "7"

    world.stand.loop.call(lambda: world.stand.kube.change("Job", NAMESPACE, keys.job_name(TASK_ID, 1), rename))
    index.main_handler(ckafka_event(message()), {})
    task = world.services.tasks.get(TASK_ID)
    assert task is not None and (task.status.value, task.reason and task.reason.value) == ("FAILED", "INTERNAL")
    assert "foreign Job" in (task.message or "")


def give(services: Services) -> None:
    dispatch(events.ckafka_records(ckafka_event(message()))[0], services)


def test_refused_token_gives_the_event_back_and_it_can_go_on(world: World) -> None:
    created(world)
    stranger = world.with_settings(PATCHMILL_KUBECONFIG=world.stand.kubeconfig("wrong"))
    with pytest.raises(Unavailable):
        give(stranger)
    stranger.close()
    give(world.services)
    assert len(world.jobs()) == 1


def test_event_that_is_given_back_is_counted_as_the_function_s_error(world: World) -> None:
    created(world)
    kubeconfig = world.stand.kubeconfig(server="https://127.0.0.1:1")
    module = world.function("dispatch", None, PATCHMILL_KUBECONFIG=kubeconfig)
    with pytest.raises(Unavailable):
        module.main_handler(ckafka_event(message()), {"function_name": "dispatch"})
    (counted,) = [each for each in world.services.stats.counters() if each.name == "function_errors_total"]
    assert (counted.labels, counted.value) == ({"function": "dispatch"}, 1)


def test_unreachable_cluster_gives_the_event_back(world: World) -> None:
    created(world)
    away = world.with_settings(PATCHMILL_KUBECONFIG=world.stand.kubeconfig(server="https://127.0.0.1:1"))
    with pytest.raises(Unavailable):
        give(away)
    away.close()
    task = world.services.tasks.get(TASK_ID)
    assert task is not None and not task.status.terminal


def test_settings_are_read_at_the_first_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)
    created(world)
    index = load_index("dispatch")
    index.instance = Instance(scratch=world.stand.scratch)  # type: ignore[attr-defined]
    index.main_handler(ckafka_event(message()), {})
    assert len(world.jobs()) == 1
    index.instance.services({}).close()
