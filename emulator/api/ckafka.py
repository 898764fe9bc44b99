"""CKafka: the topics of an instance that is there already (https://cloud.tencent.com/document/api/597).

Topics are made on the real broker behind ckafkatopic.Topics; what the broker does not keep (note, tags, the settings
asked for) is kept here. Retention, segments and message size are checked and remembered; the broker ignores them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from emulator.account import Account
from emulator.api import ckafkatopic
from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.ckafkatopic import Instance
from emulator.api.fields import named, next_number, number, refuse
from emulator.documents import Document, Documents

Handler = Callable[[Call, Params], Awaitable[Params]]
TOPICS = "ckafka-topic"
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
_FIRST_ID = 10000001
_UNSUPPORTED = ("IpWhiteList", "AclRuleName")
_MODIFY_UNSUPPORTED = (*_UNSUPPORTED, "QuotaProducerByteRate", "QuotaConsumerByteRate", "ReplicaNum")


class Ckafka:
    """`delete_after_s`: for so long a new topic cannot be deleted (the SDK's errorcodes.py says 60 s)."""

    name = "ckafka"
    version = "2019-08-19"

    def __init__(
        self,
        documents: Documents,
        account: Account,
        region: str,
        instances: list[Instance],
        *,
        delete_after_s: float = 60,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._documents, self._account, self._region = documents, account, region
        self._instances = {instance.id: instance for instance in instances}
        self._delete_after_s, self._clock = delete_after_s, clock
        self._lock = asyncio.Lock()  # what is asked of the broker takes time: one change after the other

    @property
    def actions(self) -> Mapping[str, Action]:
        return {
            "DescribeInstances": Action(self._describe_instances),
            "DescribeInstancesDetail": Action(self._describe_instances_detail),
            "DescribeInstanceAttributes": Action(self._describe_instance, self._resource),
            "CreateTopic": Action(self._in_turn(self._create), self._resource),
            "DescribeTopic": Action(self._describe_topics, self._resource),
            "DescribeTopicDetail": Action(self._describe_details, self._resource),
            "DescribeTopicAttributes": Action(self._describe_attributes, self._resource),
            "ModifyTopicAttributes": Action(self._in_turn(self._modify), self._resource),
            "CreatePartition": Action(self._in_turn(self._create_partition), self._resource),
            "DeleteTopic": Action(self._in_turn(self._delete), self._resource),
        }

    def _resource(self, params: Params) -> str:
        # https://cloud.tencent.com/document/product/598/101280
        return f"qcs::ckafka:{self._region}:uin/{self._account.uin}:ckafkaId/{params['InstanceId']}"

    def _in_turn(self, handler: Handler) -> Handler:
        async def handle(call: Call, params: Params) -> Params:
            async with self._lock:
                return await handler(call, params)

        return handle

    async def _describe_instances(self, call: Call, params: Params) -> Params:
        refuse(params, "TagKey")
        found = self._found(params)
        offset, limit = number(params, "Offset", 0, 10**6, 0), number(params, "Limit", 1, 100, 10)
        shown = [
            {"InstanceId": i.id, "InstanceName": i.id, "Status": 1, "IfCommunity": False}
            for i in found[offset : offset + limit]
        ]
        return {"Result": {"InstanceList": shown, "TotalCount": len(found)}}

    async def _describe_instances_detail(self, call: Call, params: Params) -> Params:
        refuse(params, "TagKey", "Filters", "TagList", "InstanceIds")
        wanted = params.get("InstanceIdList")
        found = [instance for instance in self._found(params) if not wanted or instance.id in wanted]
        offset, limit = number(params, "Offset", 0, 10**6, 0), number(params, "Limit", 1, 20, 10)
        shown = [
            {
                **self._about(instance),
                "TopicNum": len(self._known(instance)),
                "MaxTopicNumber": instance.max_topics,
                "MaxPartitionNumber": instance.max_partitions,
                "PartitionNumber": self._partitions(instance),
            }
            for instance in found[offset : offset + limit]
        ]
        return {"Result": {"InstanceList": shown, "TotalCount": len(found)}}

    async def _describe_instance(self, call: Call, params: Params) -> Params:
        instance = self._instance(params)
        topics, partitions = len(self._known(instance)), self._partitions(instance)
        left = {"Topics": instance.max_topics - topics, "Partitions": instance.max_partitions - partitions}
        counts = {"CreatedTopics": topics, "CreatedPartitions": partitions}
        counts |= {f"{word}{what}": n for what, n in left.items() for word in ("Remainder", "Remaining")}
        return {"Result": {**self._about(instance), **counts}}

    async def _create(self, call: Call, params: Params) -> Params:
        refuse(params, *_UNSUPPORTED)
        instance, name = self._instance(params), named(params, "TopicName", NAME)
        if self._get(instance, name) is not None:
            raise ApiError("InvalidParameterValue.TopicNameAlreadyExist", f"There is already a topic {name}.")
        partitions = number(params, "PartitionNum", 1, 10**6, 1)
        if len(self._known(instance)) >= instance.max_topics:
            raise ApiError("LimitExceeded", f"The instance has at most {instance.max_topics} topics.")
        self._check_partitions(instance, partitions)
        topic_id = f"topic-{next_number(self._documents, 'ckafka-topic', _FIRST_ID)}"
        topic = ckafkatopic.new(topic_id, self._clock(), params, instance)
        await asyncio.to_thread(instance.topics.create, name, partitions)
        self._keep(instance, topic)
        return {"Result": {"TopicId": topic["id"]}}

    async def _describe_topics(self, call: Call, params: Params) -> Params:
        refuse(params, "AclRuleName")
        found = self._matching(params)
        offset, limit = number(params, "Offset", 0, 10**6, 0), number(params, "Limit", 1, 50, 20)
        shown = [
            {"TopicId": t["id"], "TopicName": t["name"], "Note": t["note"]} for t in found[offset : offset + limit]
        ]
        return {"Result": {"TopicList": shown, "TotalCount": len(found)}}

    async def _describe_details(self, call: Call, params: Params) -> Params:
        refuse(params, "AclRuleName", "Filters", "OrderBy", "OrderType", "SearchWordIgnoreCaseFlag")
        found = self._matching(params)
        offset, limit = number(params, "Offset", 0, 10**6, 0), number(params, "Limit", 1, 10**6, 20)
        shown = [ckafkatopic.detail(topic) for topic in found[offset : offset + limit]]
        return {"Result": {"TopicList": shown, "TotalCount": len(found)}}

    async def _describe_attributes(self, call: Call, params: Params) -> Params:
        return {"Result": ckafkatopic.attributes(self._topic(self._instance(params), params))}

    async def _modify(self, call: Call, params: Params) -> Params:
        refuse(params, *_MODIFY_UNSUPPORTED)
        instance = self._instance(params)
        topic = self._topic(instance, params)
        ckafkatopic.apply(topic, params)
        self._keep(instance, topic)
        return self._done()

    async def _create_partition(self, call: Call, params: Params) -> Params:
        instance = self._instance(params)
        topic = self._topic(instance, params)
        wanted = number(params, "PartitionNum", topic["partitions"] + 1, 10**6, 0)
        self._check_partitions(instance, wanted - topic["partitions"])
        await asyncio.to_thread(instance.topics.grow, topic["name"], wanted)
        self._keep(instance, {**topic, "partitions": wanted})
        return self._done()

    async def _delete(self, call: Call, params: Params) -> Params:
        instance = self._instance(params)
        topic = self._topic(instance, params)
        if topic["created"] + self._delete_after_s > self._clock():
            raise ApiError(
                "UnsupportedOperation.FrequencyTopicDeleteOperate",
                f"A topic can be deleted {self._delete_after_s:g} s after it was created.",
            )
        await asyncio.to_thread(instance.topics.delete, topic["name"])
        self._documents.delete(TOPICS, f"{instance.id}/{topic['name']}")
        return self._done()

    def _instance(self, params: Params) -> Instance:
        instance = self._instances.get(params["InstanceId"])
        if instance is None:
            raise ApiError("InvalidParameterValue.InstanceNotExist", f"There is no instance {params['InstanceId']}.")
        return instance

    def _found(self, params: Params) -> list[Instance]:
        """The instances that a list's filters leave."""
        word, only, states = params.get("SearchWord", ""), params.get("InstanceId"), params.get("Status", [])
        return [
            instance
            for instance in self._instances.values()
            if word in instance.id
            and only in (None, instance.id)
            and (not states or 1 in states)
            and params.get("VpcId", instance.vpc_id) == instance.vpc_id
        ]

    def _about(self, instance: Instance) -> Params:
        host, _, port = instance.bootstrap.partition(",")[0].rpartition(":")
        names = {"InstanceId": instance.id, "InstanceName": instance.id, "Vip": host, "Vport": port, "Status": 1}
        return {**names, "Healthy": 1, "VpcId": instance.vpc_id, "SubnetId": instance.subnet_id}

    def _known(self, instance: Instance) -> list[Document]:
        prefix = f"{instance.id}/"
        return [topic for key, topic in self._documents.all(TOPICS).items() if key.startswith(prefix)]

    def _partitions(self, instance: Instance) -> int:
        return sum(topic["partitions"] for topic in self._known(instance))

    def _check_partitions(self, instance: Instance, more: int) -> None:
        if self._partitions(instance) + more > instance.max_partitions:
            raise ApiError("LimitExceeded", f"The instance has at most {instance.max_partitions} partitions.")

    def _matching(self, params: Params) -> list[Document]:
        word = params.get("SearchWord", "")
        return [topic for topic in self._known(self._instance(params)) if word in topic["name"]]

    def _get(self, instance: Instance, name: str) -> Document | None:
        return self._documents.get(TOPICS, f"{instance.id}/{name}")

    def _topic(self, instance: Instance, params: Params) -> Document:
        topic = self._get(instance, params["TopicName"])
        if topic is None:
            raise ApiError("ResourceNotFound", f"There is no topic {params['TopicName']}.")
        return topic

    def _keep(self, instance: Instance, topic: Document) -> None:
        self._documents.put(TOPICS, f"{instance.id}/{topic['name']}", topic)

    def _done(self) -> Params:
        flow = next_number(self._documents, "ckafka-flow", 1)
        return {"Result": {"ReturnCode": "0", "ReturnMessage": "[OK]", "Data": {"FlowId": flow}}}
