"""Log set, topic and index on the emulated CLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.declaration.model import Logs
from deployer.kinds.logindex import RULE, same
from deployer.kinds.logs import LogsKind
from deployer.model import Change, Foreign
from tests.support.deployer_stage import Stage, deployed_to, names


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with deployed_to(tmp_path) as running:
        yield running


def cls(stage: Stage, action: str, **params: Any) -> dict[str, Any]:
    return stage.cloud().call("cls", action, **params)


def test_logs_get_a_topic_with_retention_and_index(stage: Stage) -> None:
    stage.apply(LogsKind)
    (topic,) = cls(stage, "DescribeTopics")["Topics"]
    assert (topic["TopicName"], topic["Period"], topic["Index"]) == ("functions", 30, True)
    assert stage.facts.known == {
        "logs/functions.logset": topic["LogsetId"],
        "logs/functions.topic": topic["TopicId"],
    }
    assert not stage.plan(LogsKind)


def test_the_index_knows_the_platform_s_fields_and_ours(stage: Stage) -> None:
    stage.apply(LogsKind)
    index = cls(stage, "DescribeIndex", TopicId=stage.facts.get("logs/functions.topic"))
    keys = {each["Key"] for each in index["Rule"]["KeyValue"]["KeyValues"]}
    assert len({key for key in keys if key.startswith("SCF_")}) == 14
    assert keys > {"event", "level", "task", "tenant", "duration_s"}


def test_only_what_differs_is_changed(stage: Stage) -> None:
    stage.apply(LogsKind)
    stage.change(logs=Logs(7))
    assert [step.changes for step in stage.apply(LogsKind)] == [(Change("retention", "30 days", "7 days"),)]
    cls(stage, "DeleteIndex", TopicId=stage.facts.get("logs/functions.topic"))
    assert [change.field for step in stage.apply(LogsKind) for change in step.changes] == ["index"]
    assert not stage.plan(LogsKind)


def test_another_index_is_replaced(stage: Stage) -> None:
    stage.apply(LogsKind)
    rule = {"FullText": {"CaseSensitive": True, "Tokenizer": " "}}
    cls(stage, "ModifyIndex", TopicId=stage.facts.get("logs/functions.topic"), Rule=rule)
    stage.apply(LogsKind)
    assert not stage.plan(LogsKind)


def test_a_log_set_whose_name_only_contains_ours_is_another(stage: Stage) -> None:
    cls(stage, "CreateLogset", LogsetName="shop-test-two")
    assert [step.action for step in stage.apply(LogsKind)] == ["create"]


def test_a_log_set_of_others_is_not_touched(stage: Stage) -> None:
    cls(stage, "CreateLogset", LogsetName="shop-test")
    with pytest.raises(Foreign, match="CLS log set shop-test is there"):
        stage.plan(LogsKind)
    kind = LogsKind(stage.context())
    kind.delete(kind.resources()[0])
    assert cls(stage, "DescribeLogsets")["TotalCount"] == 1


def test_a_log_set_with_topics_of_others_stays_and_that_is_said(stage: Stage) -> None:
    stage.apply(LogsKind)
    cls(stage, "CreateTopic", LogsetId=stage.facts.get("logs/functions.logset"), TopicName="theirs")
    kind = LogsKind(stage.context())
    kind.delete(kind.resources()[0])
    assert [topic["TopicName"] for topic in cls(stage, "DescribeTopics")["Topics"]] == ["theirs"]
    assert stage.said == ["kept log set shop-test: topics of others are in it (theirs)"]


def test_logs_that_are_no_more_declared_are_found_and_removed(stage: Stage) -> None:
    stage.apply(LogsKind)
    stage.change(logs=None)
    assert names(stage.orphans(LogsKind)) == ["functions"]
    stage.destroy(LogsKind)
    assert cls(stage, "DescribeLogsets")["TotalCount"] == 0


def test_an_index_is_the_same_in_any_order_and_without_what_is_off() -> None:
    pairs = [
        {"Key": each["Key"], "Value": {name: value for name, value in each["Value"].items() if value}}
        for each in reversed(RULE["KeyValue"]["KeyValues"])
    ]
    full = {"Tokenizer": RULE["FullText"]["Tokenizer"], "ContainZH": True}
    assert same({"FullText": full, "KeyValue": {"KeyValues": pairs}, "Tag": None})
    assert not same({"FullText": full, "KeyValue": {"KeyValues": pairs[1:]}})
    assert not same(None)
