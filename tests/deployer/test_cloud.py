"""Calls to the cloud through the SDKs: what is repeated, what is raised, and that no secret shows."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.cloud import Cloud, CloudError, Keys
from deployer.declaration.model import Endpoint
from deployer.retry import Again
from emulator.api.action import ApiError
from emulator.api.server import Recorded
from tests.support import api
from tests.support.deployer_stage import CODE, Stage, deployed_to, refusal

SECRET = "a-value-that-nobody-may-see"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with deployed_to(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def stage(running: Stage) -> Stage:
    running.requests.clear()
    running.api.recorded.clear()
    running.api.hooks.before = running.api.hooks.after = lambda recorded: None
    return running


def failing(code: str, times: int) -> Any:
    """A hook that answers so many calls with an error."""
    left = [times]

    def hook(recorded: Recorded) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise ApiError(code, f"{recorded.action} failed")

    return hook


def test_the_account_is_that_of_the_keys(stage: Stage) -> None:
    assert stage.cloud().account() == (api.APP_ID, api.UIN)


def test_requests_name_the_region_except_those_to_cam(stage: Stage) -> None:
    stage.cloud().account()
    stage.cloud().call("ssm", "ListSecrets")
    assert [each.region for each in stage.api.recorded] == ["", api.REGION]


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError", "LimitExceeded.Frequency"])
def test_what_passes_by_itself_is_repeated(stage: Stage, code: str) -> None:
    stage.api.hooks.before = failing(code, 3)
    stage.cloud(tries=4).account()
    assert [each.code for each in stage.api.recorded] == [code, code, code, None]


def test_a_fault_that_stays_is_raised_after_the_last_try(stage: Stage) -> None:
    stage.api.hooks.before = failing("RequestLimitExceeded", 9)
    assert refusal(stage.cloud(tries=4).account) == "RequestLimitExceeded"
    assert len(stage.api.recorded) == 4


def test_a_refusal_is_raised_at_once_with_all_that_the_platform_says(stage: Stage) -> None:
    with pytest.raises(CloudError) as caught:
        stage.cloud(tries=4).call("cam", "GetRole", RoleName="nobody")
    error = caught.value
    assert (error.service, error.action, error.code) == ("cam", "GetRole", "InvalidParameter.RoleNotExist")
    assert error.message and error.request_id == stage.api.recorded[-1].request_id
    assert len(stage.api.recorded) == 1


def test_what_must_not_happen_twice_is_not_repeated(stage: Stage) -> None:
    stage.api.hooks.before = failing("InternalError", 1)
    assert refusal(lambda: stage.cloud(tries=4).once("cam", "GetUserAppId")) == "InternalError"
    assert len(stage.api.recorded) == 1


def test_what_was_throttled_did_not_happen_and_is_sent_again(stage: Stage) -> None:
    stage.api.hooks.before = failing("RequestLimitExceeded", 2)
    stage.cloud(tries=4).once("cam", "GetUserAppId")
    assert len(stage.api.recorded) == 3


def test_long_pauses_are_told() -> None:
    said: list[str] = []

    def fail() -> None:
        raise CloudError("cam", "GetRole", "InternalError", "")

    with pytest.raises(CloudError):
        Again(tries=3, pause_s=0.5, sleep=lambda seconds: None, told=said.append)(fail)
    assert said == ["cam GetRole: InternalError, try 3 of 3 follows"]


def test_no_answer_is_repeated_and_then_told(stage: Stage) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        nobody = Endpoint("http", f"127.0.0.1:{listener.getsockname()[1]}", "")  # bound, and nobody listens
        pauses: list[float] = []
        cloud = Cloud(Keys("AKIDx", SECRET), api.REGION, nobody, again=Again(tries=3, sleep=pauses.append))
        with pytest.raises(CloudError, match="ClientNetworkError") as caught:
            cloud.account()
    assert len(pauses) == 2
    assert SECRET not in str(caught.value)


def test_pauses_grow_up_to_the_longest() -> None:
    pauses: list[float] = []

    def fail() -> None:
        raise CloudError("cam", "GetRole", "RequestLimitExceeded", "")

    with pytest.raises(CloudError):
        Again(tries=8, pause_s=1, max_pause_s=8, sleep=pauses.append)(fail)
    assert all(low <= pause <= 2 * low for pause, low in zip(pauses, [0.5, 1, 2, 4, 4, 4, 4], strict=True))


def test_a_secret_shows_in_no_record_and_in_no_error(stage: Stage) -> None:
    def echo(recorded: Recorded) -> None:
        raise ApiError("InvalidParameterValue", f"bad value {recorded.params['SecretString']}, also {SECRET}")

    stage.api.hooks.before = echo
    with pytest.raises(CloudError) as caught:
        stage.cloud().call("ssm", "CreateSecret", SecretName="s", SecretString=f'{{"A": "{SECRET}"}}')
    assert "bad value (secret), also (secret)" in str(caught.value)
    assert SECRET not in repr(stage.requests) and "(secret)" in repr(stage.requests)


def test_packages_are_left_out_of_the_record(stage: Stage) -> None:
    refusal(lambda: stage.cloud().call("scf", "CreateFunction", Code={"ZipFile": "UEsD" * 1000}))
    assert stage.requests[-1] == ("scf", "CreateFunction", {"Code": {"ZipFile": "(4000 characters)"}})


def test_keys_show_in_no_repr() -> None:
    assert SECRET not in repr(Keys("AKIDx", SECRET, SECRET))


def test_missing_keys_are_told_by_name() -> None:
    with pytest.raises(CloudError, match="TENCENTCLOUD_SECRET_KEY") as caught:
        Keys.read({"TENCENTCLOUD_SECRET_ID": "AKIDx", "TENCENTCLOUD_SECRET_KEY": " "})
    assert "SECRET_ID," not in str(caught.value)


def test_keys_with_blanks_inside_are_refused() -> None:
    assert refusal(lambda: Keys("AKID x", SECRET)) == "Credentials.Malformed"


def test_a_wrong_key_is_told_by_the_platform_s_code(stage: Stage) -> None:
    cloud = Cloud(Keys(api.OWNER.secret_id, "wrong"), api.REGION, stage.declaration.endpoint)
    assert refusal(cloud.account) == "AuthFailure.SignatureFailure"


def test_temporary_keys_are_sent_with_their_token(stage: Stage) -> None:
    stage.cloud().call(
        "cam",
        "CreateRole",
        RoleName="visitor",
        PolicyDocument=json.dumps(api.trust(qcs=f"qcs::cam::uin/{api.UIN}:root")),
    )
    keys = stage.api.account.session("visitor", 60).credential
    cloud = Cloud(Keys(keys.secret_id, keys.secret_key, keys.token or ""), api.REGION, stage.declaration.endpoint)
    assert refusal(lambda: cloud.call("ssm", "ListSecrets")).startswith("UnauthorizedOperation")


def test_cos_errors_have_cos_s_code(stage: Stage) -> None:
    assert refusal(lambda: stage.cloud().cos(CODE).call("get_bucket_tagging")) == "NoSuchBucket"


def test_an_object_is_written_anew_in_each_try(stage: Stage, tmp_path: Path) -> None:
    package = tmp_path / "a.zip"
    package.write_bytes(b"0123456789")
    store = stage.cloud().cos(CODE)
    store.call("create_bucket")
    with package.open("rb") as body:
        body.read(5)  # as a try that broke off leaves it
        store.put_object(Key="packages/a.zip", Body=body)
    assert store.call("get_object", Key="packages/a.zip")["Body"].get_raw_stream().read() == b"0123456789"
    store.delete_object(Key="packages/a.zip")
    assert store.find("head_object", Key="packages/a.zip") is None


def test_cos_without_an_answer_is_a_network_error() -> None:
    nobody = Endpoint("http", "", "127.0.0.1:1/{bucket}")
    cloud = Cloud(Keys("AKIDx", SECRET), api.REGION, nobody, again=Again(tries=2, sleep=lambda seconds: None))
    assert refusal(lambda: cloud.cos(CODE).call("head_bucket")) == "ClientNetworkError"
