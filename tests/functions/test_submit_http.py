"""The HTTP API against real engines: what is accepted, what is refused and how, and who may see what."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from patchmill import keys
from patchmill.task import Outcome, Reason, Status, failed
from tests.support.samples import API_KEY, OTHER_KEY
from tests.support.world import World

GIT = {"git": {"url": "https://git.example/team/repo.git", "ref": "main"}}


def submitted(world: World, **changes: Any) -> dict[str, Any]:
    reply = world.request("POST", "/v1/tasks", {"prompt": "tidy", "agent": "command", "source": GIT, **changes})
    assert reply.status == 202, reply.text
    task: dict[str, Any] = reply.json
    return task


def test_git_task_is_accepted_stored_and_cached(world: World) -> None:
    reply = world.request("POST", "/v1/tasks", {"prompt": "tidy", "agent": "command", "source": GIT})
    assert reply.status == 202
    assert reply.headers["location"] == f"/v1/tasks/{reply.json['id']}"
    assert (reply.json["status"], reply.json["tenant"]) == ("QUEUED", "acme")
    cached = world.services.cache.get(reply.json["id"])
    assert cached is not None and cached == reply.json
    stored = world.services.tasks.get(reply.json["id"])
    assert stored is not None and stored.source == {"kind": "git", **GIT["git"]}
    assert len(world.rows("SELECT * FROM outbox WHERE kind = 'task'")) == 1


def test_upload_is_put_by_the_client_and_named_by_its_id(world: World) -> None:
    reply = world.request("POST", "/v1/uploads", {"size": 4})
    upload, place = reply.json, reply.headers["location"]
    assert place not in reply.text
    assert requests.put(place, data=b"PK\x03\x04", headers=upload["headers"], timeout=10).status_code == 200
    task = submitted(world, source={"upload_id": upload["upload_id"]})
    assert task["source"] == {"kind": "upload", "upload_id": upload["upload_id"]}


def test_upload_url_takes_no_other_length(world: World) -> None:
    place = world.request("POST", "/v1/uploads", {"size": 4}).headers["location"]
    assert requests.put(place, data=b"too long", timeout=10).status_code == 403


def test_upload_without_a_size_takes_any(world: World) -> None:
    place = world.request("POST", "/v1/uploads").headers["location"]
    assert requests.put(place, data=b"PK", timeout=10).status_code == 200


def test_upload_over_the_limit_is_refused(world: World) -> None:
    reply = world.request("POST", "/v1/uploads", {"size": 10**12})
    assert (reply.status, reply.fields) == (422, ["size"])


def test_upload_of_another_tenant_does_not_exist(world: World) -> None:
    upload_id = world.uploaded("globex")
    body = {"prompt": "x", "agent": "command", "source": {"upload_id": upload_id}}
    reply = world.request("POST", "/v1/tasks", body)
    assert (reply.status, reply.fields) == (422, ["source.upload_id"])
    assert world.request("POST", "/v1/tasks", body, key=OTHER_KEY).status == 202


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 200_000}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"agent": "codex-9000"}, "agent"),
        ({"source": {"git": {"url": "file:///etc/passwd"}}}, "source.git.url"),
        ({"source": {"git": {"url": "https://h/r", "ref": "--upload-pack=x"}}}, "source.git.ref"),
        ({"source": {"upload_id": "01JDB0000000000000000000ZZ"}}, "source.upload_id"),
        ({"limits": {"timeout_s": 10**9}}, "limits.timeout_s"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_bad_field_is_refused_by_name_and_nothing_is_stored(world: World, change: dict[str, Any], field: str) -> None:
    reply = world.request("POST", "/v1/tasks", {"prompt": "p", "agent": "command", "source": GIT, **change})
    assert (reply.status, reply.fields) == (422, [field])
    assert reply.headers["content-type"] == "application/problem+json"
    assert world.rows("SELECT id FROM tasks") == []


def test_model_is_needed_where_there_is_no_default(world: World) -> None:
    from patchmill.events import HttpEvent
    from submit import wsgi
    from submit.api import App

    services = world.with_settings(PATCHMILL_MODEL_NAME="")
    event = {
        "httpMethod": "POST",
        "path": "/v1/tasks",
        "headers": {"authorization": f"Bearer {API_KEY}"},
        "body": '{"prompt": "p", "source": {"git": {"url": "https://h/r"}}}',
    }
    answer = wsgi.respond(App(services).wsgi, HttpEvent(event))
    services.close()
    assert answer["statusCode"] == 422 and '"model"' in answer["body"]


def test_same_idempotency_key_and_meaning_is_one_task(world: World) -> None:
    first = world.request("POST", "/v1/tasks", {"prompt": "p", "agent": "command", "source": GIT}, idempotency_key="k1")
    again = '{"source": {"git": {"ref": "main", "url": "https://git.example/team/repo.git"}},'
    again += '\n "agent": "command", "prompt": "p"}'
    second = world.request("POST", "/v1/tasks", again, idempotency_key="k1")
    assert (first.status, second.status) == (202, 202)
    assert first.json["id"] == second.json["id"]
    assert len(world.rows("SELECT id FROM tasks")) == 1


def test_same_idempotency_key_for_another_request_is_refused(world: World) -> None:
    body = {"prompt": "p", "agent": "command", "source": GIT}
    world.request("POST", "/v1/tasks", body, idempotency_key="k1")
    reply = world.request("POST", "/v1/tasks", {**body, "prompt": "q"}, idempotency_key="k1")
    assert (reply.status, reply.fields) == (422, ["Idempotency-Key"])
    assert world.request("POST", "/v1/tasks", body, idempotency_key="").status == 422
    assert world.request("POST", "/v1/tasks", body, key=OTHER_KEY, idempotency_key="k1").status == 202


def test_same_idempotency_key_with_an_equal_upload_is_one_task(world: World) -> None:
    ids = []
    for _ in range(2):
        reply = world.request("POST", "/v1/uploads")
        requests.put(reply.headers["location"], data=b"PK-same", timeout=10)
        body = {"prompt": "p", "agent": "command", "source": {"upload_id": reply.json["upload_id"]}}
        ids.append(world.request("POST", "/v1/tasks", body, idempotency_key="k1").json["id"])
    assert ids[0] == ids[1]


@pytest.mark.parametrize("key", [None, "wrong", "pm_test_key_of_acm", "\xff\udcff"])
def test_unknown_key_is_401_with_a_challenge(world: World, key: str | None) -> None:
    reply = world.request("GET", "/v1/tasks", key=key)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")


def test_other_schemes_and_unknown_paths_are_refused(world: World) -> None:
    assert world.request("GET", "/v1/tasks", key=None, authorization="Basic eDp5").status == 401
    assert world.request("GET", "/v1/nothing").status == 404
    assert world.request("DELETE", "/v1/tasks").status == 405
    assert world.request("GET", "/v1/nothing", key=None).status == 401


def test_health_needs_no_key_and_tells_when_mysql_is_away(world: World) -> None:
    assert world.request("GET", "/healthz", key=None).json == {"status": "ok"}
    away = world.with_settings(PATCHMILL_MYSQL_URL="mysql://root@127.0.0.1:1/x")
    here, world.services = world.services, away
    reply = world.request("GET", "/healthz", key=None)
    world.services = here
    away.close()
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")


def test_another_tenant_s_task_is_404_everywhere(world: World) -> None:
    path = f"/v1/tasks/{submitted(world)['id']}"
    parts = ["GET ", "GET /logs", "GET /artifacts", "GET /artifacts/diff.patch", "POST /cancel"]
    for method, suffix in (part.split(" ") for part in parts):
        assert world.request(method, path + suffix, key=OTHER_KEY).status == 404
    assert world.request("GET", "/v1/tasks", key=OTHER_KEY).json["tasks"] == []
    assert world.request("GET", path).status == 200


@pytest.mark.parametrize("task_id", ["x", "01JDB0000000000000000000ZZ", "%00", "01jdb0000000000000000000zz", "项"])
def test_unknown_id_is_404(world: World, task_id: str) -> None:
    assert world.request("GET", f"/v1/tasks/{task_id}").status == 404


def test_list_is_paged_newest_first_and_filtered(world: World) -> None:
    ids = [submitted(world, prompt=str(number))["id"] for number in range(5)]
    world.request("POST", f"/v1/tasks/{ids[0]}/cancel")
    seen, cursor = [], ""
    while True:
        page = world.request("GET", f"/v1/tasks?limit=2{cursor}").json
        seen += [task["id"] for task in page["tasks"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(ids) and seen == sorted(seen, reverse=True)
    cancelled = world.request("GET", "/v1/tasks?status=CANCELLED").json["tasks"]
    assert [task["id"] for task in cancelled] == [ids[0]]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=" + "0" * 15 + "9" * 5000, "limit=999", "limit=x", "cursor=zzz", "cursor=项", "status=DONE"],
)
def test_bad_list_query_is_refused_by_name(world: World, query: str) -> None:
    reply = world.request("GET", f"/v1/tasks?{query}")
    assert (reply.status, reply.fields) == (422, [query.split("=")[0]])


def test_task_has_an_etag_and_an_unchanged_one_is_304(world: World) -> None:
    path = f"/v1/tasks/{submitted(world)['id']}"
    etag = world.request("GET", path).headers["etag"]
    reply = world.request("GET", path, if_none_match=etag)
    assert (reply.status, reply.text) == (304, "")
    world.request("POST", f"{path}/cancel")
    assert world.request("GET", path, if_none_match=etag).status == 200


def test_cancel_ends_a_queued_task_once(world: World) -> None:
    path = f"/v1/tasks/{submitted(world)['id']}"
    assert world.request("POST", f"{path}/cancel").json["status"] == "CANCELLED"
    assert world.request("GET", path).json["status"] == "CANCELLED"
    assert world.request("POST", f"{path}/cancel").status == 409
    assert world.rows("SELECT kind FROM outbox") == []


def test_artifacts_are_listed_and_given_by_a_presigned_url(world: World) -> None:
    task_id = submitted(world)["id"]
    world.services.tasks.claim(task_id, 1, 60, 60)
    world.deliver(task_id)
    artifact = {"name": "diff.patch", "size": 12, "sha256": "a" * 64, "md5": "b" * 32}
    ended = world.services.tasks.finish(task_id, 1, Outcome(Status.COMPLETED, result={"artifacts": [artifact]}))
    assert ended is not None
    world.services.cache.put(ended)
    listed = world.request("GET", f"/v1/tasks/{task_id}/artifacts").json["artifacts"]
    assert listed == [{"name": "diff.patch", "size": 12, "sha256": "a" * 64}]
    reply = world.request("GET", f"/v1/tasks/{task_id}/artifacts/diff.patch")
    assert reply.status == 302
    assert requests.get(reply.headers["location"], timeout=10).text == "--- a\n+++ b\n"
    assert world.request("GET", f"/v1/tasks/{task_id}/artifacts/manifest.json").status == 404


def test_log_is_empty_while_queued_and_comes_from_cos_afterwards(world: World) -> None:
    task_id = submitted(world)["id"]
    waiting = world.request("GET", f"/v1/tasks/{task_id}/logs")
    assert (waiting.text, waiting.headers["patchmill-log-complete"]) == ("", "false")
    world.services.logs.put(keys.artifact(task_id, 1, "agent.log"), "one\n二\n".encode(), "text/plain")
    world.request("POST", f"/v1/tasks/{task_id}/cancel")
    whole = world.request("GET", f"/v1/tasks/{task_id}/logs")
    assert (whole.text, whole.headers["patchmill-log-offset"]) == ("one\n二\n", "8")
    assert whole.headers["patchmill-log-complete"] == "true"
    rest = world.request("GET", f"/v1/tasks/{task_id}/logs?offset=4")
    assert rest.text == "二\n"
    assert world.request("GET", f"/v1/tasks/{task_id}/logs?offset=8").headers["patchmill-log-complete"] == "true"
    assert world.request("GET", f"/v1/tasks/{task_id}/logs?offset=-1").status == 422


def test_task_is_accepted_while_kafka_and_redis_are_away(world: World) -> None:
    here = world.services
    world.services = world.with_settings(
        PATCHMILL_KAFKA_BOOTSTRAP="127.0.0.1:1", PATCHMILL_REDIS_URL="redis://127.0.0.1:1"
    )
    task = submitted(world)
    assert world.request("GET", f"/v1/tasks/{task['id']}").status == 200
    world.services = here
    assert len(world.rows("SELECT id FROM outbox WHERE kind = 'task'")) == 1


def test_failure_shows_reason_and_sentence(world: World) -> None:
    task_id = submitted(world)["id"]
    ended = world.services.tasks.finish(task_id, 1, failed(Reason.SOURCE_ERROR, "The ref does not exist."))
    assert ended is not None
    world.services.cache.put(ended)
    task = world.request("GET", f"/v1/tasks/{task_id}").json
    assert (task["status"], task["reason"], task["message"]) == ("FAILED", "SOURCE_ERROR", "The ref does not exist.")
