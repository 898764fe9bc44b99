"""Versions and aliases over time: what is frozen, what an update leaves alone, who gets which events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.api.action import ApiError
from emulator.scf import Invocation, ScfSettings
from tests.support.scf import Cloud, Code, http, inner, run_scf, until

TOLD = "def main_handler(event, context):\n    return ['{}', context['function_version']]\n"
SLOW = """
import time
def main_handler(event, context):
    time.sleep(event.get("seconds", 0))
    return "old"
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with run_scf(tmp_path, {"told": Code(TOLD.format("one"))}, settings=ScfSettings(weights_seed=1)) as running:
        yield running


def publish(cloud: Cloud, name: str = "told") -> str:
    version: str = cloud.api("PublishVersion", FunctionName=name)["FunctionVersion"]
    return version


def point(cloud: Cloud, version: str, **weights: float) -> None:
    shares = [{"Version": name.removeprefix("v"), "Weight": weight} for name, weight in weights.items()]
    routing = {"AdditionalVersionWeights": shares}
    cloud.api("UpdateAlias", FunctionName="told", Name="$DEFAULT", FunctionVersion=version, RoutingConfig=routing)


def answers(cloud: Cloud, qualifier: str = "$DEFAULT", count: int = 1) -> list[Any]:
    return [cloud.call("told", {}, qualifier=qualifier).result for _ in range(count)]


def test_published_version_stays_as_it_was_and_says_which_it_is(cloud: Cloud) -> None:
    assert publish(cloud) == "1"
    cloud.update("told", TOLD.format("two"))
    cloud.api("UpdateFunctionConfiguration", FunctionName="told", MemorySize=256)
    assert answers(cloud, "1") == [["one", "1"]] and answers(cloud, "$LATEST") == [["two", "$LATEST"]]
    assert [cloud.api("GetFunction", FunctionName="told", Qualifier=one)["MemorySize"] for one in ("1", "$LATEST")] == [
        128, 256
    ]  # fmt: skip
    assert publish(cloud) == "2"
    assert cloud.api("ListVersionByFunction", FunctionName="told")["FunctionVersion"] == ["$LATEST", "1", "2"]


def test_default_alias_follows_latest_until_it_is_moved(cloud: Cloud) -> None:
    cloud.update("told", TOLD.format("two"))
    assert answers(cloud) == [["two", "$LATEST"]]
    publish(cloud)
    point(cloud, "1")
    cloud.update("told", TOLD.format("three"))
    assert answers(cloud) == [["two", "1"]]


def test_events_are_shared_by_the_alias_weights(cloud: Cloud) -> None:
    publish(cloud)
    cloud.update("told", TOLD.format("two"))
    publish(cloud)
    point(cloud, "1", v2=0.3)
    found = [version for _, version in answers(cloud, count=100)]
    assert set(found) == {"1", "2"} and 15 <= found.count("2") <= 45
    point(cloud, "1", v2=1.0)
    assert answers(cloud, count=20) == [["two", "2"]] * 20
    point(cloud, "2", v1=0.0)
    assert answers(cloud, count=20) == [["two", "2"]] * 20


def test_update_lets_running_events_finish_and_new_ones_run_the_new_code(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code(SLOW)}) as cloud:
        assert cloud.call("any", {}).result == "old"

        async def begin() -> asyncio.Future[Invocation]:
            running = asyncio.ensure_future(cloud.scf.invoke("default", "any", "$LATEST", {"seconds": 1.5}))
            await asyncio.sleep(0.3)
            return running

        async def end(running: asyncio.Future[Invocation]) -> Invocation:
            return await running

        running = cloud.loop.run(begin())
        cloud.update("any", "def main_handler(event, context):\n    return 'new'\n")
        assert cloud.call("any", {}).result == "new" and not running.done()
        assert cloud.loop.run(end(running)).result == "old"
        until(lambda: len(inner(cloud)) == 1)  # that of the new code


def test_new_environment_reaches_new_instances_only_after_the_update(cloud: Cloud) -> None:
    cloud.deploy("any", Code())
    cloud.run("any", "")
    variables = {"Variables": [{"Key": "GREETING", "Value": "hello"}]}
    cloud.api("UpdateFunctionConfiguration", FunctionName="any", Environment=variables)
    invocation = cloud.call("any", {"code": "import os; result = os.environ['GREETING']"})
    assert (invocation.result, invocation.cold) == ("hello", True)


def test_url_of_an_alias_follows_it(cloud: Cloud) -> None:
    cloud.api("CreateTrigger", FunctionName="told", Qualifier="$DEFAULT", **http())
    publish(cloud)
    cloud.update("told", TOLD.format("two"))
    assert httpx.get(cloud.url("told")).json() == ["two", "$LATEST"]
    point(cloud, "1")
    assert httpx.get(cloud.url("told")).json() == ["one", "1"]


def test_own_alias_is_made_listed_and_deleted(cloud: Cloud) -> None:
    publish(cloud)
    cloud.api("CreateAlias", FunctionName="told", Name="green", FunctionVersion="1", Description="mark=1")
    assert answers(cloud, "green") == [["one", "1"]]
    assert [one["Name"] for one in cloud.api("ListAliases", FunctionName="told")["Aliases"]] == ["$DEFAULT", "green"]
    listed = cloud.api("ListAliases", FunctionName="told", FunctionVersion="1")
    assert [one["Description"] for one in listed["Aliases"]] == ["mark=1"]
    cloud.api("DeleteAlias", FunctionName="told", Name="green")
    assert cloud.call("told", {}, qualifier="green").status == 435


@pytest.mark.parametrize(
    ("routing", "version", "code"),
    [
        ([("9", 0.5)], "1", "ResourceNotFound.FunctionVersion"),
        ([], "9", "ResourceNotFound.FunctionVersion"),
        ([], "$DEFAULT", "ResourceNotFound.FunctionVersion"),
        ([("1", 0.5)], "1", "InvalidParameterValue.AdditionalVersionWeights"),
        ([("2", 1.1)], "1", "InvalidParameterValue.AdditionalVersionWeights"),
        ([("2", -0.1)], "1", "InvalidParameterValue.AdditionalVersionWeights"),
        ([("2", 0.1), ("$LATEST", 0.1)], "1", "InvalidParameterValue.AdditionalVersionWeights"),
    ],
)
def test_alias_that_leads_nowhere_is_refused(
    cloud: Cloud, routing: list[tuple[str, float]], version: str, code: str
) -> None:
    publish(cloud)
    publish(cloud)
    shares = [{"Version": name, "Weight": weight} for name, weight in routing]
    with pytest.raises(ApiError) as refused:
        cloud.api(
            "UpdateAlias",
            FunctionName="told",
            Name="$DEFAULT",
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": shares},
        )
    assert refused.value.code == code


def test_version_in_use_is_not_deleted_and_its_number_never_given_again(cloud: Cloud) -> None:
    publish(cloud)
    point(cloud, "1")
    for name in ("1", "$LATEST"):
        with pytest.raises(ApiError):
            cloud.api("DeleteFunctionVersion", FunctionName="told", Qualifier=name)
    point(cloud, "$LATEST")
    assert answers(cloud, "1") == [["one", "1"]]
    cloud.api("DeleteFunctionVersion", FunctionName="told", Qualifier="1")
    assert cloud.call("told", {}, qualifier="1").status == 435
    assert publish(cloud) == "2"


def test_layer_version_that_is_deleted_stays_where_it_is_bound(tmp_path: Path) -> None:
    layers = {"lib": {"lib.py": "WHO = 'layer'"}}
    with run_scf(tmp_path, {"any": Code(layers=["lib"])}, layers=layers) as cloud:
        cloud.api("DeleteLayerVersion", LayerName="lib", LayerVersion=1)
        assert cloud.run("any", "import lib; result = lib.WHO") == "layer"
        with pytest.raises(ApiError, match=r"ResourceNotFound\.LayerVersion"):
            cloud.deploy("more", Code(layers=["lib"]))
        (bound,) = cloud.api("GetFunction", FunctionName="any")["Layers"]
        assert (bound["LayerName"], bound["LayerVersion"], bound["Status"]) == ("lib", 1, "Deleted")


def test_log_records_have_the_fields_of_cls(tmp_path: Path) -> None:
    settings = {"ClsLogsetId": "set", "ClsTopicId": "topic"}
    with run_scf(tmp_path, {"any": Code(settings=settings)}) as cloud:
        done = cloud.call("any", {"code": "print('größer'); result = 7"}, qualifier="$DEFAULT")
        cloud.call("any", {"code": "raise ValueError('bad')"})
        assert {topic for topic, _ in cloud.records} == {"topic"}
        records = [record for _, record in cloud.records]
    own = [record for record in records if record["SCF_Type"] == "Custom"]
    assert [record["SCF_Message"] for record in own] == ["größer"]
    assert set(own[0]) == {
        "SCF_FunctionName", "SCF_Namespace", "SCF_StartTime", "SCF_LogTime", "SCF_RequestId", "SCF_Duration",
        "SCF_Alias", "SCF_Qualifier", "SCF_MemUsage", "SCF_Level", "SCF_Message", "SCF_Type", "SCF_StatusCode",
        "SCF_RetryNum",
    }  # fmt: skip
    assert (own[0]["SCF_Alias"], own[0]["SCF_Qualifier"]) == ("$DEFAULT", "$LATEST")
    assert (own[0]["SCF_RequestId"], own[0]["SCF_StatusCode"]) == (done.request_id, 200)
    assert any(record["SCF_StatusCode"] == 430 and record["SCF_Level"] == "ERROR" for record in records)
    assert any(json.dumps(7) in record["SCF_Message"] for record in records)


def test_event_and_answer_are_not_logged_where_system_logs_are_ignored(tmp_path: Path) -> None:
    settings = {"ClsLogsetId": "set", "ClsTopicId": "topic"}
    with run_scf(tmp_path, {"any": Code(settings=settings)}) as cloud:
        cloud.api("UpdateFunctionConfiguration", FunctionName="any", IgnoreSysLog=True)
        cloud.call("any", {"code": "print('mine'); result = 'presigned'"})
        cloud.call("any", {"code": "raise ValueError('bad')"})
        told = "\n".join(record["SCF_Message"] for _, record in cloud.records)
        for text in (told, cloud.log("any")):
            assert "presigned" not in text and "RetMsg" not in text and "Event RequestId" not in text
            assert "\nmine\n" in text and "ValueError: bad" in text and "Report RequestId" in text


def test_records_of_one_event_are_limited_and_no_line_is_lost(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code(settings={"ClsLogsetId": "set", "ClsTopicId": "topic"})}) as cloud:
        cloud.call("any", {"code": "print('\\n'.join(f'line {n}' for n in range(2000)))"})
        assert len(cloud.records) <= 501
        lines = "\n".join(record["SCF_Message"] for _, record in cloud.records).splitlines()
    assert [line for line in lines if line.startswith("line ")] == [f"line {number}" for number in range(2000)]
