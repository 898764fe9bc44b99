"""Alarm policies and the dashboard on the emulated CLS: planned, applied, changed, killed, removed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.context import Context, DeployError
from deployer.kinds._observed import alarms
from deployer.kinds.alarms import AlarmsKind
from deployer.kinds.dashboard import DashboardKind
from deployer.kinds.logs import LogsKind
from deployer.model import Change, Foreign, Kind
from emulator.api.faults import FaultRates
from tests.deployer.test_kinds_killed import TRIES, survived
from tests.support.deployer_stage import Stage, deployed_to, names
from tests.support.observed import FOLDER, RUNBOOK, observability

KINDS: list[Callable[[Context], Kind]] = [AlarmsKind, DashboardKind]
FEW = """
alarms:
  - name: errors
    each: function
    level: critical
    limit: 3
    query: SCF_FunctionName:"${function}" | SELECT count(*) AS n
    condition: $1.n > ${limit}
    minutes: 5
    every: 5
    repeat: 60
    message: "{{.QueryResult[0][0].n}} errors"
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """With its log topic; two functions, web and work, one alarm each; the repository's dashboard."""
    (tmp_path / "alarms.yml").write_text(FEW)
    with deployed_to(tmp_path) as running:
        running.change(observability=observability(alarms=tmp_path / "alarms.yml"))
        running.apply(LogsKind)
        yield running


def listed(stage: Stage) -> dict[str, dict[str, Any]]:
    found = stage.cloud().call("cls", "DescribeAlarms", Limit=100)["Alarms"]
    return {alarm["Name"]: alarm for alarm in found}


def boards(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.cloud().call("cls", "DescribeDashboards")["DashboardInfos"]
    return found


def observe(stage: Stage, **changes: Any) -> None:
    assert stage.declaration.observability
    stage.change(observability=replace(stage.declaration.observability, **changes))


def test_an_alarm_for_each_function_is_made_once(stage: Stage) -> None:
    assert [step.action for step in stage.apply(AlarmsKind)] == ["create", "create"]
    alarm = listed(stage)["shop-test-errors-web"]
    (target,) = alarm["AlarmTargets"]
    assert target["Query"] == 'SCF_FunctionName:"web" | SELECT count(*) AS n'
    assert (target["TopicName"], target["StartTimeOffset"]) == ("functions", -5)
    assert (alarm["Condition"], alarm["AlarmLevel"], alarm["AlarmNoticeIds"]) == ("$1.n > 3", 2, [])
    assert alarm["MessageTemplate"].endswith(f"Runbook: {RUNBOOK}#errors")
    assert not stage.plan(AlarmsKind) and not stage.orphans(AlarmsKind)


def test_the_repository_s_own_alarms_apply(stage: Stage) -> None:
    observe(stage, alarms=FOLDER / "alarms.yml")
    stage.apply(AlarmsKind)
    assert len(listed(stage)) == 5 + 2 * 2
    assert not stage.plan(AlarmsKind)


def test_every_message_links_to_the_runbook(stage: Stage) -> None:
    observe(stage, alarms=FOLDER / "alarms.yml")
    for alarm in alarms(stage.declaration):
        section = alarm.message.partition(f"Runbook: {RUNBOOK}#")[2]
        assert section and alarm.name in (section, f"{section}-web", f"{section}-work")


def test_only_what_differs_is_changed(stage: Stage) -> None:
    stage.apply(AlarmsKind)
    name = stage.cloud().call("cls", "CreateAlarmNotice", Name="on call")["AlarmNoticeId"]
    observe(stage, limits={"errors": 7.0}, notices=(name,))
    changes = (Change("condition", "$1.n > 3", "$1.n > 7"), Change("notices", "", name))
    assert [step.changes for step in stage.apply(AlarmsKind)] == [changes, changes]
    assert not stage.plan(AlarmsKind)


def test_an_alarm_that_somebody_switched_off_is_on_again(stage: Stage) -> None:
    stage.apply(AlarmsKind)
    alarm = listed(stage)["shop-test-errors-work"]
    stage.cloud().call("cls", "ModifyAlarm", AlarmId=alarm["AlarmId"], Status=False)
    assert [step.changes for step in stage.apply(AlarmsKind)] == [(Change("status", "off", "on"),)]


def test_alarms_and_dashboard_follow_a_topic_that_is_made_anew(stage: Stage) -> None:
    stage.apply(AlarmsKind)
    stage.apply(DashboardKind)
    stage.destroy(LogsKind)
    stage.facts.known.clear()
    assert {step.action for kind in KINDS for step in stage.plan(kind)} == {"update"}
    stage.apply(LogsKind)
    for kind in KINDS:
        stage.apply(kind)
        assert not stage.plan(kind)
    topic = stage.facts.get("logs/functions.topic")
    assert {alarm["AlarmTargets"][0]["TopicId"] for alarm in listed(stage).values()} == {topic}


def test_an_alarm_that_is_no_more_wanted_is_an_orphan(stage: Stage) -> None:
    stage.apply(AlarmsKind)
    stage.change(functions={"web": stage.declaration.functions["web"]})
    assert names(stage.orphans(AlarmsKind)) == ["errors-work"]
    stage.change(observability=None)
    stage.destroy(AlarmsKind)
    assert listed(stage) == {}


def test_what_others_made_is_not_touched(stage: Stage) -> None:
    observe(stage, alarms=FOLDER / "alarms.yml")
    stage.apply(AlarmsKind)
    theirs = listed(stage)["shop-test-queue-age"]
    stage.cloud().call("cls", "ModifyAlarm", AlarmId=theirs["AlarmId"], Tags=[])
    stage.cloud().call("cls", "CreateDashboard", DashboardName="shop-test", Data="{}")
    with pytest.raises(Foreign, match="alarm policy shop-test-queue-age is there"):
        stage.plan(AlarmsKind)
    with pytest.raises(Foreign, match="dashboard shop-test is there"):
        stage.plan(DashboardKind)
    for kind in KINDS:
        made = kind(stage.context())
        for resource in made.resources():
            made.delete(resource)
    assert (list(listed(stage)), len(boards(stage))) == (["shop-test-queue-age"], 1)


def test_the_dashboard_is_made_once_and_holds_the_charts(stage: Stage) -> None:
    assert [step.action for step in stage.apply(DashboardKind)] == ["create"]
    (board,) = boards(stage)
    panels = json.loads(board["Data"])["panels"]
    assert (board["DashboardName"], panels[0]["title"], panels[0]["type"]) == ("shop-test", "Tasks that wait", "graph")
    assert {panel["target"]["TopicId"] for panel in panels} == {stage.facts.get("logs/functions.topic")}
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert not stage.plan(DashboardKind) and not stage.orphans(DashboardKind)


def test_every_query_of_the_dashboard_gives_the_columns_of_its_axes(stage: Stage) -> None:
    stage.apply(DashboardKind)
    for panel in json.loads(boards(stage)[0]["Data"])["panels"]:
        asked = {"TopicId": panel["target"]["TopicId"], "QueryString": panel["target"]["Query"]}
        found = stage.cloud().call("cls", "SearchLog", From=0, To=1, UseNewAnalysis=True, **asked)
        names = {column["Name"] for column in found["Columns"]}
        assert {key for key in panel["target"]["ChartAxis"].values() if key} <= names


def test_a_chart_that_was_changed_by_hand_is_written_anew(stage: Stage) -> None:
    stage.apply(DashboardKind)
    (board,) = boards(stage)
    data = json.loads(board["Data"])
    data["panels"][0]["target"]["Query"] = "*"
    data["panels"].append({**data["panels"][1], "id": "mine", "title": "Mine"})
    data["panels"][1]["options"] = {"added": "by the console"}
    stage.cloud().call("cls", "ModifyDashboard", DashboardId=board["DashboardId"], Data=json.dumps(data))
    assert [step.changes for step in stage.apply(DashboardKind)] == [
        (Change("Tasks that wait", "another", "as declared"), Change("Mine", "there", ""))
    ]
    assert not stage.plan(DashboardKind)


def test_a_region_that_dashboards_do_not_know_has_none(stage: Stage) -> None:
    stage.change(region="ap-nowhere")
    context = stage.context()
    assert DashboardKind(context).resources() == []
    assert context.notes == ["no dashboard: CLS has no number for region ap-nowhere"]


@pytest.mark.parametrize("kind", KINDS)
def test_apply_comes_to_the_same_end_wherever_it_is_killed(kind: Callable[[Context], Kind], stage: Stage) -> None:
    at, done = 0, False
    while not done:
        at += 1
        stage.destroy(kind)
        done = survived(stage, lambda: stage.apply(kind), at)
        stage.apply(kind)
        assert not stage.plan(kind) and not stage.orphans(kind), f"killed at request {at}"
    assert at > 3


@pytest.mark.parametrize("kind", KINDS)
def test_destroy_comes_to_the_same_end_wherever_it_is_killed(kind: Callable[[Context], Kind], stage: Stage) -> None:
    at, done = 0, False
    while not done:
        at += 1
        stage.apply(kind)
        done = survived(stage, lambda: stage.destroy(kind), at)
        stage.destroy(kind)
        assert all(step.action == "create" for step in stage.plan(kind)), f"killed at request {at}"
    assert at > 3


@pytest.mark.parametrize("kind", KINDS)
def test_faults_after_success_and_throttling_change_nothing(kind: Callable[[Context], Kind], stage: Stage) -> None:
    for seed in range(6):
        stage.api.faults.set(FaultRates(throttle=0.2, after=0.2, seed=seed))
        stage.apply(kind, TRIES)
        stage.api.faults.set(FaultRates())
        assert not stage.plan(kind) and not stage.orphans(kind)
        stage.api.faults.set(FaultRates(throttle=0.2, after=0.2, seed=seed))
        stage.destroy(kind, TRIES)
        stage.api.faults.set(FaultRates())
        assert all(step.action == "create" for step in stage.plan(kind))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FEW.replace("minutes: 5", "minutes: 2000"), r"alarms.yml: alarms\[0\].minutes"),
        (
            FEW.replace("repeat: 60", "repaet: 60"),
            r"unknown key 'repaet' at alarms\[0\].repaet \(did you mean 'repeat'",
        ),
        (FEW.replace("${function}", "${colour}"), r"There is no \$\{colour\}"),
        ("alarms: [", "alarms.yml is no YAML in line 1"),
    ],
)
def test_a_fault_in_the_list_is_told_by_its_place(stage: Stage, text: str, said: str) -> None:
    assert stage.declaration.observability and stage.declaration.observability.alarms
    stage.declaration.observability.alarms.write_text(text)
    with pytest.raises(DeployError, match=said):
        stage.plan(AlarmsKind)


def test_a_limit_of_an_alarm_that_is_not_there_is_told(stage: Stage) -> None:
    observe(stage, limits={"erors": 1.0})
    with pytest.raises(DeployError, match=r"alarms.limits of stage test: there is no alarm erors"):
        stage.plan(AlarmsKind)
