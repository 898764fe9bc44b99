"""Alarm policies in CLS over the functions' log topic.

In: the list in deployer/observability/alarms.yml, the stage's notice group and limits. Out: one policy for each, marked
by tags, named <service>-<stage>-<alarm>; what is ours and no more wanted is an orphan.
"""

from __future__ import annotations

from typing import Any

from deployer.context import Context
from deployer.errors import CloudError, missing
from deployer.kinds._observed import LEVELS, Alarm, alarms
from deployer.kinds.logs import TOPIC
from deployer.kinds.marks import is_ours, tag_list
from deployer.model import Change, Foreign, Resource, Step

Document = dict[str, Any]

_PAGE = 100  # the most that DescribeAlarms gives at once
_CQL = 1
_LISTED = "cls.alarms"


class AlarmsKind:
    """A policy's name is unique only as far as we look: one of that name without our mark is somebody else's."""

    kind = "alarm"

    def __init__(self, context: Context) -> None:
        self._context, self._declaration = context, context.declaration

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, alarm.name, alarm) for alarm in alarms(self._declaration)]

    def compare(self, resource: Resource) -> Step | None:
        found = self._alarm(resource.name)
        if found is None:
            return Step("create", resource)
        changes = _changes(found, self._params(resource.want))
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        wanted, prefix = {each.name for each in self.resources()}, self._declaration.name("")
        ours = [each["Name"] for each in self._all() if self._is_ours(each) and each["Name"].startswith(prefix)]
        names = dict.fromkeys(name.removeprefix(prefix) for name in ours)
        return [Resource(self.kind, name, None) for name in names if name not in wanted]

    def apply(self, step: Step) -> None:
        name, params = step.resource.name, self._params(step.resource.want)
        found = self._alarm(name, fresh=True)
        if found is not None:
            self._call("ModifyAlarm", AlarmId=found["AlarmId"], **params)
            return
        try:
            self._call("CreateAlarm", **params, Tags=tag_list(self._declaration))
        except CloudError:  # it may have been made all the same, by this try or by one before
            if self._alarm(name, fresh=True) is None:
                raise
        self._context.wait(f"Alarm policy {params['Name']}", lambda: self._alarm(name, fresh=True) is not None)

    def delete(self, resource: Resource) -> None:
        name = self._declaration.name(resource.name)
        for found in self._all(fresh=True):
            if found["Name"] == name and self._is_ours(found):
                try:
                    self._call("DeleteAlarm", AlarmId=found["AlarmId"])
                except CloudError as error:
                    if not missing(error):
                        raise

    def _params(self, want: Alarm) -> Document:
        """The request. While the topic has still to be made its id is UNKNOWN: that is only compared, never sent."""
        facts = self._context.facts
        target = {
            "LogsetId": facts.get(f"logs/{TOPIC}.logset"),
            "TopicId": facts.get(f"logs/{TOPIC}.topic"),
            "Query": want.query,
            "Number": 1,
            "StartTimeOffset": -want.minutes,
            "EndTimeOffset": 0,
            "SyntaxRule": _CQL,
        }
        return {
            "Name": self._declaration.name(want.name),
            "AlarmTargets": [target],
            "MonitorTime": {"Type": "Period", "Time": want.every},
            "TriggerCount": want.times,
            "AlarmPeriod": want.repeat,
            "Condition": want.condition,
            "AlarmLevel": want.level,
            "Status": True,
            "MessageTemplate": want.message,
            "AlarmNoticeIds": list(want.notices),
        }

    def _alarm(self, name: str, fresh: bool = False) -> Document | None:
        """Raises Foreign when one of that name is there and not ours."""
        whole = self._declaration.name(name)
        same = [each for each in self._all(fresh) if each["Name"] == whole]
        ours = next((each for each in same if self._is_ours(each)), None)
        if same and ours is None:
            raise Foreign(
                f"The CLS alarm policy {whole} is there and was not made by patchmill-deploy for this service and "
                "stage. Rename or remove it, or choose another service or stage name."
            )
        return ours

    def _is_ours(self, found: Document) -> bool:
        return is_ours(found.get("Tags"), self._declaration)

    def _all(self, fresh: bool = False) -> list[Document]:
        """Of the whole account, once a plan; `fresh`: as they are now."""
        cache = self._context.cache
        if fresh or _LISTED not in cache:
            cache[_LISTED] = self._list()
        listed: list[Document] = cache[_LISTED]
        return listed

    def _list(self) -> list[Document]:
        found: list[Document] = []
        while True:
            answer = self._call("DescribeAlarms", Offset=len(found), Limit=_PAGE)
            page = answer.get("Alarms") or []
            found += page
            if not page or len(found) >= int(answer.get("TotalCount") or 0):
                return found

    def _call(self, action: str, **params: Any) -> Document:
        return self._context.cloud.call("cls", action, **params)


def _changes(found: Document, wanted: Document) -> tuple[Change, ...]:
    before, after = _shown(found), _shown(wanted)
    return tuple(Change(key, before[key], text) for key, text in after.items() if before[key] != text)


def _shown(alarm: Document) -> dict[str, str]:
    """What a plan tells of a policy, as the platform gives it or as we send it."""
    target, time = (alarm.get("AlarmTargets") or [{}])[0], alarm.get("MonitorTime") or {}
    levels = {number: name for name, number in LEVELS.items()}
    return {
        "topic": str(target.get("TopicId") or ""),
        "query": str(target.get("Query") or ""),
        "language": "CQL" if target.get("SyntaxRule") == _CQL else "Lucene",
        "looks back": f"{-int(target.get('StartTimeOffset') or 0)} to {-int(target.get('EndTimeOffset') or 0)} minutes",
        "queries": str(len(alarm.get("AlarmTargets") or [])),
        "condition": str(alarm.get("Condition") or ""),
        "every": f"{time.get('Type')} {time.get('Time')}",
        "times": str(alarm.get("TriggerCount")),
        "repeat": f"{alarm.get('AlarmPeriod')} minutes",
        "level": levels.get(alarm.get("AlarmLevel") or 0, ""),
        "status": "on" if alarm.get("Status") else "off",
        "message": str(alarm.get("MessageTemplate") or ""),
        "notices": ", ".join(alarm.get("AlarmNoticeIds") or []),
    }
