"""Topics on the emulated CKafka."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.declaration.model import Topic
from deployer.kinds.marks import mark_text
from deployer.kinds.topic import TopicKind, note
from deployer.model import Change, Foreign
from tests.support.deployer_stage import Stage, declaration, deployed_to, names


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with deployed_to(tmp_path) as running:
        yield running


def test_a_topic_is_made_once(stage: Stage) -> None:
    stage.apply(TopicKind)
    assert stage.broker.partitions == {"orders": 2}
    assert not stage.plan(TopicKind)


def test_partitions_and_retention_are_changed_in_place(stage: Stage) -> None:
    stage.apply(TopicKind)
    stage.change(topics={"orders": Topic("orders", 3, 24)})
    (step,) = stage.apply(TopicKind)
    assert step.changes == (Change("partitions", "2", "3"), Change("retention", "72 hours", "24 hours"))
    assert stage.broker.partitions == {"orders": 3} and not stage.plan(TopicKind)


def test_partitions_that_are_too_many_stay_and_that_is_said(stage: Stage) -> None:
    stage.apply(TopicKind)
    stage.change(topics={"orders": Topic("orders", 1, 72)})
    context = stage.context()
    kind = TopicKind(context)
    assert kind.compare(kind.resources()[0]) is None
    assert context.notes == ["topic orders has 2 partitions, 1 are declared: they can only be added"]


def test_a_topic_of_others_is_not_touched(stage: Stage) -> None:
    stage.cloud().call(
        "ckafka", "CreateTopic", InstanceId="ckafka-1", TopicName="orders", PartitionNum=1, ReplicaNum=1, Note="mine"
    )
    with pytest.raises(Foreign, match=r"orders of ckafka-1 .* managed-by=patchmill-deploy service=shop stage=test"):
        stage.plan(TopicKind)
    kind = TopicKind(stage.context())
    kind.delete(kind.resources()[0])
    assert stage.broker.names() == ["orders"]


def test_more_topics_than_a_page_holds_are_all_read(stage: Stage) -> None:
    for number in range(60):
        stage.cloud().call(
            "ckafka", "CreateTopic", InstanceId="ckafka-1", TopicName=f"other-{number}", PartitionNum=1, ReplicaNum=1
        )
    stage.apply(TopicKind)
    assert not stage.plan(TopicKind)


def test_a_topic_that_is_no_more_declared_is_found(stage: Stage) -> None:
    stage.apply(TopicKind)
    stage.change(topics={})
    assert names(stage.orphans(TopicKind)) == ["orders"]


def test_a_note_has_room_for_a_long_name(tmp_path: Path) -> None:
    declared = declaration(tmp_path)
    long = replace(declared, service="a-service-of-a-long-name", stage="production-guangzhou")
    assert note(declared) == mark_text(declared)
    assert len(note(long)) <= 64 and note(long) != note(replace(long, stage="production-shanghai"))
