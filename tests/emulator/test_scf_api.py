"""SCF through the official SDK and the API's server: signed, checked, as whoever deploys sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tencentcloud.common.credential import Credential as SdkCredential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from emulator.account import Account
from emulator.api.server import create_app
from emulator.credentials import Credential
from emulator.documents import Documents
from emulator.listen import serve
from tests.support.scf import APP_ID, REGION, UIN, Cloud, Code, packed, run_scf, until

OWNER = Credential("AKIDowner", "key-of-the-owner")
ECHO = "def main_handler(event, context):\n    print('said', event)\n    return {'echo': event}\n"
ONLY_READ = {
    "version": "2.0",
    "statement": [
        {
            "effect": "allow",
            "action": ["scf:GetFunction"],
            "resource": [f"qcs::scf:{REGION}:uin/{UIN}:namespace/default/function/echo"],
        }
    ],
}


@dataclass
class Deployer:
    cloud: Cloud
    address: str
    account: Account

    def client(self, credential: Credential) -> ScfClient:
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=self.address))
        return ScfClient(SdkCredential(credential.secret_id, credential.secret_key), REGION, profile)

    def act(self, action: str, credential: Credential = OWNER, **params: Any) -> Any:
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(params))
        return getattr(self.client(credential), action)(request)


@contextmanager
def server(cloud: Cloud) -> Iterator[Deployer]:
    account = Account(Documents(None), OWNER, app_id=APP_ID, uin=UIN)

    async def listen() -> Any:
        return await serve(create_app([cloud.scf.service], account, REGION))

    listener = cloud.loop.run(listen())
    try:
        yield Deployer(cloud, f"127.0.0.1:{listener.port}", account)
    finally:
        cloud.loop.run(listener.close())


@pytest.fixture(scope="module")
def deployer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployer]:
    with run_scf(tmp_path_factory.mktemp("scf"), {"echo": Code(ECHO)}) as cloud, server(cloud) as running:
        yield running


def test_function_is_deployed_called_released_and_removed(deployer: Deployer) -> None:
    act = deployer.act
    act("CreateNamespace", Namespace="shop-dev")
    layer = act(
        "PublishLayerVersion",
        LayerName="lib",
        CompatibleRuntimes=["Python3.10"],
        Content={"ZipFile": packed({"lib.py": "WHO = 'layer'"})},
    )
    where: dict[str, Any] = {"FunctionName": "api", "Namespace": "shop-dev"}
    act(
        "CreateFunction",
        Runtime="Python3.10",
        Handler="index.main_handler",
        Code={"ZipFile": packed({"index.py": "import lib\ndef main_handler(event, context):\n    return lib.WHO\n"})},
        Layers=[{"LayerName": "lib", "LayerVersion": layer.LayerVersion}],
        Environment={"Variables": [{"Key": "A", "Value": "b"}]},
        **where,
    )
    until(lambda: act("GetFunction", **where).Status == "Active")
    assert act("Invoke", **where).Result.RetMsg == '"layer"'
    version = act("PublishVersion", **where).FunctionVersion
    act("UpdateAlias", Name="$DEFAULT", FunctionVersion=version, **where)
    assert act("GetAlias", Name="$DEFAULT", **where).FunctionVersion == "1"
    assert act("GetFunction", Qualifier="1", **where).Environment.Variables[0].Value == "b"
    assert act("ListVersionByFunction", **where).TotalCount == 2
    act("DeleteFunction", **where)
    assert act("ListFunctions", Namespace="shop-dev").TotalCount == 0
    act("DeleteNamespace", Namespace="shop-dev")


def test_synchronous_call_tells_answer_log_and_cost(deployer: Deployer) -> None:
    told = deployer.act("Invoke", FunctionName="echo", ClientContext='{"a": 1}', LogType="Tail").Result
    assert json.loads(told.RetMsg) == {"echo": {"a": 1}}
    assert (told.InvokeResult, told.ErrMsg) == (0, "") and told.MemUsage > 0 and told.BillDuration >= told.Duration
    assert "said {'a': 1}" in told.Log and f"START RequestId: {told.FunctionRequestId}" in told.Log
    assert deployer.act("InvokeFunction", FunctionName="echo", Event="[1]").Result.RetMsg == '{"echo": [1]}'


def test_failure_of_the_function_is_no_failure_of_the_call(deployer: Deployer) -> None:
    deployer.cloud.deploy("bad", Code("def main_handler(event, context):\n    raise ValueError('no luck')\n"))
    told = deployer.act("Invoke", FunctionName="bad").Result
    failure = json.loads(told.RetMsg)
    assert (told.InvokeResult, told.ErrMsg) == (430, "user code exception caught")
    assert failure["statusCode"] == 430 and "ValueError: no luck" in failure["stackTrace"] and told.Log == ""


def test_asynchronous_call_returns_at_once_and_runs_under_the_id_it_told(deployer: Deployer) -> None:
    told = deployer.act("Invoke", FunctionName="echo", InvocationType="Event", ClientContext='"later"').Result
    assert (told.RetMsg, told.Log) == ("", "")
    until(lambda: f"START RequestId: {told.FunctionRequestId}" in deployer.cloud.log("echo"))


def test_retries_of_a_function_are_set_and_told(deployer: Deployer) -> None:
    config = {"RetryConfig": [{"RetryNum": 1}], "MsgTTL": 3600}
    deployer.act("UpdateFunctionEventInvokeConfig", FunctionName="echo", AsyncTriggerConfig=config)
    told = deployer.act("GetFunctionEventInvokeConfig", FunctionName="echo").AsyncTriggerConfig
    assert (told.RetryConfig[0].RetryNum, told.MsgTTL) == (1, 3600)
    for wrong, code in (
        ({"MsgTTL": 30}, "LimitExceeded.MsgTTL"),
        ({"RetryConfig": [{"RetryNum": 9}]}, "LimitExceeded.RetryNum"),
    ):
        with pytest.raises(TencentCloudSDKException) as refused:
            deployer.act("UpdateFunctionEventInvokeConfig", FunctionName="echo", AsyncTriggerConfig={**config, **wrong})
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"FunctionName": "none"}, "ResourceNotFound.Function"),
        ({"FunctionName": "echo", "Namespace": "none"}, "ResourceNotFound.Namespace"),
        ({"FunctionName": "echo", "Qualifier": "3"}, "ResourceNotFound.Qualifier"),
        ({"FunctionName": "echo", "ClientContext": "{"}, "InvalidParameterValue.ClientContext"),
        ({"FunctionName": "echo", "ClientContext": "[" * 100_000}, "InvalidParameterValue.ClientContext"),
        ({"FunctionName": "echo", "InvocationType": "Later"}, "InvalidParameterValue.InvokeType"),
        (
            {"FunctionName": "echo", "InvocationType": "Event", "ClientContext": '"' + "x" * (128 << 10) + '"'},
            "InvalidParameter.RequestTooLarge",
        ),
        ({}, "MissingParameter"),
    ],
)
def test_call_that_cannot_be_made_is_an_error(deployer: Deployer, params: dict[str, Any], code: str) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        deployer.act("Invoke", **params)
    assert refused.value.code == code


def test_policies_are_asked_by_function(deployer: Deployer) -> None:
    async def add() -> Credential:
        return deployer.account.add_user("reader", ONLY_READ)

    reader = deployer.cloud.loop.run(add())
    assert deployer.act("GetFunction", reader, FunctionName="echo").FunctionName == "echo"
    for action, params in {"GetFunction": {"FunctionName": "bad"}, "Invoke": {"FunctionName": "echo"}}.items():
        with pytest.raises(TencentCloudSDKException) as refused:
            deployer.act(action, reader, **params)
        assert refused.value.code.startswith("UnauthorizedOperation")
