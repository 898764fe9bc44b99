"""A topic of CKafka: its document, what may be set on it and within which bounds; and the instance that it is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from emulator.api.action import ApiError, Params
from emulator.api.fields import number, one_of, tags
from emulator.documents import Document

MAX_NOTE = 64
_RANGES = {
    "RetentionMs": (60000, 7776000000),
    "SegmentMs": (86400000, 7776000000),
    "MaxMessageBytes": (1024, 12582912),
    "UncleanLeaderElectionEnable": (0, 1),
}


class Topics(Protocol):
    """The broker's topics; blocking, safe to repeat."""

    def names(self) -> list[str]: ...

    def create(self, name: str, partitions: int) -> None: ...

    def grow(self, name: str, partitions: int) -> None: ...

    def delete(self, name: str) -> None: ...


@dataclass(frozen=True)
class Instance:
    """A CKafka instance as it was bought. `bootstrap` is host:port; `brokers` bounds the replicas of a topic."""

    id: str
    bootstrap: str
    topics: Topics
    brokers: int = 3
    max_topics: int = 200
    max_partitions: int = 400
    vpc_id: str = ""
    subnet_id: str = ""


def new(topic_id: str, created: float, params: Params, instance: Instance) -> Document:
    """The topic that CreateTopic asks for. Raises ApiError for a value out of the documented range."""
    topic: Document = {
        "id": topic_id,
        "name": params["TopicName"],
        "partitions": params["PartitionNum"],
        "replicas": number(params, "ReplicaNum", 1, min(instance.brokers, 3), 1),
        "created": int(created),
        "note": "",
        "tags": {},
        "config": {"RetentionMs": 7200000, "MinInsyncReplicas": 1, "CleanUpPolicy": "delete", "SegmentMs": 86400000},
    }
    apply(topic, params)
    return topic


def apply(topic: Document, params: Params) -> None:
    """Put what is given into the topic. Raises ApiError for a value out of the documented range."""
    for name in ("EnableWhiteList", "EnableAclRule"):
        if one_of(params, name, (0, 1), 0) == 1:
            raise ApiError("UnsupportedOperation", f"Parameter `{name}` is not supported by this stand-in.")
    topic["note"] = params.get("Note", topic["note"])
    if len(topic["note"]) > MAX_NOTE:
        raise ApiError("InvalidParameterValue", f"A note has at most {MAX_NOTE} characters.")
    if "Tags" in params:
        topic["tags"] = tags(params["Tags"], "TagKey", "TagValue", at_most=50, code="InvalidParameterValue")
    config: dict[str, Any] = topic["config"]
    for name, (low, high) in {**_RANGES, "MinInsyncReplicas": (1, topic["replicas"])}.items():
        if name in params:
            config[name] = number(params, name, low, high, low)
    if params.get("RetentionBytes", -1) != -1:
        config["RetentionBytes"] = number(params, "RetentionBytes", 1073741824, 1099511627776, 0)
    policies = ("delete", "compact", "compact, delete")
    config["CleanUpPolicy"] = one_of(params, "CleanUpPolicy", policies, config["CleanUpPolicy"])
    stamps, stamp = ("CreateTime", "LogAppendTime"), config.get("LogMsgTimestampType", "CreateTime")
    config["LogMsgTimestampType"] = one_of(params, "LogMsgTimestampType", stamps, stamp)


def config(topic: Document) -> Params:
    """What is set on it, in the API's form."""
    shown = {key: value for key, value in topic["config"].items() if key != "RetentionMs"}
    return {"Retention": topic["config"]["RetentionMs"], **shown}


def detail(topic: Document) -> Params:
    """The form of DescribeTopicDetail."""
    return {
        "TopicName": topic["name"],
        "TopicId": topic["id"],
        "PartitionNum": topic["partitions"],
        "ReplicaNum": topic["replicas"],
        "Note": topic["note"],
        "CreateTime": topic["created"],
        "EnableWhiteList": False,
        "IpWhiteListCount": 0,
        "Config": config(topic),
        "Status": 0,
        "Tags": [{"TagKey": key, "TagValue": value} for key, value in topic["tags"].items()],
    }


def attributes(topic: Document) -> Params:
    """The form of DescribeTopicAttributes."""
    partitions = [
        {"Partition": index, "LeaderStatus": 0, "IsrNum": topic["replicas"], "ReplicaNum": topic["replicas"]}
        for index in range(topic["partitions"])
    ]
    return {
        "TopicId": topic["id"],
        "CreateTime": topic["created"],
        "Note": topic["note"],
        "PartitionNum": topic["partitions"],
        "ReplicaNum": topic["replicas"],
        "EnableWhiteList": 0,
        "IpWhiteList": [],
        "EnableAclRule": 0,
        "Config": config(topic),
        "Partitions": partitions,
    }
