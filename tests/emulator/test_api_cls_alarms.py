"""Alarm policies, notice groups and dashboards of CLS through the SDK; conditions and statistics as CLS reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.account import Account
from emulator.api.action import ApiError
from emulator.api.cls import Cls
from emulator.api.clscondition import Condition, ConditionError
from emulator.api.clssql import select
from emulator.api.logstore import LogStore
from emulator.documents import Documents
from tests.support.api import APP_ID, OWNER, REGION, UIN, Api, policy, serving

WORDS = ' \n\t:"'
RULE = {
    "FullText": {"CaseSensitive": False, "Tokenizer": WORDS},
    "KeyValue": {
        "CaseSensitive": False,
        "KeyValues": [
            {"Key": "level", "Value": {"Type": "text", "Tokenizer": WORDS, "SqlFlag": True}},
            {"Key": "ms", "Value": {"Type": "long", "SqlFlag": True}},
            {"Key": "share", "Value": {"Type": "double", "SqlFlag": True}},
            {"Key": "hidden", "Value": {"Type": "text", "Tokenizer": WORDS, "SqlFlag": False}},
        ],
    },
}
RECORDS = [
    (0, {"level": "info", "ms": "10", "share": "0.5"}),
    (60_000, {"level": "error", "ms": "30"}),
    (61_000, {"level": "error", "ms": "20", "share": "much"}),
    (120_000, {"level": "info"}),
]


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Stand:
    """A running API with one log topic."""

    def __init__(self, api: Api, cls: Cls, logs: LogStore, clock: Clock) -> None:
        self.api, self.cls, self.logs, self.clock = api, cls, logs, clock
        self.logset = str(api.call("cls", "CreateLogset", LogsetName="shop")["LogsetId"])
        self.topic = str(api.call("cls", "CreateTopic", LogsetId=self.logset, TopicName="functions")["TopicId"])
        api.call("cls", "CreateIndex", TopicId=self.topic, Rule=RULE)

    def alarm(self, **changes: Any) -> dict[str, Any]:
        """Parameters of CreateAlarm; those that are None are left out."""
        query = 'level:"error" | SELECT count(*) AS n'
        target = {
            "LogsetId": self.logset, "TopicId": self.topic, "Query": query, "Number": 1, "StartTimeOffset": -10,
            "EndTimeOffset": 0, "SyntaxRule": 1, **changes.pop("target", {}),
        }  # fmt: skip
        whole = {
            "Name": "errors", "AlarmTargets": [target], "MonitorTime": {"Type": "Period", "Time": 5}, "TriggerCount": 1,
            "AlarmPeriod": 60, "Condition": "$1.n > 1", "MessageTemplate": "{{.Alarm}}: {{.QueryResult[0][0].n}}",
            **changes,
        }  # fmt: skip
        return {key: value for key, value in whole.items() if value is not None}

    def create(self, **changes: Any) -> str:
        return str(self.api.call("cls", "CreateAlarm", **self.alarm(**changes))["AlarmId"])

    def listed(self, *filters: tuple[str, str]) -> list[dict[str, Any]]:
        asked = [{"Key": key, "Values": [value]} for key, value in filters]
        found: list[dict[str, Any]] = self.api.call("cls", "DescribeAlarms", Filters=asked)["Alarms"]
        return found

    def errors(self, count: int) -> None:
        for _ in range(count):
            self.logs.put(self.topic, {"level": "error"})
        self.clock.now += 1


@pytest.fixture
def stand() -> Iterator[Stand]:
    documents, clock = Documents(None), Clock()
    logs = LogStore(None, clock)
    account = Account(documents, OWNER, app_id=APP_ID, uin=UIN)
    cls = Cls(documents, account, REGION, logs, clock)
    with serving(cls, documents=documents, account=account) as running:
        yield Stand(running, cls, logs, clock)
    documents.close()
    logs.close()


def test_alarm_is_kept_found_changed_and_deleted(stand: Stand) -> None:
    tags = [{"Key": "stage", "Value": "s1"}]
    alarm_id = stand.create(Tags=tags, AlarmLevel=2)
    stand.create(Name="errors-2")
    (found,) = stand.listed(("alarmId", alarm_id))
    assert (found["Name"], found["Tags"], found["AlarmLevel"], found["Status"]) == ("errors", tags, 2, True)
    assert found["AlarmTargets"][0]["TopicName"] == "functions"
    assert len(stand.listed(("name", "errors"))) == 2
    stand.api.call("cls", "ModifyAlarm", AlarmId=alarm_id, Condition="$1.n > 7", Status=False)
    (found,) = stand.listed(("alarmId", alarm_id))
    assert (found["Condition"], found["Status"], found["AlarmPeriod"], found["Tags"]) == ("$1.n > 7", False, 60, tags)
    stand.api.call("cls", "DeleteAlarm", AlarmId=alarm_id)
    assert stand.api.refusal("cls", "DeleteAlarm", AlarmId=alarm_id) == "ResourceNotFound.AlarmNotExist"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Name": "a|b"}, "InvalidParameterValue"),
        ({"Name": "taken"}, "InvalidParameter.AlarmConflict"),
        ({"TriggerCount": None}, "MissingParameter"),
        ({"TriggerCount": 0}, "InvalidParameterValue"),
        ({"AlarmPeriod": 1441}, "InvalidParameterValue"),
        ({"AlarmLevel": 3}, "InvalidParameterValue"),
        ({"MonitorTime": {"Type": "Cron", "CronExpression": "* * * * *"}}, "InvalidParameterValue"),
        ({"AlarmNoticeIds": ["notice-x"]}, "ResourceNotFound.AlarmNoticeNotExist"),
        ({"MultiConditions": []}, "UnsupportedOperation"),
        ({"Colour": "red"}, "UnknownParameter"),
        ({"Condition": None}, "MissingParameter"),
        ({"Condition": "$1.n >"}, "InvalidParameterValue"),
        ({"Condition": "$1.m > 1"}, "InvalidParameterValue"),
        ({"Condition": "$2.n > 1"}, "InvalidParameterValue"),
        ({"target": {"Number": 2}}, "InvalidParameterValue"),
        ({"target": {"SyntaxRule": 0}}, "InvalidParameterValue"),
        ({"target": {"StartTimeOffset": -1441}}, "InvalidParameterValue"),
        ({"target": {"EndTimeOffset": -10}}, "InvalidParameterValue"),
        ({"target": {"TopicId": "x"}}, "ResourceNotFound.TopicNotExist"),
        ({"target": {"LogsetId": "x"}}, "InvalidParameter"),
        ({"target": {"Query": "level:error | SELECT nothing AS n"}}, "FailedOperation.QueryError"),
        ({"target": {"Query": "colour:red | SELECT count(*) AS n"}}, "FailedOperation.QueryError"),
        ({"target": {"Query": "* | DROP TABLE log"}}, "FailedOperation.SyntaxError"),
    ],
)
def test_wrong_alarm_is_refused(stand: Stand, changes: dict[str, Any], expected: str) -> None:
    stand.create(Name="taken")
    assert stand.api.refusal("cls", "CreateAlarm", **stand.alarm(**changes)) == expected


def test_alarm_fires_when_its_condition_is_met_within_its_time(stand: Stand) -> None:
    stand.create()
    assert not stand.cls.alarms.evaluate("errors").fires
    stand.errors(2)
    found = stand.cls.alarms.evaluate("errors")
    assert (found.fires, found.message, found.results) == (True, "errors: 2", {1: [{"n": 2}]})
    stand.clock.now += 10 * 60
    assert not stand.cls.alarms.evaluate("errors").fires


def test_alarm_waits_for_as_many_runs_as_it_says(stand: Stand) -> None:
    stand.create(TriggerCount=3, target={"StartTimeOffset": -5})
    fired = []
    for _ in range(4):
        stand.errors(2)
        fired.append(stand.cls.alarms.evaluate("errors").fires)
        stand.clock.now += 5 * 60 - 1
    assert fired == [False, False, True, True]


def test_alarm_that_is_off_does_not_fire(stand: Stand) -> None:
    stand.create(Status=False)
    stand.errors(5)
    assert not stand.cls.alarms.evaluate("errors").fires


def test_alarm_counts_records_where_there_is_no_select(stand: Stand) -> None:
    stand.create(target={"Query": "level:error"}, Condition="$1.__QUERYCOUNT__ >= 3", MessageTemplate="many")
    stand.errors(2)
    assert not stand.cls.alarms.evaluate("errors").fires
    stand.errors(1)
    assert stand.cls.alarms.evaluate("errors").fires


def test_notice_group_of_an_alarm_stays(stand: Stand) -> None:
    notice = stand.api.call("cls", "CreateAlarmNotice", Name="on call", Type="All")["AlarmNoticeId"]
    assert stand.api.refusal("cls", "CreateAlarmNotice", Name="on call") == "InvalidParameter.AlarmNoticeConflict"
    alarm = stand.create(AlarmNoticeIds=[notice])
    assert stand.listed()[0]["AlarmNoticeIds"] == [notice]
    assert stand.api.refusal("cls", "DeleteAlarmNotice", AlarmNoticeId=notice) == "OperationDenied.NoticeHasAlarm"
    stand.api.call("cls", "ModifyAlarmNotice", AlarmNoticeId=notice, Type="Trigger")
    assert stand.api.call("cls", "DescribeAlarmNotices")["AlarmNotices"][0]["Type"] == "Trigger"
    stand.api.call("cls", "DeleteAlarm", AlarmId=alarm)
    stand.api.call("cls", "DeleteAlarmNotice", AlarmNoticeId=notice)
    assert stand.api.call("cls", "DescribeAlarmNotices")["TotalCount"] == 0


def test_dashboard_is_kept_found_changed_and_deleted(stand: Stand) -> None:
    target = {"RegionId": 1, "LogsetId": stand.logset, "TopicId": stand.topic, "Query": "*"}
    panel = {"id": "a", "title": "A", "type": "table", "gridPos": dict.fromkeys("xywh", 1), "target": target}
    data = json.dumps({"panels": [panel]})
    board = stand.api.call("cls", "CreateDashboard", DashboardName="shop", Data=data)["DashboardId"]
    assert stand.api.refusal("cls", "CreateDashboard", DashboardName="shop") == "InvalidParameter.DashboardNameConflict"
    wrong = json.dumps({"panels": [{**panel, "type": "film"}]})
    for refused in (wrong, "[]", "{", json.dumps({"panels": [{}]})):
        assert stand.api.refusal("cls", "ModifyDashboard", DashboardId=board, Data=refused) == "InvalidParameter"
    stand.api.call("cls", "ModifyDashboard", DashboardId=board, DashboardName="shop-2")
    by_name = [{"Key": "dashboardName", "Values": ["shop"]}]
    (found,) = stand.api.call("cls", "DescribeDashboards", Filters=by_name)["DashboardInfos"]
    assert (found["DashboardName"], found["Data"]) == ("shop-2", data)
    stand.api.call("cls", "DeleteDashboard", DashboardId=board)
    missing = "ResourceNotFound.DashboardRecordNotExist"
    assert stand.api.refusal("cls", "DeleteDashboard", DashboardId=board) == missing


def test_permission_is_asked_for(stand: Stand) -> None:
    user = stand.api.account.add_user("ann", policy("cls:DescribeAlarms"))
    stand.api.call("cls", "DescribeAlarms", user)
    assert stand.api.refusal("cls", "DescribeDashboards", user) == "UnauthorizedOperation"


def test_line_of_json_becomes_fields_of_its_first_level(stand: Stand) -> None:
    line = {"level": "error", "n": 1, "deep": {"a": 1}, "list": [1], "yes": True, "SCF_Type": "forged"}
    stand.logs.put(stand.topic, {"SCF_Type": "Custom", "SCF_Message": json.dumps(line)})
    (found,) = stand.logs.between(stand.topic, 0, 2_000_000_000_000, newest_first=True)
    assert found.fields.keys() == {"level", "n", "SCF_Type", "SCF_Message"}
    assert (found.fields["level"], found.fields["n"], found.fields["SCF_Type"]) == ("error", "1", "Custom")


def test_search_gives_the_statistics_of_a_select(stand: Stand) -> None:
    stand.errors(2)
    query = "* | SELECT level, count(*) AS n GROUP BY level"
    asked = {"TopicId": stand.topic, "From": 0, "To": 2_000_000_000_000, "QueryString": query}
    found = stand.api.call("cls", "SearchLog", **asked, UseNewAnalysis=True)
    assert (found["Analysis"], found["AnalysisRecords"]) == (True, ['{"level": "error", "n": 2}'])
    assert found["Columns"] == [{"Name": "level", "Type": "varchar"}, {"Name": "n", "Type": "bigint"}]
    found = stand.api.call("cls", "SearchLog", **asked)
    assert found["ColNames"] == ["level", "n"]
    assert found["AnalysisResults"] == [{"Data": [{"Key": "level", "Value": "error"}, {"Key": "n", "Value": "2"}]}]
    assert stand.api.refusal("cls", "SearchLog", **{**asked, "To": 0}) == "InvalidParameter"


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) AS n", [{"n": 4}]),
        ("select count(*) as n where level = 'none'", [{"n": 0}]),
        ("SELECT max(ms) AS most, sum(share) AS share", [{"most": 30, "share": 0.5}]),
        ("SELECT level, count(*) AS n GROUP BY level ORDER BY n DESC, level LIMIT 1", [{"level": "error", "n": 2}]),
        ("SELECT count_if(level = 'error' AND ms > 20) AS n", [{"n": 1}]),
        ("SELECT max_by(level, __TIMESTAMP__) AS last, approx_percentile(ms, 0.5) AS p", [{"last": "info", "p": 20}]),
        ("SELECT sum(n) AS n FROM (SELECT level, count(*) AS n GROUP BY level)", [{"n": 4}]),
        ("SELECT count(DISTINCT level) AS n FROM log", [{"n": 2}]),
        (
            "SELECT histogram(__TIMESTAMP__, interval 1 minute) AS t, count(*) AS n GROUP BY t ORDER BY t LIMIT 2",
            [{"t": "1970-01-01 08:00:00", "n": 1}, {"t": "1970-01-01 08:01:00", "n": 2}],
        ),
        ("SELECT cast(regexp_extract('Memory:256MB', '([0-9]+)MB', 1) AS double) / 1024 AS gb LIMIT 1", [{"gb": 0.25}]),
        ('SELECT ms AS "odd name" WHERE ms IS NOT NULL ORDER BY ms LIMIT 1', [{"odd name": 10}]),
    ],
)
def test_statistics_are_what_the_statement_says(sql: str, rows: list[dict[str, Any]]) -> None:
    assert select(sql, RULE, RECORDS).rows == rows


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT hidden", "FailedOperation.QueryError"),
        ("SELECT nothing", "FailedOperation.QueryError"),
        ("SELECT load_extension('x')", "FailedOperation.QueryError"),
        ("SELECT name FROM sqlite_master", "FailedOperation.QueryError"),
        ("SELECT count(*) AS n; DROP TABLE log", "FailedOperation.SyntaxError"),
        ("DELETE FROM log", "FailedOperation.SyntaxError"),
        ("", "FailedOperation.SyntaxError"),
        ("SELECT ms -- all", "FailedOperation.QueryError"),
        ("SELECT ms WHERE", "FailedOperation.QueryError"),
        ("SELECT histogram(__TIMESTAMP__, interval 1 year) AS t", "FailedOperation.SyntaxError"),
    ],
)
def test_statement_that_is_not_understood_is_refused(sql: str, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        select(sql, RULE, RECORDS)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("$1.n > 4", True),
        ("$1.n > 5", False),
        ("$1.n + 1 * 2 == 7", True),
        ("($1.n + 1) * 2 == 12", True),
        ("$1.n", False),
        ("$1.n + 1", False),
        ('$1.level == "Error" && $1.n >= 5', True),
        ('$1.level != "Error" || $1.n % 2 == 1', True),
        ("$1.absent > 1", False),
        ("$1.n / 0 > 1", False),
        ("$1.level > 1", False),
        ("[$1.count(*)] < 3", True),
        ("$2.m > 8", True),
        ("$1.n + $2.m == 14 && $2.__QUERYCOUNT__ == 2", True),
        ("$3.__QUERYCOUNT__ == 0", True),
        ("$3.n < 1", False),
    ],
)
def test_condition_is_met_only_by_what_is_true(text: str, met: bool) -> None:
    results: dict[int, list[dict[str, Any]]] = {
        1: [{"n": 5, "level": "Error", "count(*)": 2}],
        2: [{"m": 1}, {"m": 9}],
        3: [],
    }
    assert Condition(text).met(results) is met


@pytest.mark.parametrize("text", ["", "$1.n >", "$1.n > 1 1", "($1.n > 1", "n > 1", "$1.n ~ 1", "import os"])
def test_condition_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        Condition(text)
