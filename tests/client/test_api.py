from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from patchmill_client import (
    Artifact,
    BadRequestError,
    Client,
    ConflictError,
    NotFoundError,
    TaskRequest,
    UnauthorisedError,
    UnreachableError,
    UsageError,
)
from patchmill_client.errors import DamagedError
from tests.support.fake_api import DONE, ENDLESS, KEY, FakeApi, serving

GIT = TaskRequest("fix it", git_url="https://example.com/r.git")


def test_a_lost_answer_makes_no_second_task(api: FakeApi, client: Client) -> None:
    api.failures = [0, 503]
    task = client.submit(GIT)
    assert task.id in api.tasks and len(api.tasks) == 1
    keys = {request.headers["Idempotency-Key"] for request in api.seen}
    assert len(api.seen) == 3 and len(keys) == 1


def test_two_submissions_use_two_keys(api: FakeApi, client: Client) -> None:
    assert client.submit(GIT).id != client.submit(GIT).id


def test_the_callers_key_is_used(api: FakeApi, client: Client) -> None:
    assert client.submit(GIT, "mine").id == client.submit(GIT, "mine").id
    assert api.seen[0].headers["Idempotency-Key"] == "mine"


def test_a_post_without_a_key_is_tried_once(api: FakeApi, client: Client) -> None:
    api.failures = [503]
    with pytest.raises(UnreachableError, match="503"):
        client.create_upload(10)
    assert len(api.seen) == 1


@pytest.mark.parametrize("status", [429, 430, 433, 434, 500, 502, 503, 504, 0])
def test_a_broken_service_is_asked_again(api: FakeApi, client: Client, status: int) -> None:
    task_id = api.add({})
    api.failures = [status]
    assert client.task(task_id).id == task_id


def test_patience_ends(api: FakeApi) -> None:
    said: list[str] = []
    api.failures = [503] * 50
    with (
        Client(api.url, KEY, patience_s=0.5, notice=said.append) as client,
        pytest.raises(UnreachableError, match="503: out of order"),
    ):
        client.task("x")
    assert len(api.seen) == 2 and "trying again in 0.2 s" in said[0]


def test_a_server_that_is_not_there_is_named() -> None:
    with (
        Client("http://127.0.0.1:9", KEY, patience_s=0) as client,
        pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"),
    ):
        client.task("x")


def test_a_wrong_key_is_told_without_the_key(api: FakeApi) -> None:
    with Client(api.url, "s3cretkey") as client, pytest.raises(UnauthorisedError) as caught:
        client.task("x")
    assert "PATCHMILL_API_KEY" in str(caught.value) and "s3cretkey" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_an_impossible_key_is_refused(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        Client("http://127.0.0.1", key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("url", ["patchmill.example.com", "ftp://x", "http://", "", "http://x:99999", "http://[::1"])
def test_an_impossible_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="server's URL"):
        Client(url, KEY)


def test_refusals_name_the_field(client: Client) -> None:
    with pytest.raises(BadRequestError, match="agent: must be command or mini"):
        client.submit(TaskRequest("x", git_url="https://example.com/r.git", agent="wizard"))


def test_an_unknown_task_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError, match="no such task"):
        client.task("01NONE")


@pytest.mark.parametrize("task_id", ["", "..", "a/b", "a?b"])
def test_what_is_no_task_id_is_not_sent(api: FakeApi, client: Client, task_id: str) -> None:
    with pytest.raises(UsageError, match="no task id"):
        client.task(task_id)
    assert not api.seen


def test_an_unchanged_task_costs_no_body(api: FakeApi, client: Client) -> None:
    task = client.task(api.add({}, DONE))
    assert task.ended and client.task_if_changed(task) is None
    assert api.seen[-1].headers["If-None-Match"] == task.etag


def test_lists_turn_pages_up_to_the_limit(api: FakeApi, client: Client) -> None:
    ids = [api.add({}, DONE if each % 2 else ENDLESS) for each in range(10)]
    assert [task.id for task in client.tasks(limit=7)] == ids[:2:-1]
    assert [task.id for task in client.tasks(status="COMPLETED", limit=99)] == ids[::-2]


def test_a_task_is_cancelled_once(api: FakeApi, client: Client) -> None:
    task_id = api.add({}, ENDLESS)
    assert client.cancel(task_id).status == "CANCELLED"
    with pytest.raises(ConflictError, match="CANCELLED already"):
        client.cancel(task_id)


def test_an_upload_is_streamed_again_after_a_failure_and_without_the_key(api: FakeApi, client: Client) -> None:
    content = bytes(range(256)) * 4000
    sent: list[int] = []
    upload = client.create_upload(len(content))
    api.failures = [0]
    client.send_upload(upload, io.BytesIO(content), len(content), sent.append)
    assert api.uploads[upload.id] == content
    assert sent[-1] == len(content) and "sign" not in repr(upload)


def test_a_zip_that_is_too_large_is_not_sent(api: FakeApi, client: Client) -> None:
    api.max_bytes = 5
    upload = client.create_upload(6)
    with pytest.raises(UsageError, match="at most 5"):
        client.send_upload(upload, io.BytesIO(b"123456"), 6, print)
    assert len(api.seen) == 1


def test_a_refused_upload_hides_the_signature(api: FakeApi, client: Client) -> None:
    upload = client.create_upload(3)
    api.failures = [403]
    with pytest.raises(UnreachableError) as caught:
        client.send_upload(upload, io.BytesIO(b"abc"), 3, print)
    assert "s3cret" not in str(caught.value)


def test_a_damaged_download_is_noticed(api: FakeApi, client: Client) -> None:
    task_id = api.add({}, DONE)
    with pytest.raises(DamagedError, match=r"diff\.patch"):
        list(client.download(task_id, Artifact("diff.patch", 3, "0" * 64)))


class Website(FakeApi):
    async def answer(self, request: Request) -> Response:
        return HTMLResponse("<h1>It works!</h1>")


@pytest.mark.parametrize("call", [lambda c: c.task("x"), lambda c: list(c.tasks()), lambda c: c.artifacts("x")])
def test_an_answer_of_another_server_is_told(call: Callable[[Client], object]) -> None:
    with serving(Website()) as site, Client(site.url, KEY) as client:
        with pytest.raises(UnreachableError, match="is PATCHMILL_URL right"):
            call(client)
