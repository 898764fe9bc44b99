"""Notice groups of CLS: who is told of an alarm (https://cloud.tencent.com/document/api/614/56465). Here nobody is."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

from emulator.api.action import ApiError, Call, Params
from emulator.api.clsfields import filtered, given_tags, name_of, page, tag_list
from emulator.api.fields import local_time, one_of, refuse
from emulator.documents import Document, Documents

NOTICES, ALARMS = "cls-notice", "cls-alarm"
_KEPT = ("Type", "NoticeReceivers", "WebCallbacks")
_UNSUPPORTED = (
    "NoticeRules", "JumpDomain", "DeliverStatus", "DeliverConfig", "AlarmShieldStatus", "SecureDetailStatus",
    "CallbackPrioritize",
)  # fmt: skip


class Notices:
    """The handlers of notice groups in their simple form: type, receivers, callbacks."""

    def __init__(self, documents: Documents, clock: Callable[[], float] = time.time) -> None:
        self._documents, self._clock = documents, clock

    @property
    def handlers(self) -> Mapping[str, Callable[[Call, Params], Awaitable[Params]]]:
        return {
            "CreateAlarmNotice": self._create,
            "DescribeAlarmNotices": self._describe,
            "ModifyAlarmNotice": self._modify,
            "DeleteAlarmNotice": self._delete,
        }

    async def _create(self, call: Call, params: Params) -> Params:
        notice: Document = {
            "id": f"notice-{uuid.uuid4()}",
            "created": local_time(self._clock()),
            "tags": {},
            "kept": {},
        }
        self._keep(notice, params)
        return {"AlarmNoticeId": notice["id"]}

    async def _describe(self, call: Call, params: Params) -> Params:
        refuse(params, "HasAlarmShieldCount")
        notices = list(self._documents.all(NOTICES).values())
        found = filtered(notices, params, {"name": "name", "alarmNoticeId": "id"}, {"name"})
        return {"TotalCount": len(found), "AlarmNotices": [_info(notice) for notice in page(found, params)]}

    async def _modify(self, call: Call, params: Params) -> Params:
        self._keep(self._notice(params), params)
        return {}

    async def _delete(self, call: Call, params: Params) -> Params:
        notice = self._notice(params)
        if any(notice["id"] in alarm["AlarmNoticeIds"] for alarm in self._documents.all(ALARMS).values()):
            raise ApiError("OperationDenied.NoticeHasAlarm", f"Alarm policies use the notice group {notice['name']}.")
        self._documents.delete(NOTICES, notice["id"])
        return {}

    def _keep(self, notice: Document, params: Params) -> None:
        refuse(params, *_UNSUPPORTED)
        one_of(params, "Type", ("Trigger", "Recovery", "All"), "All")
        if "Name" in params:
            notice["name"] = name_of(params, "Name")
            others = self._documents.all(NOTICES).values()
            if any(each["name"] == notice["name"] and each["id"] != notice["id"] for each in others):
                raise ApiError("InvalidParameter.AlarmNoticeConflict", f"There is a notice group {notice['name']}.")
        notice["kept"] = {**notice["kept"], **{key: params[key] for key in _KEPT if key in params}}
        notice["tags"] = given_tags(params["Tags"]) if "Tags" in params else notice["tags"]
        notice["updated"] = local_time(self._clock())
        self._documents.put(NOTICES, notice["id"], notice)

    def _notice(self, params: Params) -> Document:
        notice = self._documents.get(NOTICES, params["AlarmNoticeId"])
        if notice is None:
            raise ApiError("ResourceNotFound.AlarmNoticeNotExist", f"There is no {params['AlarmNoticeId']}.")
        return notice


def _info(notice: Document) -> Params:
    return {
        "AlarmNoticeId": notice["id"],
        "Name": notice["name"],
        "CreateTime": notice["created"],
        "UpdateTime": notice["updated"],
        "Tags": tag_list(notice),
        **notice["kept"],
    }
