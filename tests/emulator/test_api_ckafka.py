"""CKafka through the SDK, over a broker that is a dictionary."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.account import Account
from emulator.api.ckafka import Ckafka
from emulator.api.ckafkatopic import Instance
from emulator.documents import Documents
from tests.support.api import APP_ID, OWNER, REGION, UIN, Api, policy, serving

INSTANCE = "ckafka-local000"


class Broker:
    """Topics by name with their partitions."""

    def __init__(self) -> None:
        self.topics: dict[str, int] = {}

    def names(self) -> list[str]:
        return sorted(self.topics)

    def create(self, name: str, partitions: int) -> None:
        self.topics[name] = partitions

    def grow(self, name: str, partitions: int) -> None:
        self.topics[name] = partitions

    def delete(self, name: str) -> None:
        self.topics.pop(name, None)


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(broker: Broker, clock: Clock) -> Iterator[Api]:
    documents = Documents(None)
    account = Account(documents, OWNER, app_id=APP_ID, uin=UIN)
    instance = Instance(INSTANCE, "127.0.0.1:9092", broker, brokers=2, max_topics=3, max_partitions=8, vpc_id="vpc-1")
    ckafka = Ckafka(documents, account, REGION, [instance], clock=clock)
    with serving(ckafka, documents=documents, account=account) as running:
        yield running


def create(api: Api, name: str = "tasks", **more: object) -> str:
    asked = {"InstanceId": INSTANCE, "TopicName": name, "PartitionNum": 3, "ReplicaNum": 2, **more}
    return str(api.call("ckafka", "CreateTopic", **asked)["Result"]["TopicId"])


def attributes(api: Api, name: str = "tasks") -> dict[str, object]:
    found = api.call("ckafka", "DescribeTopicAttributes", InstanceId=INSTANCE, TopicName=name)["Result"]
    assert isinstance(found, dict)
    return found


def test_topic_is_made_on_the_broker_and_described(api: Api, broker: Broker) -> None:
    tagged = [{"TagKey": "stage", "TagValue": "s1"}]
    topic_id = create(api, Note="mine", RetentionMs=259200000, MinInsyncReplicas=2, Tags=tagged)
    assert broker.topics == {"tasks": 3}
    found = attributes(api)
    assert (found["TopicId"], found["PartitionNum"], found["ReplicaNum"], found["Note"]) == (topic_id, 3, 2, "mine")
    config = found["Config"]
    assert isinstance(config, dict)
    assert (config["Retention"], config["MinInsyncReplicas"], config["CleanUpPolicy"]) == (259200000, 2, "delete")
    detail = api.call("ckafka", "DescribeTopicDetail", InstanceId=INSTANCE, SearchWord="task")["Result"]
    assert (detail["TotalCount"], detail["TopicList"][0]["Tags"]) == (1, tagged)
    listed = api.call("ckafka", "DescribeTopic", InstanceId=INSTANCE)["Result"]["TopicList"]
    assert listed == [{"TopicId": topic_id, "TopicName": "tasks", "Note": "mine"}]


def test_topic_is_changed(api: Api, broker: Broker) -> None:
    create(api, Note="old")
    asked = {"InstanceId": INSTANCE, "TopicName": "tasks"}
    answer = api.call("ckafka", "ModifyTopicAttributes", **asked, RetentionMs=60000)
    assert answer["Result"]["ReturnCode"] == "0"
    api.call("ckafka", "CreatePartition", **asked, PartitionNum=5)
    found = attributes(api)
    assert (found["Note"], found["PartitionNum"], broker.topics["tasks"]) == ("old", 5, 5)
    assert api.refusal("ckafka", "CreatePartition", **asked, PartitionNum=5) == "InvalidParameterValue"


def test_topic_is_deleted_only_after_a_minute(api: Api, broker: Broker, clock: Clock) -> None:
    create(api)
    asked = {"InstanceId": INSTANCE, "TopicName": "tasks"}
    refused = api.refusal("ckafka", "DeleteTopic", **asked)
    assert refused == "UnsupportedOperation.FrequencyTopicDeleteOperate"
    clock.now += 61
    api.call("ckafka", "DeleteTopic", **asked)
    assert broker.topics == {}
    assert api.refusal("ckafka", "DeleteTopic", **asked) == "ResourceNotFound"
    assert api.refusal("ckafka", "DescribeTopicAttributes", **asked) == "ResourceNotFound"


def test_name_is_taken_once(api: Api) -> None:
    create(api)
    asked = {"InstanceId": INSTANCE, "TopicName": "tasks", "PartitionNum": 1, "ReplicaNum": 1}
    assert api.refusal("ckafka", "CreateTopic", **asked) == "InvalidParameterValue.TopicNameAlreadyExist"


def test_quotas_of_the_instance_hold(api: Api) -> None:
    create(api, "a")
    create(api, "b")
    asked = {"InstanceId": INSTANCE, "TopicName": "c", "ReplicaNum": 1}
    assert api.refusal("ckafka", "CreateTopic", **asked, PartitionNum=3) == "LimitExceeded"
    api.call("ckafka", "CreateTopic", **asked, PartitionNum=1)
    assert api.refusal("ckafka", "CreateTopic", **{**asked, "TopicName": "d"}, PartitionNum=1) == "LimitExceeded"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"TopicName": "a b"}, "InvalidParameterValue"),
        ({"PartitionNum": 0}, "InvalidParameterValue"),
        ({"ReplicaNum": 3}, "InvalidParameterValue"),
        ({"RetentionMs": 59999}, "InvalidParameterValue"),
        ({"RetentionMs": 7776000001}, "InvalidParameterValue"),
        ({"MaxMessageBytes": 12582913}, "InvalidParameterValue"),
        ({"MinInsyncReplicas": 2}, "InvalidParameterValue"),
        ({"CleanUpPolicy": "keep"}, "InvalidParameterValue"),
        ({"Note": "x" * 65}, "InvalidParameterValue"),
        ({"EnableWhiteList": 1}, "UnsupportedOperation"),
        ({"InstanceId": "ckafka-other"}, "InvalidParameterValue.InstanceNotExist"),
    ],
)
def test_wrong_topic_is_refused_and_not_made(
    api: Api, broker: Broker, changed: dict[str, object], expected: str
) -> None:
    asked = {"InstanceId": INSTANCE, "TopicName": "t", "PartitionNum": 1, "ReplicaNum": 1, **changed}
    assert api.refusal("ckafka", "CreateTopic", **asked) == expected
    assert broker.topics == {}


def test_instance_is_described(api: Api) -> None:
    create(api)
    listed = api.call("ckafka", "DescribeInstances", InstanceId=INSTANCE)["Result"]["InstanceList"]
    assert [(instance["InstanceId"], instance["Status"]) for instance in listed] == [(INSTANCE, 1)]
    assert api.call("ckafka", "DescribeInstances", VpcId="vpc-2")["Result"]["TotalCount"] == 0
    detail = api.call("ckafka", "DescribeInstancesDetail")["Result"]["InstanceList"][0]
    assert (detail["Vip"], detail["Vport"], detail["TopicNum"]) == ("127.0.0.1", "9092", 1)
    found = api.call("ckafka", "DescribeInstanceAttributes", InstanceId=INSTANCE)["Result"]
    assert (found["CreatedTopics"], found["RemainingPartitions"]) == (1, 5)


def test_permission_is_asked_for_the_instance(api: Api) -> None:
    resource = f"qcs::ckafka:{REGION}:uin/{UIN}:ckafkaId/{INSTANCE}"
    user = api.account.add_user("ann", policy("ckafka:DescribeTopic", resource))
    api.call("ckafka", "DescribeTopic", user, InstanceId=INSTANCE)
    assert api.refusal("ckafka", "DescribeTopic", user, InstanceId="ckafka-2") == "UnauthorizedOperation"
