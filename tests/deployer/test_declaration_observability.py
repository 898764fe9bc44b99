"""What serverless.yml and a stage say about alarms and the dashboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.kinds._observed import alarms
from tests.support.declared import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_declaration_says_what_watches_and_the_stage_who_is_told(project: Project) -> None:
    declared = project.load().observability
    assert declared and (declared.notices, declared.runbook) == ((), "docs/runbook.md")
    assert declared.alarms == project.folder / "deployer/observability/alarms.yml"
    stage = "alarms: {noticeId: notice-1, runbook: 'https://wiki.example.com/p', limits: {queue-age: 90}}\nimage:"
    project.change("image:", stage, "stages/local.yml")
    declared = project.load().observability
    assert declared and (declared.notices, declared.runbook) == (("notice-1",), "https://wiki.example.com/p")
    assert declared.limits == {"queue-age": 90.0}
    made = {alarm.name: alarm for alarm in alarms(project.load())}
    assert made["queue-age"].condition == "$1.oldest_s > 90"
    assert made["function-errors-dispatch"].condition.endswith("$1.calls * 5")


@pytest.mark.parametrize(
    ("old", "new", "file", "said"),
    [
        (
            "observability/alarms.yml",
            "observability/none.yml",
            "serverless.yml",
            "observability.alarms: there is no such",
        ),
        ("  logs:\n    retentionDays: 30\n", "", "serverless.yml", "resources.logs is missing"),
        ("gbSecond:", "gbSeconds:", "serverless.yml", "did you mean 'gbSecond'?"),
        ("image:", "alarms: {noticeId: me@example.com}\nimage:", "stages/local.yml", "alarms.noticeId"),
    ],
)
def test_a_fault_in_the_declaration_is_told(project: Project, old: str, new: str, file: str, said: str) -> None:
    project.change(old, new, file)
    assert any(said in fault for fault in project.faults())
