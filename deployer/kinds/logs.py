"""The functions' logs in CLS: a log set, in it the topic `functions` with its retention, and the topic's index.

In: the declaration's retention. Out: a topic that can be searched and counted by the fields below; the facts
logs/functions.logset and logs/functions.topic, which the functions are configured with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployer.context import Context
from deployer.errors import CloudError, missing
from deployer.kinds.logindex import RULE, same
from deployer.kinds.marks import is_ours, tag_list
from deployer.model import Change, Foreign, Resource, Step

Document = dict[str, Any]

TOPIC = "functions"
_PAGE = 100  # the most that the lists of CLS give at once


@dataclass(frozen=True)
class Want:
    """`logset` is the log set's name."""

    logset: str
    retention_days: int


class LogsKind:
    """Log set and topic are marked by tags."""

    kind = "logs"

    def __init__(self, context: Context) -> None:
        self._context, self._declaration = context, context.declaration

    def resources(self) -> list[Resource]:
        logs = self._declaration.logs
        if logs is None:
            return []
        return [Resource(self.kind, TOPIC, Want(self._declaration.namespace, logs.retention_days))]

    def compare(self, resource: Resource) -> Step | None:
        logset = self._logset()
        if logset is None:
            return Step("create", resource)
        topic = self._topic(logset["LogsetId"])
        if topic is None:  # the trace of an apply or a destroy that was killed
            return Step("update", resource, (Change("topic", "", TOPIC),))
        self._learn(logset["LogsetId"], topic["TopicId"])
        changes = self._changes(resource.want, topic)
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        """The whole of it, when no logs are declared any more."""
        if self._declaration.logs is not None:
            return []
        found = self._find_logset()
        ours = found is not None and is_ours(found.get("Tags"), self._declaration)
        return [Resource(self.kind, TOPIC, None)] if ours else []

    def apply(self, step: Step) -> None:
        want: Want = step.resource.want
        logset_id = (self._logset() or self._create_logset(want))["LogsetId"]
        topic = self._topic(logset_id) or self._create_topic(logset_id, want)
        for change in self._changes(want, topic):
            if change.field == "retention":
                self._call("ModifyTopic", TopicId=topic["TopicId"], Period=want.retention_days)
            else:
                self._write_index(topic["TopicId"])
        self._learn(logset_id, topic["TopicId"])

    def delete(self, resource: Resource) -> None:
        """With all logs. A log set with topics of others in it stays, and that is said."""
        logset = self._find_logset()
        if logset is None or not is_ours(logset.get("Tags"), self._declaration):
            return
        for topic in self._topics(logset["LogsetId"]):
            if is_ours(topic.get("Tags"), self._declaration):
                self._gone("DeleteTopic", TopicId=topic["TopicId"])
        if others := ", ".join(topic["TopicName"] for topic in self._topics(logset["LogsetId"])):
            self._context.progress(f"kept log set {logset['LogsetName']}: topics of others are in it ({others})")
            return
        self._gone("DeleteLogset", LogsetId=logset["LogsetId"])

    def _create_logset(self, want: Want) -> Document:
        try:
            self._call("CreateLogset", LogsetName=want.logset, Tags=tag_list(self._declaration))
        except CloudError:  # it may have been made all the same, by this try or by one before
            if self._logset() is None:
                raise
        return self._seen(f"Log set {want.logset}", self._logset)

    def _create_topic(self, logset_id: str, want: Want) -> Document:
        try:
            self._call(
                "CreateTopic",
                LogsetId=logset_id,
                TopicName=TOPIC,
                Period=want.retention_days,
                Tags=tag_list(self._declaration),
            )
        except CloudError:
            if self._topic(logset_id) is None:
                raise
        return self._seen(f"Log topic {TOPIC}", lambda: self._topic(logset_id))

    def _write_index(self, topic_id: str) -> None:
        try:
            self._call("CreateIndex", TopicId=topic_id, Rule=RULE, Status=True)
        except CloudError as error:
            if error.code != "InvalidParameter.IndexConflict":  # there is one already
                raise
            self._call("ModifyIndex", TopicId=topic_id, Rule=RULE, Status=True)

    def _changes(self, want: Want, topic: Document) -> tuple[Change, ...]:
        changes = []
        if int(topic.get("Period") or 0) != want.retention_days:
            changes.append(Change("retention", f"{topic.get('Period')} days", f"{want.retention_days} days"))
        index = self._index(topic["TopicId"])
        if index is None or not index.get("Status") or not same(index.get("Rule")):
            before = "" if index is None else "another" if index.get("Status") else "off"
            changes.append(Change("index", before, f"{len(RULE['KeyValue']['KeyValues'])} fields"))
        return tuple(changes)

    def _logset(self) -> Document | None:
        """Raises Foreign when it is there and not ours."""
        found = self._find_logset()
        if found is not None and not is_ours(found.get("Tags"), self._declaration):
            raise Foreign(_foreign("log set", found["LogsetName"]))
        return found

    def _topic(self, logset_id: str) -> Document | None:
        """Raises Foreign when it is there and not ours."""
        for found in self._topics(logset_id):
            if found["TopicName"] == TOPIC:
                if not is_ours(found.get("Tags"), self._declaration):
                    raise Foreign(_foreign("log topic", TOPIC))
                return found
        return None

    def _find_logset(self) -> Document | None:
        """The filter finds names that only contain the one that is asked for, too."""
        name = self._declaration.namespace
        listed = self._all("DescribeLogsets", "Logsets", [{"Key": "logsetName", "Values": [name]}])
        return next((each for each in listed if each["LogsetName"] == name), None)

    def _topics(self, logset_id: str) -> list[Document]:
        return self._all("DescribeTopics", "Topics", [{"Key": "logsetId", "Values": [logset_id]}])

    def _index(self, topic_id: str) -> Document | None:
        try:
            return self._call("DescribeIndex", TopicId=topic_id)
        except CloudError as error:
            if missing(error):
                return None
            raise

    def _all(self, action: str, field: str, filters: list[Document]) -> list[Document]:
        found: list[Document] = []
        while True:
            answer = self._call(action, Filters=filters, Offset=len(found), Limit=_PAGE)
            page = answer.get(field) or []
            found += page
            if not page or len(found) >= int(answer.get("TotalCount") or 0):
                return found

    def _seen(self, what: str, find: Any) -> Document:
        """CLS tells of new things with some delay."""
        self._context.wait(what, lambda: find() is not None)
        found: Document = find()
        return found

    def _gone(self, action: str, **params: Any) -> None:
        try:
            self._call(action, **params)
        except CloudError as error:
            if not missing(error):
                raise

    def _call(self, action: str, **params: Any) -> Document:
        return self._context.cloud.call("cls", action, **params)

    def _learn(self, logset_id: str, topic_id: str) -> None:
        known = self._context.facts.known
        known[f"logs/{TOPIC}.logset"], known[f"logs/{TOPIC}.topic"] = logset_id, topic_id


def _foreign(what: str, name: str) -> str:
    return (
        f"The CLS {what} {name} is there and was not made by patchmill-deploy for this service and stage. Rename or "
        "remove it, or choose another service or stage name."
    )
