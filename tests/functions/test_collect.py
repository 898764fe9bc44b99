"""Collect against real engines: manifests, phases and the sweep, lost, doubled, late or early."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from collect.sweep import sweep
from dispatch.dispatch import dispatch
from patchmill import events, keys, wire
from patchmill.services import Services
from patchmill.task import Limits, NewTask, Task
from tests.support.samples import TASK_ID, load_event
from tests.support.world import World, ckafka_event, cos_event, load_index


@pytest.fixture
def index(world: World) -> ModuleType:
    module = load_index("collect")
    module.instance = world.instance  # type: ignore[attr-defined]
    return module


def started(world: World, services: Services | None = None, **changes: Any) -> None:
    """A task with its Job, as dispatch leaves it."""
    fields: dict[str, Any] = {"agent": "command", "model": None, "prompt": "tidy"}
    fields["source"] = {"kind": "git", "url": "https://h/r", "ref": None}
    world.services.tasks.create(NewTask(TASK_ID, "acme", limits=Limits(60, 10), **{**fields, **changes}))
    redispatch(world, 1, services)


def redispatch(world: World, attempt: int, services: Services | None = None) -> None:
    message = wire.dump(wire.task_message(TASK_ID, attempt, "acme", {"kind": "git"}, "command", "now"))
    dispatch(events.ckafka_records(ckafka_event(message))[0], services or world.services)


def manifest_event(world: World, attempt: int = 1) -> dict[str, Any]:
    return cos_event(world.services.logs.name, keys.artifact(TASK_ID, attempt, "manifest.json"))


def task_of(world: World) -> Task:
    task = world.services.tasks.get(TASK_ID)
    assert task is not None
    return task


def test_manifest_completes_the_task_in_database_cache_and_outbox(world: World, index: ModuleType) -> None:
    started(world)
    world.deliver(TASK_ID)
    index.main_handler(manifest_event(world), {})
    task = task_of(world)
    assert (task.status.value, task.result["summary"]) == ("COMPLETED", "done")
    cached = world.services.cache.get(TASK_ID)
    assert cached is not None and cached["status"] == "COMPLETED"
    assert world.rows("SELECT * FROM outbox") == []


def test_failed_manifest_fails_the_task_with_its_reason(world: World, index: ModuleType) -> None:
    started(world)
    world.deliver(TASK_ID, status="FAILED", reason="AGENT_ERROR", message="exit 3", exit_code=3)
    index.main_handler(manifest_event(world), {})
    task = task_of(world)
    assert (task.status.value, task.reason and task.reason.value, task.message) == ("FAILED", "AGENT_ERROR", "exit 3")


def test_doubled_event_changes_nothing(world: World, index: ModuleType) -> None:
    started(world)
    world.deliver(TASK_ID)
    index.main_handler(manifest_event(world), {})
    version = task_of(world).version
    index.main_handler(manifest_event(world), {})
    world.deliver(TASK_ID, status="FAILED", reason="AGENT_ERROR", message="zombie")
    index.main_handler(manifest_event(world), {})
    assert (task_of(world).version, task_of(world).status.value) == (version, "COMPLETED")


def test_early_event_is_passed_over_and_the_sweep_settles(world: World, index: ModuleType) -> None:
    started(world)
    index.main_handler(manifest_event(world), {})
    assert task_of(world).status.value == "PROCESSING"
    world.deliver(TASK_ID)
    world.end_job(TASK_ID, kind="Complete")
    sweep(world.services)
    assert task_of(world).status.value == "COMPLETED"


@pytest.mark.parametrize("broken", [{"task_id": TASK_ID[:-1] + "B"}, {"v": 9}, {"artifacts": [{"name": "x"}]}])
def test_bad_manifest_is_no_result(world: World, index: ModuleType, broken: dict[str, Any]) -> None:
    started(world)
    world.deliver(TASK_ID, **broken)
    index.main_handler(manifest_event(world), {})
    assert task_of(world).status.value == "PROCESSING"
    world.end_job(TASK_ID, kind="Complete")
    world.pod(TASK_ID, phase="Succeeded")
    sweep(world.services)
    assert task_of(world).reason is not None and task_of(world).reason.value == "INTERNAL"  # type: ignore[union-attr]


def test_manifest_whose_artifact_is_not_as_it_says_is_no_result(world: World, index: ModuleType) -> None:
    started(world)
    world.deliver(TASK_ID)
    world.services.logs.put(keys.artifact(TASK_ID, 1, "diff.patch"), b"something else", "text/plain")
    index.main_handler(manifest_event(world), {})
    assert task_of(world).status.value == "PROCESSING"


def test_manifest_of_an_old_attempt_is_ignored(world: World, index: ModuleType) -> None:
    started(world)
    world.end_job(TASK_ID)
    world.pod(TASK_ID, phase="Failed", reason="NodeLost")
    sweep(world.services)
    assert (task_of(world).status.value, task_of(world).attempt) == ("QUEUED", 2)
    world.deliver(TASK_ID, attempt=1)
    index.main_handler(manifest_event(world, 1), {})
    assert task_of(world).status.value == "QUEUED"
    redispatch(world, 2)
    world.deliver(TASK_ID, attempt=2)
    index.main_handler(manifest_event(world, 2), {})
    assert task_of(world).status.value == "COMPLETED"


def test_phases_move_the_task_forward(world: World, index: ModuleType) -> None:
    started(world)
    for phase in ("DOWNLOADING_CODE", "RUNNING_AGENT", "DOWNLOADING_CODE", "UPLOADING", "MADE_UP"):
        index.main_handler(cos_event(world.services.logs.name, keys.phase(TASK_ID, 1, phase)), {})
    assert task_of(world).phase is not None and task_of(world).phase.value == "UPLOADING"  # type: ignore[union-attr]
    assert task_of(world).started_at is not None


def test_events_of_other_keys_and_buckets_are_ignored(world: World, index: ModuleType) -> None:
    started(world)
    world.deliver(TASK_ID)
    for event in (cos_event("other-1250000000", keys.artifact(TASK_ID, 1, "manifest.json")), {"unknown": 1}):
        index.main_handler(event, {})
    index.main_handler(cos_event(world.services.logs.name, "logs/readme.txt"), {})
    assert task_of(world).status.value == "PROCESSING"


def test_results_of_a_drop_are_copied_beside_it(world: World, index: ModuleType) -> None:
    started(world, drop="app v1")
    world.deliver(TASK_ID)
    index.main_handler(manifest_event(world), {})
    stored = world.services.logs.stored("results/acme/app v1/")
    assert set(stored) == {"diff.patch", "agent.log", "task.json"}
    view = json.loads(world.services.logs.get("results/acme/app v1/task.json", 99999) or b"")
    assert view["status"] == "COMPLETED"


def test_timer_runs_the_sweep(world: World, index: ModuleType) -> None:
    started(world)
    world.deliver(TASK_ID)
    world.end_job(TASK_ID, kind="Complete")
    index.main_handler(load_event("timer"), {})
    assert task_of(world).status.value == "COMPLETED"


def test_sweep_leaves_a_running_task_alone(world: World) -> None:
    started(world)
    world.pod(TASK_ID, phase="Running")
    sweep(world.services)
    assert task_of(world).status.value == "PROCESSING"


def test_job_that_ended_without_a_manifest_fails_with_its_log_kept(world: World) -> None:
    started(world)
    world.end_job(TASK_ID)
    killed = {"name": "agent", "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
    world.pod(TASK_ID, phase="Failed", initContainerStatuses=[killed], log={"agent": "eating\nmemory\n"})
    sweep(world.services)
    task = task_of(world)
    assert task.reason is not None and task.reason.value == "OUT_OF_MEMORY"
    assert world.request("GET", f"/v1/tasks/{TASK_ID}/logs").text == "eating\nmemory\n"
    assert world.request("GET", f"/v1/tasks/{TASK_ID}/artifacts").json["artifacts"][0]["name"] == "agent.log"


def test_lost_phase_does_not_end_a_task_whose_agent_runs(world: World) -> None:
    started(world)
    running = {"name": "agent", "state": {"running": {"startedAt": "2026-11-24T12:00:00Z"}}}
    world.pod(TASK_ID, phase="Pending", initContainerStatuses=[running])
    world.rows("UPDATE attempts SET start_by = NOW(3) - INTERVAL 1 SECOND")
    sweep(world.services)
    task = task_of(world)
    assert (task.status.value, task.phase and task.phase.value) == ("PROCESSING", "RUNNING_AGENT")


def test_fault_with_one_attempt_does_not_keep_the_sweep_from_the_next(world: World) -> None:
    started(world)
    other = TASK_ID[:-1] + "Z"
    source = {"kind": "git", "url": "https://h/r", "ref": None}
    world.services.tasks.create(NewTask(other, "acme", "command", None, "tidy", source, Limits(60, 10)))
    message = wire.dump(wire.task_message(other, 1, "acme", {"kind": "git"}, "command", "now"))
    dispatch(events.ckafka_records(ckafka_event(message))[0], world.services)
    for task_id in (TASK_ID, other):
        world.end_job(task_id)
        world.deliver(task_id)
    world.rows("UPDATE tasks SET source = 'no JSON' WHERE id = %s", TASK_ID)  # whoever reads this row fails
    sweep(world.services)
    rows = {row["id"]: row["status"] for row in world.rows("SELECT id, status FROM tasks")}
    assert rows == {TASK_ID: "PROCESSING", other: "COMPLETED"}


def test_secret_that_never_got_its_job_is_removed_with_the_task(world: World) -> None:
    started(world)
    cluster = world.services.cluster
    cluster.delete_job(keys.job_name(TASK_ID, 1))
    cluster._patch("secrets", keys.job_name(TASK_ID, 1), {"metadata": {"ownerReferences": None}})
    assert len(cluster.secrets()) == 1
    sweep(world.services)
    assert cluster.secrets() == []


def test_queued_task_without_a_message_is_sent_again(world: World) -> None:
    source = {"kind": "git", "url": "https://h/r", "ref": None}
    world.services.tasks.create(NewTask(TASK_ID, "acme", "command", None, "tidy", source, Limits(60, 10)))
    world.rows("DELETE FROM outbox")
    sweep(world.services)
    (row,) = world.rows("SELECT tries FROM outbox")
    assert row["tries"] == 1


def test_sweep_says_how_things_stand_and_that_it_ran(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    source = {"kind": "git", "url": "https://h/r", "ref": None}
    world.services.tasks.create(NewTask(TASK_ID, "acme", "command", None, "tidy", source, Limits(60, 10)))
    world.rows("UPDATE tasks SET created_at = created_at - INTERVAL 90 SECOND")
    sweep(world.services)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["event"], line["queue_depth"], line["running"]) == ("swept", 1, 0)
    assert 90 <= line["queue_oldest_s"] < 120
    assert "sweep" in [each.labels["name"] for each in world.services.stats.counters() if each.name == "beat"]


def test_deleted_job_fails_the_task(world: World) -> None:
    started(world)
    world.services.cluster.delete_job(keys.job_name(TASK_ID, 1))
    sweep(world.services)
    assert task_of(world).reason is not None and task_of(world).reason.value == "JOB_LOST"  # type: ignore[union-attr]


def test_lost_node_is_retried_only_so_often(world: World) -> None:
    services = world.with_settings(PATCHMILL_MAX_ATTEMPTS="2")
    started(world, services)
    for attempt in (1, 2):
        if attempt > 1:
            redispatch(world, attempt, services)
        world.end_job(TASK_ID, attempt)
        world.pod(TASK_ID, attempt, phase="Failed", reason="NodeLost")
        sweep(services)
    services.close()
    task = task_of(world)
    assert (task.status.value, task.reason and task.reason.value, task.attempt) == ("FAILED", "NODE_LOST", 2)
    rows = world.rows("SELECT number, status, reason FROM attempts ORDER BY number")
    assert [row["reason"] for row in rows] == ["NODE_LOST", "NODE_LOST"]


def test_claimed_task_without_a_job_is_woken(world: World) -> None:
    started(world)
    world.services.cluster.delete_job(keys.job_name(TASK_ID, 1))
    world.rows("UPDATE attempts SET job_uid = NULL, claimed_at = claimed_at - INTERVAL 1 HOUR")
    sweep(world.services)
    assert len(world.rows("SELECT id FROM outbox WHERE kind = 'task'")) == 1
    redispatch(world, 1)
    assert len(world.jobs()) == 1


def test_deadline_ends_a_task_that_the_cluster_keeps_running(world: World) -> None:
    started(world)
    world.pod(TASK_ID, phase="Running", log={"agent": "still at it\n"})
    world.rows("UPDATE attempts SET end_by = NOW(3) - INTERVAL 1 SECOND")
    sweep(world.services)
    task = task_of(world)
    assert (task.status.value, task.reason and task.reason.value) == ("FAILED", "TIMEOUT")
    assert world.jobs() == []
    assert world.request("GET", f"/v1/tasks/{TASK_ID}/logs").text == "still at it\n"


def test_deadline_holds_while_the_cluster_is_away(world: World) -> None:
    started(world)
    world.rows("UPDATE attempts SET end_by = NOW(3) - INTERVAL 1 SECOND")
    away = world.with_settings(PATCHMILL_KUBECONFIG=world.stand.kubeconfig(server="https://127.0.0.1:1"))
    sweep(away)
    away.close()
    assert task_of(world).reason is not None and task_of(world).reason.value == "TIMEOUT"  # type: ignore[union-attr]
    assert len(world.jobs()) == 1
    sweep(world.services)
    assert world.jobs() == []  # the next sweep removes what was left running


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (
            {"initContainerStatuses": [{"name": "fetch", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "IMAGE_PULL",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
            "UNSCHEDULABLE",
        ),
        ({"conditions": []}, "TIMEOUT"),
    ],
)
def test_task_that_never_started_fails_with_what_stood_in_its_way(
    world: World, status: dict[str, Any], reason: str
) -> None:
    started(world)
    world.pod(TASK_ID, phase="Pending", **status)
    sweep(world.services)
    assert task_of(world).status.value == "PROCESSING"
    world.rows("UPDATE attempts SET start_by = NOW(3) - INTERVAL 1 SECOND")
    sweep(world.services)
    assert task_of(world).reason is not None and task_of(world).reason.value == reason  # type: ignore[union-attr]
    assert world.jobs() == []


def test_cancelled_task_s_job_is_removed_and_its_log_kept(world: World) -> None:
    started(world)
    world.pod(TASK_ID, phase="Running", log={"agent": "half done\n"})
    assert world.request("POST", f"/v1/tasks/{TASK_ID}/cancel").status == 200
    assert world.jobs() == []
    assert world.request("GET", f"/v1/tasks/{TASK_ID}/logs").text == "half done\n"


def test_live_log_is_read_from_the_pod(world: World) -> None:
    started(world)
    world.pod(TASK_ID, phase="Running", log={"agent": "one\ntwo\n"})
    reply = world.request("GET", f"/v1/tasks/{TASK_ID}/logs?offset=4")
    assert (reply.text, reply.headers["patchmill-log-offset"]) == ("two\n", "8")
    assert reply.headers["patchmill-log-complete"] == "false"


def test_sweep_sends_what_the_outbox_owes(world: World) -> None:
    started(world)
    away = world.with_settings(PATCHMILL_KAFKA_BOOTSTRAP="127.0.0.1:1")
    world.deliver(TASK_ID)
    from collect.results import settle

    settle(TASK_ID, 1, away)
    away.close()
    assert [row["kind"] for row in world.rows("SELECT kind FROM outbox")] == ["result"]
    world.rows("UPDATE outbox SET next_try_at = NOW(3)")
    sweep(world.services)
    assert world.rows("SELECT kind FROM outbox") == []


def test_job_that_no_task_knows_is_left_alone(world: World) -> None:
    started(world)
    world.rows("DELETE FROM tasks")
    sweep(world.services)
    assert len(world.jobs()) == 1
