"""What the API does before and around every service: signatures, parameters, regions, permissions, hooks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from tencentcloud.cam.v20190116 import cam_client
from tencentcloud.cam.v20190116 import models as cam_models
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.server import MAX_BODY, Recorded, create_app
from emulator.credentials import Credential
from emulator.documents import Documents
from tests.support.api import OWNER, REGION, Api, policy, serving, trust


class Clusters:
    """A service whose answers are what the test wants, under names that the SDK knows."""

    name = "tke"
    version = "2018-05-25"

    def __init__(self) -> None:
        self.answer: Params = {"TotalCount": 0}

    @property
    def actions(self) -> Mapping[str, Action]:
        return {"DescribeClusters": Action(self._answer)}

    async def _answer(self, call: Call, params: Params) -> Params:
        return self.answer


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as running:
        yield running


def signed(
    api: Api, body: bytes = b"{}", *, who: Credential = OWNER, at: float | None = None, **changed: str
) -> httpx.Response:
    """A GetUserAppId as signed by hand; `changed` are headers set after signing, _ for -."""
    timestamp = int(time.time() if at is None else at)
    date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
    canonical = f"POST\n/\n\ncontent-type:application/json\nhost:{api.endpoint}\n\ncontent-type;host\n"
    canonical += hashlib.sha256(body).hexdigest()
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{timestamp}\n{date}/cam/tc3_request\n{digest}"
    key = f"TC3{who.secret_key}".encode()
    for part in (date, "cam", "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "authorization": f"TC3-HMAC-SHA256 Credential={who.secret_id}/{date}/cam/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={signature}",
        "x-tc-action": "GetUserAppId",
        "x-tc-version": "2019-01-16",
        "x-tc-timestamp": str(timestamp),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return httpx.post(f"http://{api.endpoint}/", content=body, headers=headers)


def code(response: httpx.Response) -> str:
    """The code of an error, which comes with HTTP 200 and a request id like every answer."""
    assert response.status_code == 200
    answer = response.json()["Response"]
    assert answer["RequestId"]
    return str(answer.get("Error", {}).get("Code", "done"))


def test_sdks_own_client_is_understood(api: Api) -> None:
    keys = credential.Credential(OWNER.secret_id, OWNER.secret_key)
    answer = cam_client.CamClient(keys, REGION, api.profile()).GetUserAppId(cam_models.GetUserAppIdRequest())
    assert (answer.OwnerUin, answer.AppId) == ("100000000001", 1250000000)


def test_request_signed_by_hand_is_understood(api: Api) -> None:
    assert code(signed(api)) == "done"


def test_changed_body_breaks_the_signature(api: Api) -> None:
    assert code(signed(api, x_tc_timestamp=str(int(time.time()) - 1))) == "AuthFailure.SignatureFailure"
    wrong = Credential(OWNER.secret_id, "another key")
    assert code(signed(api, who=wrong)) == "AuthFailure.SignatureFailure"


@pytest.mark.parametrize("seconds", [-310, 310])
def test_signature_of_another_time_is_expired(api: Api, seconds: int) -> None:
    assert code(signed(api, at=time.time() + seconds)) == "AuthFailure.SignatureExpire"


def test_clock_may_differ_a_little(api: Api) -> None:
    assert code(signed(api, at=time.time() - 200)) == "done"


def test_unknown_key_is_told(api: Api) -> None:
    assert code(signed(api, who=Credential("AKIDnobody", "k"))) == "AuthFailure.SecretIdNotFound"


@pytest.mark.parametrize("authorization", ["", "Bearer x", "TC3-HMAC-SHA256 Credential=a/b/c"])
def test_request_without_a_signature_is_refused(api: Api, authorization: str) -> None:
    assert code(signed(api, authorization=authorization)) == "AuthFailure.InvalidAuthorization"


def test_temporary_key_needs_its_token(api: Api) -> None:
    api.call("cam", "CreateRole", RoleName="worker", PolicyDocument=json.dumps(trust(service="scf.qcloud.com")))
    session = api.account.session("worker", 60).credential
    assert code(signed(api, who=session, x_tc_token=session.token or "")) == "UnauthorizedOperation"
    assert code(signed(api, who=session)) == "AuthFailure.TokenFailure"
    assert code(signed(api, who=session, x_tc_token="other")) == "AuthFailure.TokenFailure"
    ended = api.account.session("worker", -1).credential
    assert code(signed(api, who=ended, x_tc_token=ended.token or "")) == "AuthFailure.TokenFailure"


def test_only_post_of_json_is_taken(api: Api) -> None:
    assert code(signed(api, content_type="application/x-www-form-urlencoded")) == "UnsupportedProtocol"
    assert code(httpx.get(f"http://{api.endpoint}/")) == "UnsupportedProtocol"
    assert code(signed(api, b"[]")) == "InvalidParameter"
    assert code(signed(api, b"{")) == "InvalidParameter"


@pytest.mark.parametrize("body", [b'{"a": "\\ud800"}', b'{"a": ' + b"[" * 100_000, b'{"a": "\xff"}', b'{"a": NaN}'])
def test_body_that_is_no_text_is_refused(api: Api, body: bytes) -> None:
    assert code(signed(api, body)) == "InvalidParameter"


def test_body_of_more_than_10_mb_is_refused(api: Api) -> None:
    assert code(signed(api, b" " * (MAX_BODY + 1))) == "RequestSizeLimitExceeded"


def test_unknown_action_version_and_product_are_told(api: Api) -> None:
    assert code(signed(api, x_tc_action="GetNothing")) == "InvalidAction"
    assert code(signed(api, x_tc_version="2020-01-01")) == "NoSuchVersion"
    assert code(signed(api, x_tc_action="")) == "MissingParameter"
    assert api.refusal("ckafka", "DescribeInstances") == "NoSuchProduct"


def test_region_is_needed_where_there_are_regions(api: Api) -> None:
    for region, expected in ((REGION, "done"), ("ap-beijing", "UnsupportedRegion"), ("", "MissingParameter")):
        try:
            api.client("sts", region=region).call_json("GetCallerIdentity", {})
            found = "done"
        except TencentCloudSDKException as e:
            found = str(e.code)
        assert found == expected
    api.client("cam", region="").call_json("GetUserAppId", {})


@pytest.mark.parametrize(
    ("params", "expected", "path"),
    [
        ({"Rolename": "x"}, "UnknownParameter", "`Rolename`"),
        ({"RoleName": "x"}, "MissingParameter", "`PolicyDocument`"),
        ({"RoleName": 1, "PolicyDocument": "{}"}, "InvalidParameter", "`RoleName`"),
        ({"RoleName": None, "PolicyDocument": "{}"}, "InvalidParameter", "`RoleName`"),
        ({"RoleName": "x", "PolicyDocument": "{}", "ConsoleLogin": True}, "InvalidParameter", "`ConsoleLogin`"),
        ({"RoleName": "x", "PolicyDocument": "{}", "ConsoleLogin": "1"}, "InvalidParameter", "`ConsoleLogin`"),
        ({"RoleName": "x", "PolicyDocument": "{}", "ConsoleLogin": 1 << 63}, "InvalidParameter", "`ConsoleLogin`"),
        ({"RoleName": "x", "PolicyDocument": "{}", "Tags": {}}, "InvalidParameter", "`Tags`"),
        ({"RoleName": "x", "PolicyDocument": "{}", "Tags": ["a"]}, "InvalidParameter", "`Tags.0`"),
        ({"RoleName": "x", "PolicyDocument": "{}", "Tags": [{"Key": "a"}]}, "MissingParameter", "`Tags.0.Value`"),
        (
            {"RoleName": "x", "PolicyDocument": "{}", "Tags": [{"Key": "a", "Value": "b", "Valeu": "c"}]},
            "UnknownParameter",
            "`Tags.0.Valeu`",
        ),
    ],
)
def test_wrong_parameter_is_named(api: Api, params: dict[str, Any], expected: str, path: str) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        api.call("cam", "CreateRole", **params)
    assert refused.value.code == expected
    assert path in refused.value.message


def test_user_may_only_what_its_policy_says(api: Api) -> None:
    user = api.account.add_user("ann", policy("cam:GetRole", f"qcs::cam::uin/{api.account.uin}:roleName/worker"))
    assert api.refusal("cam", "GetRole", user, RoleName="worker") == "InvalidParameter.RoleNotExist"
    assert api.refusal("cam", "GetRole", user, RoleName="other") == "UnauthorizedOperation"
    assert api.refusal("cam", "GetUserAppId", user) == "UnauthorizedOperation"


def test_answer_must_fit_the_sdks_model(caplog: pytest.LogCaptureFixture) -> None:
    service = Clusters()
    with serving(service) as api, caplog.at_level(logging.ERROR):
        assert api.call("tke", "DescribeClusters")["TotalCount"] == 0
        service.answer = {"TotalCount": 0, "Clusters": None}
        assert api.call("tke", "DescribeClusters")["Clusters"] is None
        service.answer = {"TotalCount": "0"}
        assert api.refusal("tke", "DescribeClusters") == "InternalError"
        assert "InvalidParameter TotalCount" in caplog.text
        service.answer = {"Clusters": [{"Name": "c"}]}
        assert api.refusal("tke", "DescribeClusters") == "InternalError"
        assert "UnknownParameter Clusters.0.Name" in caplog.text


def test_service_with_an_action_without_schema_is_not_served() -> None:
    class Odd(Clusters):
        @property
        def actions(self) -> Mapping[str, Action]:
            return {"DeleteEverything": Action(self._answer)}

    with serving() as api, pytest.raises(LookupError, match="tke DeleteEverything"):
        create_app([Odd()], api.account, REGION)


def test_requests_are_recorded_without_showing_secrets(api: Api) -> None:
    api.call("cam", "GetUserAppId")
    assert api.refusal("cam", "GetRole", RoleName="secret") == "InvalidParameter.RoleNotExist"
    done, refused = api.recorded
    assert (done.action, done.code, done.secret_id) == ("GetUserAppId", None, OWNER.secret_id)
    assert (refused.action, refused.code) == ("GetRole", "InvalidParameter.RoleNotExist")
    assert refused.params == {"RoleName": "secret"}
    assert (done.resource, refused.resource) == ("*", api.account.arn("secret"))
    assert "{'RoleName'" not in repr(refused)


def test_hook_before_prevents_and_hook_after_does_not(api: Api) -> None:
    def refuse(recorded: Recorded) -> None:
        raise ApiError("InternalError", "as the test wants")

    document = json.dumps(trust(service="scf.qcloud.com"))
    api.hooks.before = refuse
    assert api.refusal("cam", "CreateRole", RoleName="r", PolicyDocument=document) == "InternalError"
    api.hooks.before = lambda recorded: None
    assert api.refusal("cam", "GetRole", RoleName="r") == "InvalidParameter.RoleNotExist"
    api.hooks.after = refuse
    assert api.refusal("cam", "CreateRole", RoleName="r", PolicyDocument=document) == "InternalError"
    api.hooks.after = lambda recorded: None
    assert api.call("cam", "GetRole", RoleName="r")["RoleInfo"]["RoleName"] == "r"


def test_log_names_the_call_and_nothing_secret(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "emulator.api"):
        api.refusal("cam", "GetRole", RoleName="a-secret")
    assert "cam GetRole InvalidParameter.RoleNotExist" in caplog.text
    assert "a-secret" not in caplog.text
    assert OWNER.secret_key not in caplog.text


def test_calls_do_not_wait_for_one_another() -> None:
    class Slow(Clusters):
        async def _answer(self, call: Call, params: Params) -> Params:
            await asyncio.sleep(0.3)
            return {"TotalCount": 0}

    with serving(Slow(), documents=Documents(None)) as api:
        began = time.monotonic()

        async def both() -> None:
            await asyncio.gather(*(asyncio.to_thread(api.call, "tke", "DescribeClusters") for _ in range(2)))

        asyncio.run(both())
        assert time.monotonic() - began < 0.55
