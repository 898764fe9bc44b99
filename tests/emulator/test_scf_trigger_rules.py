"""Triggers by the API: what is refused, what is listed, what keeps its address, what ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.api.action import ApiError
from emulator.events import ObjectEvent
from tests.support.scf import KAFKA, Cloud, Code, cos_rule, http, run_scf, until

BUCKET = "code-1250000000"
HOST = f"{BUCKET}.cos.ap-guangzhou.myqcloud.com"
TOLD = "def main_handler(event, context):\n    print('GOT')\n    return 'one'\n"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with run_scf(tmp_path, {"one": Code(TOLD), "two": Code(TOLD)}) as running:
        yield running


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(ApiError) as error:
        act()
    return error.value.code


def make(cloud: Cloud, function: str = "one", **params: Any) -> dict[str, Any]:
    made: dict[str, Any] = cloud.api("CreateTrigger", FunctionName=function, **params)["TriggerInfo"]
    return made


def timer(text: str = "0 0 0 * * * *", name: str = "tick", **params: Any) -> dict[str, Any]:
    return {"TriggerName": name, "Type": "timer", "TriggerDesc": text, **params}


def described(kind: str, name: str, **desc: Any) -> dict[str, Any]:
    return {"TriggerName": name, "Type": kind, "TriggerDesc": json.dumps(desc)}


def listed(cloud: Cloud, function: str = "one") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.api("ListTriggers", FunctionName=function, Order="ASC")["Triggers"]
    return found


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (timer("* * * * *"), "TriggerDesc"),
        (timer("0 0 0 L * * *"), "TriggerDesc"),
        (timer('{"cron": ' + "[" * 100_000), "TriggerDesc"),
        (timer(name="a b"), "TriggerName"),
        (timer(name="a" * 101), "TriggerName"),
        (timer(CustomArgument="x" * 4097), "CustomArgument"),
        (timer(Enable="YES"), "Enable"),
        ({**timer(), "Type": "apigw"}, "Type"),
        (cos_rule(BUCKET, "cos:ObjectCreated:Upload"), "TriggerDesc"),
        (described("cos", HOST, event=["cos:ObjectCreated:*"]), "TriggerDesc"),
        (described("cos", HOST, event="cos:ObjectCreated:*", filter={"prefix": "a"}), "TriggerDesc"),
        (described("cos", BUCKET, event="cos:ObjectCreated:*"), "TriggerName"),
        (described("cos", HOST.replace("guangzhou", "beijing"), event="cos:ObjectCreated:*"), "TriggerName"),
        (cos_rule("code-999", "cos:ObjectCreated:*"), "TriggerName"),
        (described("ckafka", "other-tasks"), "Ckafka"),
        (described("ckafka", f"{KAFKA}-tasks", maxMsgNum=0), "TriggerDesc"),
        (described("ckafka", f"{KAFKA}-tasks", timeOut=61), "TriggerDesc"),
        (described("ckafka", f"{KAFKA}-tasks", retry="3"), "TriggerDesc"),
        (described("ckafka", f"{KAFKA}-tasks", offset="first"), "TriggerDesc"),
        (described("ckafka", f"{KAFKA}-tasks", timeout=5), "TriggerDesc"),
        (http(AuthType="OPEN"), "TriggerDesc"),
        (http(NetConfig={"EnableExtranet": "yes"}), "TriggerDesc"),
        (http(CorsConfig={"origins": ["*"]}), "Cors"),
        (http(authType="NONE"), "TriggerDesc"),
    ],
)
def test_trigger_that_breaks_a_rule_is_refused(cloud: Cloud, params: dict[str, Any], code: str) -> None:
    assert refused(lambda: make(cloud, **params)) == f"InvalidParameterValue.{code}"
    assert listed(cloud) == []


def test_qualifier_must_be_there(cloud: Cloud) -> None:
    assert refused(lambda: make(cloud, Qualifier="7", **timer())) == "ResourceNotFound.Qualifier"


def test_rules_of_a_bucket_must_not_overlap_whoever_they_are_for(cloud: Cloud) -> None:
    make(cloud, **cos_rule(BUCKET, "cos:ObjectCreated:*", "a/", ".zip"))
    make(cloud, "two", **cos_rule(BUCKET, "cos:ObjectCreated:*", "a/", ".txt"))
    make(cloud, "two", **cos_rule(BUCKET, "cos:ObjectRemove:*", "a/", ".zip"))
    conflict = "InvalidParameterValue.CosNotifyRuleConflict"
    for event, prefix, suffix in (("*", "a/b/", ""), ("Put", "", "zip"), ("*", "a/", ".zip")):
        rule = cos_rule(BUCKET, f"cos:ObjectCreated:{event}", prefix, suffix)
        assert refused(lambda: make(cloud, "two", **rule)) == conflict  # noqa: B023


def test_triggers_of_a_type_and_rules_of_a_bucket_are_counted(cloud: Cloud) -> None:
    for number in range(10):
        make(cloud, **timer(name=f"tick-{number}"))
        make(cloud, "one" if number % 2 else "two", **cos_rule(BUCKET, "cos:ObjectCreated:*", f"{number}/"))
    assert refused(lambda: make(cloud, **timer(name="more"))) == "LimitExceeded.Trigger"
    assert refused(lambda: make(cloud, **cos_rule(BUCKET, "cos:ObjectCreated:*", "x/"))) == "LimitExceeded.Trigger"
    assert len(listed(cloud)) == 15


def test_one_function_url_for_a_qualifier(cloud: Cloud) -> None:
    make(cloud, **http())
    assert refused(lambda: make(cloud, **http("other"))) == "ResourceInUse.Trigger"
    make(cloud, Qualifier="$DEFAULT", **http("other"))
    assert refused(lambda: make(cloud, **timer()) and make(cloud, **timer())) == "ResourceInUse.TriggerName"


def test_listing_shows_what_was_given_in_the_platforms_form(cloud: Cloud) -> None:
    make(cloud, **timer(CustomArgument="now", Description="managed-by=somebody"))
    make(cloud, **cos_rule(BUCKET, "cos:ObjectCreated:*", "a/"))
    make(cloud, Enable="CLOSE", **described("ckafka", f"{KAFKA}-tasks", maxMsgNum=50))
    found = {one["Type"]: one for one in listed(cloud)}
    assert found["timer"]["TriggerDesc"] == '{"cron":"0 0 0 * * * *"}'
    assert (found["timer"]["CustomArgument"], found["timer"]["Description"]) == ("now", "managed-by=somebody")
    filters = {"Prefix": "a/", "Suffix": ""}
    assert json.loads(found["cos"]["TriggerDesc"]) == {"event": "cos:ObjectCreated:*", "filter": filters}
    assert found["cos"]["TriggerName"] == HOST
    assert json.loads(found["ckafka"]["TriggerDesc"]) == {
        "maxMsgNum": 50, "offset": "latest", "retry": 10000, "timeOut": 60, "consumerGroupName": ""
    }  # fmt: skip
    assert [found[kind]["Enable"] for kind in ("timer", "cos", "ckafka")] == [1, 1, 0]
    only = cloud.api("ListTriggers", FunctionName="one", Filters=[{"Name": "TriggerName", "Values": ["tick"]}])
    assert [one["Type"] for one in only["Triggers"]] == ["timer"]


def test_url_keeps_its_address_when_changed_and_has_another_when_made_anew(cloud: Cloud) -> None:
    make(cloud, **http())
    before = cloud.url("one")
    assert httpx.get(before).text == '"one"'
    cloud.api("UpdateTrigger", FunctionName="one", **http(AuthType="CAM"))
    assert cloud.url("one") == before and httpx.get(before).status_code == 401
    cloud.api("UpdateTrigger", FunctionName="one", Enable="CLOSE", TriggerName="url", Type="http")
    assert httpx.get(before).status_code == 404
    cloud.api("DeleteTrigger", FunctionName="one", TriggerName="url", Type="http")
    with pytest.raises(httpx.ConnectError):
        httpx.get(before)
    made = json.loads(make(cloud, **http())["TriggerDesc"])
    assert made["NetConfig"]["ExtranetUrl"] == cloud.url("one") != before


def test_url_that_is_not_open_shows_no_address(cloud: Cloud) -> None:
    made = make(cloud, **http(NetConfig={"EnableExtranet": False, "EnableIntranet": True}))
    assert set(json.loads(made["TriggerDesc"])["NetConfig"]) == {"EnableExtranet", "EnableIntranet", "IntranetUrl"}


def test_cos_rules_of_one_bucket_are_deleted_by_their_filter(cloud: Cloud) -> None:
    rules = [cos_rule(BUCKET, "cos:ObjectCreated:*", prefix) for prefix in ("a/", "b/")]
    for rule in rules:
        make(cloud, **rule)
    vague = described("cos", HOST, event="cos:ObjectCreated:*")
    assert (
        refused(lambda: cloud.api("DeleteTrigger", FunctionName="one", **vague)) == "InvalidParameterValue.TriggerDesc"
    )
    cloud.api("DeleteTrigger", FunctionName="one", **rules[0])
    assert [json.loads(one["TriggerDesc"])["filter"]["Prefix"] for one in listed(cloud)] == ["b/"]
    gone = refused(lambda: cloud.api("DeleteTrigger", FunctionName="one", **rules[0]))
    assert gone == "ResourceNotFound.Trigger"


def test_closed_and_deleted_triggers_call_nothing_more(cloud: Cloud) -> None:
    def put(key: str) -> None:
        event = ObjectEvent(BUCKET, key, "cos:ObjectCreated:Put", 1, {}, "127.0.0.1", 1)
        cloud.loop.call(lambda: cloud.scf.on_object_event(event))

    def calls(function: str) -> int:
        path = cloud.folder / "logs" / "functions" / f"{function}.log"
        return path.read_text().count("GOT\n") if path.exists() else 0

    rule, tick = cos_rule(BUCKET, "cos:ObjectCreated:*"), timer("* * * * * * *")
    make(cloud, **rule)
    make(cloud, "two", **tick)
    put("a")
    until(lambda: calls("one") == 1 and calls("two") >= 1)
    cloud.api("UpdateTriggerStatus", FunctionName="one", Enable="CLOSE", **rule)
    cloud.api("DeleteFunction", FunctionName="two")
    before = calls("two")
    put("b")
    time.sleep(1.3)
    assert calls("one") == 1 and calls("two") <= before + 1
    cloud.api("UpdateTriggerStatus", FunctionName="one", Enable="OPEN", **rule)
    put("c")
    until(lambda: calls("one") == 2)
