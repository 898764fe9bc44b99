"""Topics of the stage's CKafka instance: made, given more partitions or another retention; never made smaller.

In: the declaration's topics. Out: topics that are there. Only the platform's API makes topics, never a Kafka client
(cloud.tencent.com/document/product/597/39601).
"""

from __future__ import annotations

import hashlib
from typing import Any

from deployer.context import Context
from deployer.declaration.model import Declaration, Topic
from deployer.errors import CloudError, missing
from deployer.kinds.marks import MANAGER, is_ours, mark_text
from deployer.model import Change, Foreign, Resource, Step

_HOUR_MS = 3_600_000
_PAGE = 50  # the most that DescribeTopic gives at once
_MAX_NOTE = 64  # characters, CreateTopicRequest.Note
_TOO_YOUNG = "UnsupportedOperation.FrequencyTopicDeleteOperate"  # a topic lives a minute before it can be deleted
_TOO_YOUNG_S = 90.0


class TopicKind:
    """Marked in its note: the list of topics shows no tags."""

    kind = "topic"

    def __init__(self, context: Context) -> None:
        self._context, self._declaration = context, context.declaration
        self._note = note(self._declaration)

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, topic.name, topic) for topic in self._declaration.topics.values()]

    def compare(self, resource: Resource) -> Step | None:
        if not self._exists(resource.name):
            return Step("create", resource)
        changes = self._changes(resource.want)
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        ours = (name for name, found in self._all().items() if self._marked(found))
        return [Resource(self.kind, name, None) for name in ours if name not in self._declaration.topics]

    def apply(self, step: Step) -> None:
        topic: Topic = step.resource.want
        if not self._exists(topic.name, fresh=True):
            self._create(topic)
        for change in self._changes(topic):
            if change.field == "partitions":
                self._grow(topic)
            else:
                self._call("ModifyTopicAttributes", TopicName=topic.name, RetentionMs=topic.retention_hours * _HOUR_MS)

    def delete(self, resource: Resource) -> None:
        """With its messages. What is not ours is left alone."""
        found = self._all(fresh=True).get(resource.name)
        if found is None or not self._marked(found):
            return

        def gone() -> bool:
            try:
                self._call("DeleteTopic", TopicName=resource.name)
            except CloudError as error:
                if error.code == _TOO_YOUNG:
                    return False
                if not missing(error):
                    raise
            return True

        self._context.wait(f"Deleting the topic {resource.name}", gone, _TOO_YOUNG_S)
        self._context.wait(
            f"Deleting the topic {resource.name}", lambda: resource.name not in self._all(fresh=True), _TOO_YOUNG_S
        )

    def _create(self, topic: Topic) -> None:
        try:
            self._call(
                "CreateTopic",
                TopicName=topic.name,
                PartitionNum=topic.partitions,
                ReplicaNum=self._declaration.kafka.replicas,
                RetentionMs=topic.retention_hours * _HOUR_MS,
                Note=self._note,
            )
        except CloudError:  # it may have been made all the same, by this try or by one before
            if not self._exists(topic.name, fresh=True):
                raise
        self._context.wait(f"Topic {topic.name}", lambda: topic.name in self._all(fresh=True))

    def _grow(self, topic: Topic) -> None:
        try:
            self._call("CreatePartition", TopicName=topic.name, PartitionNum=topic.partitions)
        except CloudError:  # a number that it has already is refused
            if any(change.field == "partitions" for change in self._changes(topic)):
                raise

    def _exists(self, name: str, fresh: bool = False) -> bool:
        """Raises Foreign when it is there and not ours."""
        found = self._all(fresh).get(name)
        if found is not None and not self._marked(found):
            raise Foreign(
                f"The topic {name} of {self._declaration.kafka.instance_id} is there and was not made by "
                "patchmill-deploy for this service and stage. Rename or remove it, or, if it is meant "
                f"to be ours, set its note to: {self._note}"
            )
        return found is not None

    def _changes(self, topic: Topic) -> tuple[Change, ...]:
        found = self._call("DescribeTopicAttributes", TopicName=topic.name)["Result"]
        changes = []
        partitions, wanted = int(found["PartitionNum"]), topic.partitions
        if partitions < wanted:
            changes.append(Change("partitions", str(partitions), str(wanted)))
        elif partitions > wanted:
            self._say(f"topic {topic.name} has {partitions} partitions, {wanted} are declared: they can only be added")
        retention = int(found["Config"]["Retention"])
        if retention != topic.retention_hours * _HOUR_MS:
            changes.append(Change("retention", f"{retention / _HOUR_MS:g} hours", f"{topic.retention_hours} hours"))
        return tuple(changes)

    def _say(self, note: str) -> None:
        if note not in self._context.notes:
            self._context.notes.append(note)

    def _all(self, fresh: bool = False) -> dict[str, dict[str, Any]]:
        """The instance's topics by name; read once in a plan."""
        if fresh or "ckafka.topics" not in self._context.cache:
            listed: list[dict[str, Any]] = []
            while True:
                result = self._call("DescribeTopic", Offset=len(listed), Limit=_PAGE)["Result"]
                page = result.get("TopicList") or []
                listed += page
                if not page or len(listed) >= int(result.get("TotalCount") or 0):
                    break
            self._context.cache["ckafka.topics"] = {each["TopicName"]: each for each in listed}
        found: dict[str, dict[str, Any]] = self._context.cache["ckafka.topics"]
        return found

    def _call(self, action: str, **params: Any) -> dict[str, Any]:
        return self._context.cloud.call("ckafka", action, InstanceId=self._declaration.kafka.instance_id, **params)

    def _marked(self, found: dict[str, Any]) -> bool:
        text = str(found.get("Note") or "")
        return text == self._note or is_ours(text, self._declaration)


def note(declaration: Declaration) -> str:
    """The mark, in the 64 characters that a note may have: of a longer one only its digest."""
    text = mark_text(declaration)
    if len(text) <= _MAX_NOTE:
        return text
    return f"managed-by={MANAGER} id={hashlib.sha256(text.encode()).hexdigest()[:16]}"
