"""POST …/retry, the timeline and the attempts of a task, against real engines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from patchmill import keys
from patchmill.adapters.cos import Bucket
from patchmill.task import Outcome, Phase, Reason, Status, failed
from tests.support.samples import OTHER_KEY
from tests.support.world import World

GIT = {"git": {"url": "https://git.example/team/repo.git", "ref": "main"}}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def submitted(world: World, **changes: Any) -> dict[str, Any]:
    body = {"prompt": "tidy", "agent": "command", "source": GIT, "labels": {"team": "core"}, **changes}
    reply = world.request("POST", "/v1/tasks", body, traceparent=f"00-{TRACE}-{SPAN}-01")
    assert reply.status == 202, reply.text
    task: dict[str, Any] = reply.json
    return task


def cancelled(world: World, **changes: Any) -> dict[str, Any]:
    task = submitted(world, **changes)
    assert world.request("POST", f"/v1/tasks/{task['id']}/cancel").status == 200
    return task


def test_retry_makes_a_new_task_that_means_the_same(world: World) -> None:
    old = cancelled(world, limits={"timeout_s": 77, "max_steps": 5})
    reply = world.request("POST", f"/v1/tasks/{old['id']}/retry")
    assert reply.status == 202
    new = reply.json
    assert reply.headers["location"] == f"/v1/tasks/{new['id']}"
    same = ("tenant", "agent", "model", "prompt", "source", "labels", "limits", "drop")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert (new["retry_of"], new["status"], new["attempt"]) == (old["id"], "QUEUED", 1)
    assert new["id"] != old["id"] and old["retry_of"] is None
    assert world.request("GET", f"/v1/tasks/{new['id']}").json["retry_of"] == old["id"]
    assert [row["task_id"] for row in world.rows("SELECT task_id FROM outbox WHERE kind = 'task'")] == [new["id"]]


def test_retry_of_a_task_that_has_not_ended_is_409(world: World) -> None:
    task = submitted(world)
    assert world.request("POST", f"/v1/tasks/{task['id']}/retry").status == 409
    world.services.tasks.claim(task["id"], 1, 60, 60)
    assert world.request("POST", f"/v1/tasks/{task['id']}/retry").status == 409
    assert len(world.rows("SELECT id FROM tasks")) == 1


def test_retry_with_one_idempotency_key_is_one_task(world: World) -> None:
    old, other = cancelled(world), cancelled(world)
    replies = [world.request("POST", f"/v1/tasks/{old['id']}/retry", idempotency_key="again") for _ in range(2)]
    assert [reply.status for reply in replies] == [202, 202]
    assert replies[0].json["id"] == replies[1].json["id"]
    refused = world.request("POST", f"/v1/tasks/{other['id']}/retry", idempotency_key="again")
    assert (refused.status, refused.fields) == (422, ["Idempotency-Key"])


def test_retry_of_an_upload_needs_its_zip(world: World) -> None:
    old = cancelled(world, source={"upload_id": world.uploaded()})
    assert world.request("POST", f"/v1/tasks/{old['id']}/retry").status == 202
    remove(world.services.code, keys.upload("acme", old["source"]["upload_id"]))
    reply = world.request("POST", f"/v1/tasks/{old['id']}/retry")
    assert (reply.status, reply.headers["content-type"]) == (410, "application/problem+json")
    assert len(world.rows("SELECT id FROM tasks")) == 2


def remove(bucket: Bucket, key: str) -> None:
    """What the bucket's lifecycle does after days."""
    bucket._client.delete_object(Bucket=bucket.name, Key=key)


def test_retry_of_what_is_not_allowed_any_more_is_409(world: World) -> None:
    old, mini = cancelled(world, limits={"timeout_s": 7200}), cancelled(world, agent="mini")
    here, world.services = world.services, world.with_settings(
        PATCHMILL_AGENTS="command", PATCHMILL_TASK_TIMEOUT_S="60", PATCHMILL_MAX_TIMEOUT_S="60"
    )  # fmt: skip
    replies = [world.request("POST", f"/v1/tasks/{task['id']}/retry") for task in (old, mini)]
    world.services.close()
    world.services = here
    assert [reply.status for reply in replies] == [409, 409]


def test_history_of_another_tenant_s_task_is_404(world: World) -> None:
    path = f"/v1/tasks/{cancelled(world)['id']}"
    for part in ("POST /retry", "GET /timeline", "GET /attempts"):
        method, suffix = part.split(" ")
        assert world.request(method, path + suffix, key=OTHER_KEY).status == 404
        assert world.request(method, f"/v1/tasks/nothing{suffix}").status == 404


def test_timeline_is_one_tree_below_the_caller_s_span(world: World) -> None:
    task_id = submitted(world)["id"]
    world.services.tasks.claim(task_id, 1, 60, 60)
    world.services.tasks.job_created(task_id, 1, "uid")
    for phase in list(Phase)[1:]:
        world.services.tasks.enter(task_id, 1, phase)
    running = world.request("GET", f"/v1/tasks/{task_id}/timeline")
    assert {span["name"] for span in running.json["spans"] if span["end"] is None} >= {"task", "attempt 1", "deliver"}
    world.services.tasks.finish(task_id, 1, Outcome(Status.COMPLETED, result={"artifacts": []}))
    reply = world.request("GET", f"/v1/tasks/{task_id}/timeline", if_none_match=running.headers["etag"])
    assert reply.status == 200
    timeline = reply.json
    assert (timeline["task_id"], timeline["trace_id"]) == (task_id, TRACE)
    spans = {span["span_id"]: span for span in timeline["spans"]}
    assert {"task", "queued", "attempt 1", "fetch", "agent", "deliver"} <= {span["name"] for span in spans.values()}
    outside = [span["parent_span_id"] for span in spans.values() if span["parent_span_id"] not in spans]
    assert outside == [SPAN]
    for span in spans.values():
        assert datetime.fromisoformat(span["start"][:-1]) <= datetime.fromisoformat(span["end"][:-1])
    assert world.request("GET", f"/v1/tasks/{task_id}/timeline", if_none_match=reply.headers["etag"]).status == 304


def test_timeline_of_a_task_without_a_caller_s_trace_has_its_own(world: World) -> None:
    reply = world.request("POST", "/v1/tasks", {"prompt": "p", "agent": "command", "source": GIT}, traceparent="junk")
    timeline = world.request("GET", f"/v1/tasks/{reply.json['id']}/timeline").json
    assert len(timeline["trace_id"]) == 32 and timeline["trace_id"] == reply.json["trace_id"]
    assert [span["name"] for span in timeline["spans"] if span["parent_span_id"] is None] != []


def test_attempts_tell_how_each_ended(world: World) -> None:
    task_id = submitted(world)["id"]
    path = f"/v1/tasks/{task_id}/attempts"
    assert world.request("GET", path).json == {"attempts": []}
    world.services.tasks.claim(task_id, 1, 60, 60)
    world.services.tasks.retry(task_id, 1, failed(Reason.NODE_LOST, "The node went away."))
    world.services.tasks.claim(task_id, 2, 60, 60)
    world.services.tasks.enter(task_id, 2, Phase.RUNNING_AGENT)
    reply = world.request("GET", path)
    first, second = reply.json["attempts"]
    assert (first["attempt"], first["status"], first["reason"]) == (1, "FAILED", "NODE_LOST")
    assert first["message"] == "The node went away." and first["finished_at"] and first["started_at"] is None
    assert (second["attempt"], second["status"], second["finished_at"]) == (2, "PROCESSING", None)
    assert second["started_at"] and second["job"] == keys.job_name(task_id, 2)
    assert world.request("GET", path, if_none_match=reply.headers["etag"]).status == 304
