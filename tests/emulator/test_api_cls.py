"""Log Service through the SDK: log sets, topics, the index, and the search."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.account import Account
from emulator.api.action import Call
from emulator.api.cls import Cls
from emulator.api.logsearch import DAY_MS, TOPICS, LogSearch
from emulator.api.logstore import LogStore
from emulator.documents import Documents
from tests.support.api import APP_ID, OWNER, REGION, UIN, Api, policy, serving

DELIMITERS = "@&?|#()='\",;:<>[]{}/ \n\t\r\\"
RULE = {
    "FullText": {"CaseSensitive": False, "Tokenizer": DELIMITERS, "ContainZH": True},
    "KeyValue": {
        "CaseSensitive": True,
        "KeyValues": [
            {"Key": "SCF_FunctionName", "Value": {"Type": "text", "Tokenizer": "", "SqlFlag": True}},
            {"Key": "SCF_Message", "Value": {"Type": "text", "Tokenizer": DELIMITERS}},
            {"Key": "SCF_Duration", "Value": {"Type": "long"}},
        ],
    },
}


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logs(clock: Clock) -> LogStore:
    return LogStore(None, clock)


@pytest.fixture
def api(logs: LogStore, clock: Clock) -> Iterator[Api]:
    documents = Documents(None)
    account = Account(documents, OWNER, app_id=APP_ID, uin=UIN)
    cls = Cls(documents, account, REGION, logs, clock)
    with serving(cls, documents=documents, account=account) as running:
        yield running


@pytest.fixture
def topic(api: Api) -> str:
    """A topic with the index RULE."""
    found = create_topic(api, create_logset(api))
    api.call("cls", "CreateIndex", TopicId=found, Rule=RULE)
    return found


def create_logset(api: Api, name: str = "patchmill-test", **more: object) -> str:
    return str(api.call("cls", "CreateLogset", LogsetName=name, **more)["LogsetId"])


def create_topic(api: Api, logset: str, name: str = "functions", **more: object) -> str:
    return str(api.call("cls", "CreateTopic", LogsetId=logset, TopicName=name, **more)["TopicId"])


def search(api: Api, topic: str, query: str = "", **more: Any) -> dict[str, Any]:
    asked = {"From": 0, "To": 2_000_000_000_000, "TopicId": topic, "QueryString": query, **more}
    return api.call("cls", "SearchLog", **asked)


def messages(answer: dict[str, Any]) -> list[str]:
    return [json.loads(log["LogJson"])["SCF_Message"] for log in answer["Results"]]


def write(logs: LogStore, clock: Clock, topic: str, *texts: str, **fields: object) -> None:
    """One record a second."""
    for text in texts:
        logs.put(topic, {"SCF_FunctionName": "submit", "SCF_Duration": 3, "SCF_Message": text, **fields})
        clock.now += 1


def test_logset_is_found_changed_and_deleted(api: Api) -> None:
    tagged = [{"Key": "stage", "Value": "s1"}]
    first = create_logset(api, "a-b", Tags=tagged)
    create_logset(api, "a-b-c")
    assert api.refusal("cls", "CreateLogset", LogsetName="a-b") == "InvalidParameter.LogsetConflict"

    def found(key: str, value: str) -> list[str]:
        answer = api.call("cls", "DescribeLogsets", Filters=[{"Key": key, "Values": [value]}])
        return [logset["LogsetName"] for logset in answer["Logsets"]]

    assert sorted(found("logsetName", "a-b")) == ["a-b", "a-b-c"]
    assert found("logsetId", first) == found("tag:stage", "s1") == found("tagKey", "stage") == ["a-b"]
    assert found("tag:stage", "s2") == []
    api.call("cls", "ModifyLogset", LogsetId=first, LogsetName="d")
    create_topic(api, first)
    assert api.refusal("cls", "DeleteLogset", LogsetId=first) == "FailedOperation.LogsetNotEmpty"
    api.call("cls", "DeleteTopic", TopicId=api.call("cls", "DescribeTopics")["Topics"][0]["TopicId"])
    api.call("cls", "DeleteLogset", LogsetId=first)
    assert api.refusal("cls", "DeleteLogset", LogsetId=first) == "ResourceNotFound.LogsetNotExist"
    assert api.refusal("cls", "DescribeLogsets", Filters=[{"Key": "name", "Values": ["x"]}]) == "InvalidParameter"


def test_topic_is_found_by_its_name_precisely_or_not(api: Api) -> None:
    logset = create_logset(api)
    create_topic(api, logset, "functions", Period=7, Describes="d")
    create_topic(api, logset, "functions-2")
    by_name = [{"Key": "topicName", "Values": ["functions"]}, {"Key": "logsetId", "Values": [logset]}]
    assert api.call("cls", "DescribeTopics", Filters=by_name)["TotalCount"] == 2
    precise = api.call("cls", "DescribeTopics", Filters=by_name, PreciseSearch=1)["Topics"]
    assert [(t["TopicName"], t["Period"], t["Describes"], t["Index"]) for t in precise] == [
        ("functions", 7, "d", False)
    ]
    asked = {"LogsetId": logset, "TopicName": "functions"}
    assert api.refusal("cls", "CreateTopic", **asked) == "InvalidParameter.TopicConflict"


def test_topic_is_changed(api: Api, topic: str) -> None:
    tagged = [{"Key": "stage", "Value": "s1"}]
    api.call("cls", "ModifyTopic", TopicId=topic, Period=3640, TopicName="new", Tags=tagged)
    found = api.call("cls", "DescribeTopics")["Topics"][0]
    assert (found["Period"], found["TopicName"], found["Tags"], found["Index"]) == (3640, "new", tagged, True)
    assert api.refusal("cls", "ModifyTopic", TopicId=topic, Period=3601) == "InvalidParameterValue"
    assert api.refusal("cls", "ModifyTopic", TopicId="x", Period=1) == "ResourceNotFound.TopicNotExist"


def test_index_is_kept_as_given(api: Api, topic: str) -> None:
    assert api.refusal("cls", "CreateIndex", TopicId=topic, Rule=RULE) == "InvalidParameter.IndexConflict"
    found = api.call("cls", "DescribeIndex", TopicId=topic)
    assert (found["Rule"], found["Status"]) == (RULE, True)
    api.call("cls", "ModifyIndex", TopicId=topic, Status=False)
    assert api.call("cls", "DescribeIndex", TopicId=topic)["Rule"] == RULE
    assert api.refusal("cls", "SearchLog", TopicId=topic, From=0, To=1) == "ResourceNotFound.IndexNotExist"
    api.call("cls", "DeleteIndex", TopicId=topic)
    assert api.refusal("cls", "DescribeIndex", TopicId=topic) == "ResourceNotFound.IndexNotExist"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, "InvalidParameter"),
        ({"FullText": {"CaseSensitive": False}}, "MissingParameter"),
        ({"DynamicIndex": {"Status": True}}, "UnsupportedOperation"),
        (
            {"KeyValue": {"CaseSensitive": True, "KeyValues": [{"Key": "a", "Value": {"Type": "int"}}]}},
            "InvalidParameterValue",
        ),
        (
            {
                "KeyValue": {
                    "CaseSensitive": True,
                    "KeyValues": [{"Key": "a", "Value": {"Type": "long", "Tokenizer": " "}}],
                }
            },
            "InvalidParameterValue",
        ),
    ],
)
def test_wrong_index_is_refused(api: Api, rule: dict[str, object], expected: str) -> None:
    topic = create_topic(api, create_logset(api))
    assert api.refusal("cls", "CreateIndex", TopicId=topic, Rule=rule) == expected


def test_logs_come_newest_first_or_in_order(api: Api, topic: str, logs: LogStore, clock: Clock) -> None:
    write(logs, clock, topic, "a", "b", "c")
    assert messages(search(api, topic)) == ["c", "b", "a"]
    assert messages(search(api, topic, "*", Sort="asc")) == ["a", "b", "c"]
    start = 1_700_000_000_000
    assert messages(search(api, topic, From=start + 1000, To=start + 2000)) == ["b"]
    log = search(api, topic, Limit=1)["Results"][0]
    assert (log["Time"], log["TopicName"]) == (start + 2000, "functions")
    assert json.loads(log["LogJson"])["SCF_Duration"] == "3"


def test_context_leads_through_all_pages(api: Api, topic: str, logs: LogStore, clock: Clock) -> None:
    write(logs, clock, topic, *"abcde")
    first = search(api, topic, Limit=2)
    second = search(api, topic, Limit=2, Context=first["Context"])
    third = search(api, topic, Limit=2, Context=second["Context"])
    assert [messages(page) for page in (first, second, third)] == [["e", "d"], ["c", "b"], ["a"]]
    assert [page["ListOver"] for page in (first, second, third)] == [False, False, True]
    assert messages(search(api, topic, Limit=2, Offset=3)) == ["b", "a"]
    asked = {"TopicId": topic, "From": 0, "To": 1, "Context": first["Context"]}
    assert api.refusal("cls", "SearchLog", **asked) == "InvalidParameter"
    assert api.refusal("cls", "SearchLog", **{**asked, "Context": "x"}) == "InvalidParameter"
    assert api.refusal("cls", "SearchLog", **asked, Offset=1) == "InvalidParameter"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("started", ["task 1 started"]),
        ("STARTED", ["task 1 started"]),
        ("start", []),
        ('"task 1"', ["task 1 started", "task 1 ended"]),
        ('"1 task"', []),
        ("task ended", ["task 1 ended"]),
        ("task AND 1 AND ended", ["task 1 ended"]),
        ('SCF_Message:"1 ended"', ["task 1 ended"]),
        ("SCF_Message:Ended", []),
        ('SCF_FunctionName:"submit" AND SCF_Duration:3 AND task', ["task 1 started", "task 1 ended"]),
        ("SCF_Duration:4", []),
        ('SCF_FunctionName:"sub"', []),
        ("任务", ["新任务 2"]),
        (r'"say \"hi\""', ['say "hi"']),
    ],
)
def test_query_finds_words_and_fields(
    api: Api, topic: str, logs: LogStore, clock: Clock, query: str, found: list[str]
) -> None:
    write(logs, clock, topic, "task 1 started", "task 1 ended", "新任务 2", 'say "hi"')
    assert messages(search(api, topic, query, Sort="asc")) == found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a OR b", "FailedOperation.SyntaxError"),
        ("NOT a", "FailedOperation.SyntaxError"),
        ("(a)", "FailedOperation.SyntaxError"),
        ("err*", "FailedOperation.SyntaxError"),
        ("a AND", "FailedOperation.SyntaxError"),
        ("AND a", "FailedOperation.SyntaxError"),
        ("SCF_Duration:>3", "FailedOperation.SyntaxError"),
        ("* | delete from log", "FailedOperation.SyntaxError"),
        ("* | select SCF_Message", "FailedOperation.QueryError"),
        ('"open', "FailedOperation.SyntaxError"),
        ("SCF_Duration:fast", "FailedOperation.QueryError"),
        ("SCF_Type:Custom", "FailedOperation.QueryError"),
        ("x" * 13000, "InvalidParameter"),
    ],
)
def test_query_that_is_not_understood_is_refused(api: Api, topic: str, query: str, expected: str) -> None:
    asked = {"TopicId": topic, "From": 0, "To": 1, "QueryString": query}
    assert api.refusal("cls", "SearchLog", **asked) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"From": 2}, "InvalidParameter"),
        ({"Limit": 1001}, "InvalidParameterValue"),
        ({"Sort": "up"}, "InvalidParameterValue"),
        ({"QuerySyntax": 0}, "InvalidParameterValue"),
        ({"Query": "a"}, "UnsupportedOperation"),
        ({"TopicId": "x"}, "ResourceNotFound.TopicNotExist"),
    ],
)
def test_wrong_search_is_refused(api: Api, topic: str, changed: dict[str, object], expected: str) -> None:
    assert api.refusal("cls", "SearchLog", **{"TopicId": topic, "From": 0, "To": 1, **changed}) == expected


def test_logs_go_with_their_topic_and_their_time(api: Api, topic: str, logs: LogStore, clock: Clock) -> None:
    write(logs, clock, topic, "old")
    clock.now += 30 * DAY_MS / 1000
    write(logs, clock, topic, "new")
    assert messages(search(api, topic)) == ["new"]
    api.call("cls", "DeleteTopic", TopicId=topic)
    assert list(logs.between(topic, 0, 2_000_000_000_000, newest_first=True)) == []


def test_permission_is_asked_for_the_topic(api: Api, topic: str) -> None:
    user = api.account.add_user("ann", policy("cls:SearchLog", f"qcs::cls:{REGION}:uin/{UIN}:topic/{topic}"))
    asked = {"From": 0, "To": 1}
    api.call("cls", "SearchLog", user, TopicId=topic, **asked)
    assert api.refusal("cls", "SearchLog", user, TopicId="other", **asked) == "UnauthorizedOperation"


def test_long_search_lets_others_have_their_turn(clock: Clock) -> None:
    documents, logs = Documents(None), LogStore(None, clock)
    documents.put(TOPICS, "t", {"id": "t", "name": "t", "period": 7, "index": {"Status": True, "Rule": RULE}})
    write(logs, clock, "t", *("no match" for _ in range(1000)))
    search = LogSearch(documents, logs, clock).handlers["SearchLog"]

    async def live() -> int:
        asked = {"TopicId": "t", "From": 0, "To": 2_000_000_000_000, "QueryString": "something"}
        searching = asyncio.ensure_future(search(Call("", "cls", "SearchLog", REGION, ""), asked))
        turns = 0
        while not searching.done():
            turns += 1
            await asyncio.sleep(0)
        assert searching.result()["Results"] == []
        return turns

    assert asyncio.run(live()) >= 5
