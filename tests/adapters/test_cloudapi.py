"""The API's client against the API's stand-in: real signatures, the newest keys, and what is tried again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.api.action import ApiError
from emulator.api.server import Recorded
from emulator.credentials import Credential
from patchmill.adapters.cloudapi import CloudApi, Place
from patchmill.credentials import RoleKeys
from patchmill.errors import ApiRefused, SettingsError, Unavailable
from tests.support.api import OWNER, REGION, Api, policy, serving


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture(autouse=True)
def quiet(api: Api) -> None:
    api.recorded.clear()
    api.hooks.before = api.hooks.after = lambda recorded: None


def environ(who: Credential) -> dict[str, str]:
    keys = {"TENCENTCLOUD_SECRETID": who.secret_id, "TENCENTCLOUD_SECRETKEY": who.secret_key}
    return {**keys, "TENCENTCLOUD_SESSIONTOKEN": who.token or ""}


def client(api: Api, who: Credential = OWNER) -> CloudApi:
    return CloudApi(Place("http", api.endpoint, REGION), RoleKeys(environ(who)))


def failing(code: str, times: int) -> Any:
    """A hook that refuses the first requests."""
    left = [times]

    def hook(recorded: Recorded) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise ApiError(code, "for the test")

    return hook


def test_answer_comes_back_for_a_signed_request(api: Api) -> None:
    answer = client(api).call("sts", "GetCallerIdentity")
    assert answer["Type"] == "RootAccount"
    assert [recorded.region for recorded in api.recorded] == [REGION]


def test_newest_keys_sign_the_next_request(api: Api) -> None:
    keys = RoleKeys(environ(OWNER))
    cloud = CloudApi(Place("http", api.endpoint, REGION), keys)
    cloud.call("sts", "GetCallerIdentity")
    user = api.account.add_user("somebody", policy("sts:*"))
    keys.take({"environment": json.dumps(environ(user))})
    assert cloud.call("sts", "GetCallerIdentity")["Type"] == "CAMUser"
    assert [recorded.secret_id for recorded in api.recorded] == [OWNER.secret_id, user.secret_id]


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "RequestLimitExceeded.UinLimitExceeded", "InternalError"])
def test_passing_fault_is_tried_again(api: Api, code: str) -> None:
    api.hooks.before = failing(code, 2)
    assert client(api).call("sts", "GetCallerIdentity")["Type"] == "RootAccount"
    assert [recorded.code for recorded in api.recorded] == [code, code, None]


def test_fault_that_stays_is_given_up_with_its_code(api: Api) -> None:
    api.hooks.before = failing("InternalError", 99)
    with pytest.raises(ApiRefused, match="sts GetCallerIdentity: InternalError") as caught:
        client(api).call("sts", "GetCallerIdentity")
    assert (caught.value.code, len(api.recorded)) == ("InternalError", 3)
    assert api.recorded[-1].request_id in str(caught.value)


def test_refusal_is_not_tried_again(api: Api) -> None:
    nobody = api.account.add_user("nobody", policy("cos:*"))
    with pytest.raises(ApiRefused) as caught:
        client(api, nobody).call("sts", "AssumeRole", RoleArn="qcs::cam::uin/1:roleName/x", RoleSessionName="it")
    assert (caught.value.code, len(api.recorded)) == ("UnauthorizedOperation", 1)


def test_wrong_key_is_a_refusal_that_does_not_show_it(api: Api) -> None:
    with pytest.raises(ApiRefused, match="AuthFailure") as caught:
        client(api, Credential(OWNER.secret_id, "canary-secret")).call("sts", "GetCallerIdentity")
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_nobody_there_is_unavailable() -> None:
    cloud = CloudApi(Place("http", "127.0.0.1:1", REGION), RoleKeys(environ(OWNER)))
    with pytest.raises(Unavailable, match="no answer") as caught:
        cloud.call("sts", "GetCallerIdentity")
    assert not isinstance(caught.value, ApiRefused)


def test_function_without_a_role_is_told_so(api: Api) -> None:
    with pytest.raises(SettingsError):
        CloudApi(Place("http", api.endpoint, REGION), RoleKeys({})).call("sts", "GetCallerIdentity")


@contextmanager
def answering(status: int, kind: str, body: bytes) -> Iterator[str]:
    """A server that says the same to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


REFUSAL = b'{"Response": {"Error": {"Code": "ResourceNotFound", "Message": "no such secret"}, "RequestId": "r-1"}}'


def test_error_is_seen_under_any_content_type() -> None:
    with answering(200, "application/json; charset=utf-8", REFUSAL) as endpoint:
        with pytest.raises(ApiRefused, match=r"ResourceNotFound: no such secret.*r-1"):
            CloudApi(Place("http", endpoint, REGION), RoleKeys(environ(OWNER))).call("ssm", "GetSecretValue")


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, b"<html>canary</html>"), (200, b"<html>canary</html>"), (200, b'["canary"]'), (200, b"{}")],
)
def test_answer_that_is_not_the_api_s_is_unavailable_and_not_shown(status: int, body: bytes) -> None:
    with answering(status, "text/html", body) as endpoint:
        with pytest.raises(Unavailable) as caught:
            CloudApi(Place("http", endpoint, REGION), RoleKeys(environ(OWNER))).call("ssm", "GetSecretValue")
    assert "canary" not in str(caught.value)
