"""Log Service: log sets and topics (https://cloud.tencent.com/document/api/614).

Index and search: logsearch.py, clssql.py. Alarms: clsalarms.py, clscondition.py, clsnotices.py. clsdashboards.py.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping

from emulator.account import Account
from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.clsalarms import Alarms
from emulator.api.clsdashboards import Dashboards
from emulator.api.clsfields import filtered, given_tags, name_of, page, tag_list
from emulator.api.clsnotices import Notices
from emulator.api.fields import local_time, number, one_of, refuse
from emulator.api.logsearch import TOPICS, LogSearch
from emulator.api.logstore import LogStore
from emulator.documents import Document, Documents

LOGSETS = "cls-logset"
FOREVER_DAYS = 3640
_TOPIC_UNSUPPORTED = (
    "HotPeriod",
    "Encryption",
    "CustomKmsInfo",
    "IsWebTracking",
    "Extends",
    "IsSourceFrom",
    "BillingMode",
)


class Cls:
    """`logs` holds the records, which SCF puts there."""

    name = "cls"
    version = "2020-10-16"

    def __init__(
        self,
        documents: Documents,
        account: Account,
        region: str,
        logs: LogStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._documents, self._account, self._region = documents, account, region
        self._logs, self._clock = logs, clock
        self._search = LogSearch(documents, logs, clock)
        self.alarms = Alarms(documents, self._search, clock)
        self._notices = Notices(documents, clock)
        self._dashboards = Dashboards(documents, clock)

    @property
    def actions(self) -> Mapping[str, Action]:
        searching = {name: Action(handler, self._topic_resource) for name, handler in self._search.handlers.items()}
        listed = {**self.alarms.handlers, **self._notices.handlers, **self._dashboards.handlers}
        # Resource levels: https://cloud.tencent.com/document/product/614/70091
        return {
            "CreateLogset": Action(self._create_logset),
            "DescribeLogsets": Action(self._describe_logsets),
            "ModifyLogset": Action(self._modify_logset, self._logset_resource),
            "DeleteLogset": Action(self._delete_logset, self._logset_resource),
            "CreateTopic": Action(self._create_topic, self._logset_resource),
            "DescribeTopics": Action(self._describe_topics),
            "ModifyTopic": Action(self._modify_topic, self._topic_resource),
            "DeleteTopic": Action(self._delete_topic, self._topic_resource),
            **searching,
            **{name: Action(handler) for name, handler in listed.items()},
        }

    def _logset_resource(self, params: Params) -> str:
        return f"qcs::cls:{self._region}:uin/{self._account.uin}:logset/{params['LogsetId']}"

    def _topic_resource(self, params: Params) -> str:
        return f"qcs::cls:{self._region}:uin/{self._account.uin}:topic/{params.get('TopicId', '')}"

    async def _create_logset(self, call: Call, params: Params) -> Params:
        refuse(params, "LogsetId")
        name = name_of(params, "LogsetName")
        self._check_logset_name(name)
        logset: Document = {
            "id": str(uuid.uuid4()),
            "name": name,
            "created": local_time(self._clock()),
            "tags": given_tags(params.get("Tags", [])),
        }
        self._documents.put(LOGSETS, logset["id"], logset)
        return {"LogsetId": logset["id"]}

    async def _describe_logsets(self, call: Call, params: Params) -> Params:
        logsets, known = list(self._documents.all(LOGSETS).values()), {"logsetName": "name", "logsetId": "id"}
        # The API does not say how it compares the name; whoever wants one log set must look at the name itself.
        found = filtered(logsets, params, known, {"logsetName"})
        shown = [
            {
                "LogsetId": logset["id"],
                "LogsetName": logset["name"],
                "CreateTime": logset["created"],
                "Tags": tag_list(logset),
                "TopicCount": len(self._topics_of(logset["id"])),
                "MetricTopicCount": 0,
            }
            for logset in page(found, params)
        ]
        return {"TotalCount": len(found), "Logsets": shown}

    async def _modify_logset(self, call: Call, params: Params) -> Params:
        logset = self._logset(params)
        if "LogsetName" in params and params["LogsetName"] != logset["name"]:
            logset["name"] = name_of(params, "LogsetName")
            self._check_logset_name(logset["name"])
        logset["tags"] = given_tags(params["Tags"]) if "Tags" in params else logset["tags"]
        self._documents.put(LOGSETS, logset["id"], logset)
        return {}

    async def _delete_logset(self, call: Call, params: Params) -> Params:
        logset = self._logset(params)
        if self._topics_of(logset["id"]):
            raise ApiError("FailedOperation.LogsetNotEmpty", f"The log set {logset['name']} still has topics.")
        self._documents.delete(LOGSETS, logset["id"])
        return {}

    async def _create_topic(self, call: Call, params: Params) -> Params:
        refuse(params, "TopicId", *_TOPIC_UNSUPPORTED)
        logset, name = self._logset(params), name_of(params, "TopicName")
        self._check_topic_name(logset["id"], name)
        one_of(params, "BizType", (0,), 0)
        topic: Document = {
            "id": str(uuid.uuid4()),
            "logset": logset["id"],
            "name": name,
            "created": local_time(self._clock()),
            "partitions": number(params, "PartitionCount", 1, 10, 1),
            "describes": "",
            "period": 30,
            "storage": one_of(params, "StorageType", ("hot", "cold"), "hot"),
            "auto_split": params.get("AutoSplit", True),
            "max_split": number(params, "MaxSplitPartitions", 1, 50, 50),
            "status": True,
            "tags": {},
            "index": None,
        }
        self._change_topic(topic, params)
        return {"TopicId": topic["id"]}

    async def _describe_topics(self, call: Call, params: Params) -> Params:
        one_of(params, "BizType", (0,), 0)
        precise = one_of(params, "PreciseSearch", (0, 1, 2, 3), 0)
        names = {logset_id: logset["name"] for logset_id, logset in self._documents.all(LOGSETS).items()}
        topics = [{**t, "logset_name": names.get(t["logset"], "")} for t in self._documents.all(TOPICS).values()]
        known = {"topicName": "name", "topicId": "id", "logsetId": "logset", "logsetName": "logset_name"}
        fuzzy = {name for bit, name in ((1, "topicName"), (2, "logsetName")) if not precise & bit}
        found = filtered(topics, params, {**known, "storageType": "storage"}, fuzzy)
        return {"Topics": [_topic_info(topic) for topic in page(found, params)], "TotalCount": len(found)}

    async def _modify_topic(self, call: Call, params: Params) -> Params:
        refuse(params, "PartitionCount", "CancelTopicAsyncTaskID", "StorageType", *_TOPIC_UNSUPPORTED)
        topic = self._search.topic(params)
        if "TopicName" in params and params["TopicName"] != topic["name"]:
            topic["name"] = name_of(params, "TopicName")
            self._check_topic_name(topic["logset"], topic["name"])
        topic["status"] = params.get("Status", topic["status"])
        topic["auto_split"] = params.get("AutoSplit", topic["auto_split"])
        topic["max_split"] = number(params, "MaxSplitPartitions", 1, 50, topic["max_split"])
        self._change_topic(topic, params)
        return {}

    async def _delete_topic(self, call: Call, params: Params) -> Params:
        topic = self._search.topic(params)
        self._documents.delete(TOPICS, topic["id"])
        self._logs.forget(topic["id"])
        return {}

    def _change_topic(self, topic: Document, params: Params) -> None:
        period = number(params, "Period", 1 if topic["storage"] == "hot" else 7, FOREVER_DAYS, topic["period"])
        if 3600 < period < FOREVER_DAYS:
            raise ApiError("InvalidParameterValue", "`Period` is up to 3600 days, or 3640 for ever.")
        topic.update(period=period, describes=params.get("Describes", topic["describes"]))
        topic["tags"] = given_tags(params["Tags"]) if "Tags" in params else topic["tags"]
        self._documents.put(TOPICS, topic["id"], topic)

    def _logset(self, params: Params) -> Document:
        logset = self._documents.get(LOGSETS, params["LogsetId"])
        if logset is None:
            raise ApiError("ResourceNotFound.LogsetNotExist", f"There is no log set {params['LogsetId']}.")
        return logset

    def _topics_of(self, logset_id: str) -> list[Document]:
        return [topic for topic in self._documents.all(TOPICS).values() if topic["logset"] == logset_id]

    def _check_logset_name(self, name: str) -> None:
        if any(logset["name"] == name for logset in self._documents.all(LOGSETS).values()):
            raise ApiError("InvalidParameter.LogsetConflict", f"There is already a log set {name}.")

    def _check_topic_name(self, logset_id: str, name: str) -> None:
        if any(topic["name"] == name for topic in self._topics_of(logset_id)):
            raise ApiError("InvalidParameter.TopicConflict", f"The log set already has a topic {name}.")


def _topic_info(topic: Document) -> Params:
    return {
        "LogsetId": topic["logset"],
        "TopicId": topic["id"],
        "TopicName": topic["name"],
        "PartitionCount": topic["partitions"],
        "Index": topic["index"] is not None and topic["index"]["Status"],
        "CreateTime": topic["created"],
        "Status": topic["status"],
        "Tags": tag_list(topic),
        "AutoSplit": topic["auto_split"],
        "MaxSplitPartitions": topic["max_split"],
        "StorageType": topic["storage"],
        "Period": topic["period"],
        "Describes": topic["describes"],
        "BizType": 0,
    }
