"""Alarm policies of CLS (https://cloud.tencent.com/document/api/614/56466): kept, checked, and evaluated when asked.

A policy has queries over log topics and a condition over their results. The stand-in checks at once what the platform
finds out at the first run: the queries, and that the condition only uses columns that they give. Whoever wants to know
whether a policy would fire at some time calls `evaluate`; nobody is told of it.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.api.action import ApiError, Call, Params
from emulator.api.clscondition import COUNT, Condition, ConditionError
from emulator.api.clsfields import filtered, given_tags, name_of, page, tag_list
from emulator.api.clsnotices import ALARMS, NOTICES
from emulator.api.fields import local_time, number, one_of, refuse
from emulator.api.logsearch import LogSearch
from emulator.documents import Document, Documents

LOGSETS = "cls-logset"
MAX_TARGETS, MAX_REPEAT, MINUTES_BACK = 3, 1440, 1440
_KEPT = (
    "Name", "AlarmTargets", "MonitorTime", "TriggerCount", "AlarmPeriod", "Condition", "AlarmLevel", "Status",
    "MessageTemplate", "AlarmNoticeIds", "Classifications",
)  # fmt: skip
_UNSUPPORTED = (
    "MultiConditions", "CallBack", "Analysis", "GroupTriggerStatus", "GroupTriggerCondition", "MonitorNotice", "Enable",
)  # fmt: skip
_VARIABLE = re.compile(r"\{\{\.(?:(?P<plain>Alarm|Condition)|QueryResult\[(?P<query>\d)\]\[0\]\.(?P<key>\w+))\}\}")


@dataclass(frozen=True)
class Evaluation:
    """What a policy finds at one time. `message`: its text, with the first rows' values filled in; empty if silent."""

    fires: bool
    results: dict[int, list[dict[str, Any]]]
    message: str


class Alarms:
    """The handlers of alarm policies, and their evaluation."""

    def __init__(self, documents: Documents, search: LogSearch, clock: Callable[[], float] = time.time) -> None:
        self._documents, self._search, self._clock = documents, search, clock

    @property
    def handlers(self) -> Mapping[str, Callable[[Call, Params], Awaitable[Params]]]:
        return {
            "CreateAlarm": self._create,
            "DescribeAlarms": self._describe,
            "ModifyAlarm": self._modify,
            "DeleteAlarm": self._delete,
        }

    def evaluate(self, name: str, at: float | None = None) -> Evaluation:
        """The policy of that name at a time (Unix seconds; now, when none is given): on TriggerCount runs in a row."""
        alarm = next(each for each in self._documents.all(ALARMS).values() if each["Name"] == name)
        now, step = self._clock() if at is None else at, alarm["MonitorTime"]["Time"] * 60
        runs = [self._results(alarm, now - step * back) for back in range(alarm["TriggerCount"])]
        condition = Condition(alarm["Condition"])
        fires = alarm["Status"] and all(condition.met(results) for results in runs)
        return Evaluation(fires, runs[0], _message(alarm, runs[0]) if fires else "")

    async def _create(self, call: Call, params: Params) -> Params:
        alarm: Document = {
            "id": f"alarm-{uuid.uuid4()}", "created": local_time(self._clock()), "tags": {},
            "AlarmLevel": 0, "Status": True, "AlarmNoticeIds": [], "MessageTemplate": "", "Classifications": [],
        }  # fmt: skip
        self._keep(alarm, params)
        return {"AlarmId": alarm["id"]}

    async def _describe(self, call: Call, params: Params) -> Params:
        alarms = list(self._documents.all(ALARMS).values())
        found = filtered(alarms, params, {"name": "Name", "alarmId": "id"}, {"name"}, by_tag=False)
        return {"TotalCount": len(found), "Alarms": [self._info(alarm) for alarm in page(found, params)]}

    async def _modify(self, call: Call, params: Params) -> Params:
        self._keep(self._alarm(params), params)
        return {}

    async def _delete(self, call: Call, params: Params) -> Params:
        self._documents.delete(ALARMS, self._alarm(params)["id"])
        return {}

    def _alarm(self, params: Params) -> Document:
        alarm = self._documents.get(ALARMS, params["AlarmId"])
        if alarm is None:
            raise ApiError("ResourceNotFound.AlarmNotExist", f"There is no alarm policy {params['AlarmId']}.")
        return alarm

    def _keep(self, alarm: Document, params: Params) -> None:
        refuse(params, *_UNSUPPORTED)
        one_of(params, "MonitorObjectType", (0,), 0)
        changed = {**alarm, **{key: params[key] for key in _KEPT if key in params}}
        name_of(changed, "Name")
        others = self._documents.all(ALARMS).values()
        if any(each["Name"] == changed["Name"] and each["id"] != alarm["id"] for each in others):
            raise ApiError("InvalidParameter.AlarmConflict", f"There is already an alarm policy {changed['Name']}.")
        number(changed, "TriggerCount", 1, 2000, 1)
        number(changed, "AlarmPeriod", 0, MAX_REPEAT, 0)
        one_of(changed, "AlarmLevel", (0, 1, 2), 0)
        one_of(changed["MonitorTime"], "Type", ("Period",), "Period")
        number(changed["MonitorTime"], "Time", 1, 1440, 0)
        for notice in changed["AlarmNoticeIds"]:
            if self._documents.get(NOTICES, notice) is None:
                raise ApiError("ResourceNotFound.AlarmNoticeNotExist", f"There is no notice group {notice}.")
        self._check_condition(changed)
        changed["tags"] = given_tags(params["Tags"]) if "Tags" in params else alarm["tags"]
        changed["updated"] = local_time(self._clock())
        self._documents.put(ALARMS, changed["id"], changed)

    def _check_condition(self, alarm: Document) -> None:
        targets = alarm["AlarmTargets"]
        if [target["Number"] for target in targets] != list(range(1, len(targets) + 1)) or len(targets) > MAX_TARGETS:
            raise ApiError("InvalidParameterValue", f"`AlarmTargets` are numbered from 1, and {MAX_TARGETS} at most.")
        columns = {target["Number"]: self._columns(target) for target in targets}
        if "Condition" not in alarm:
            raise ApiError("MissingParameter", "The request is missing a required parameter `Condition`.")
        try:
            references = Condition(alarm["Condition"]).references
        except ConditionError as error:
            raise ApiError("InvalidParameterValue", f"`Condition`: {error}") from None
        for query, key in references:
            if query not in columns or key not in columns[query]:
                raise ApiError("InvalidParameterValue", f"`Condition`: ${query}.{key} is no column of the queries.")

    def _columns(self, target: Params) -> list[str]:
        topic = self._search.topic(target)
        if topic["logset"] != target["LogsetId"]:
            raise ApiError("InvalidParameter", "The topic of an alarm target is not in its log set.")
        one_of(target, "SyntaxRule", (1,), 0)  # only CQL is understood here
        start, end = (
            number(target, "StartTimeOffset", -MINUTES_BACK, 0, 0),
            number(target, "EndTimeOffset", -MINUTES_BACK, 0, 0),
        )
        if end <= start:
            raise ApiError("InvalidParameterValue", "`EndTimeOffset` must be greater than `StartTimeOffset`.")
        return [*self._search.analyse(topic, target["Query"], 0, 0).columns, COUNT]

    def _results(self, alarm: Document, now: float) -> dict[int, list[dict[str, Any]]]:
        found = dict[int, list[dict[str, Any]]]()
        for target in alarm["AlarmTargets"]:
            topic = self._search.topic(target)
            start, end = (int((now + target[key] * 60) * 1000) for key in ("StartTimeOffset", "EndTimeOffset"))
            found[target["Number"]] = self._search.analyse(topic, target["Query"], start, end).rows
        return found

    def _info(self, alarm: Document) -> Params:
        kept = {key: alarm[key] for key in _KEPT if key != "AlarmTargets"}
        targets = [{**target, **self._names(target), "BizType": 0} for target in alarm["AlarmTargets"]]
        times = {"AlarmId": alarm["id"], "CreateTime": alarm["created"], "UpdateTime": alarm["updated"]}
        return {**kept, **times, "AlarmTargets": targets, "Tags": tag_list(alarm), "MonitorObjectType": 0}

    def _names(self, target: Params) -> Params:
        """Empty, when the topic was deleted: the policy outlives it."""
        logset, topic = (
            self._documents.get(*key) for key in ((LOGSETS, target["LogsetId"]), ("cls-topic", target["TopicId"]))
        )
        return {"LogsetName": (logset or {}).get("name", ""), "TopicName": (topic or {}).get("name", "")}


def _message(alarm: Document, results: Mapping[int, list[dict[str, Any]]]) -> str:
    """The template's variables, of which few are known here (https://cloud.tencent.com/document/product/614/74718)."""

    def value(match: re.Match[str]) -> str:
        if match["plain"]:
            return str(alarm["Name" if match["plain"] == "Alarm" else "Condition"])
        return str(results[int(match["query"]) + 1][0][match["key"]])

    return _VARIABLE.sub(value, alarm["MessageTemplate"])
