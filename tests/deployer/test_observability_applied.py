"""Alarms and dashboard by the command itself, with all the rest of a stage: made once, kept, and gone with it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.deployer_platform import Platform, platform
from tests.support.observed import FOLDER

DECLARED = """  logs: {retentionDays: 7}
  observability:
    alarms: observability/alarms.yml
    dashboard: observability/dashboard.yml
    prices: {gbSecond: 0.0001, millionCalls: 1.5}
"""
ALARMS, DASHBOARDS = "cls-alarm", "cls-dashboard"


def count(stage: Platform) -> tuple[int, int]:
    return len(stage.documents.all(ALARMS)), len(stage.documents.all(DASHBOARDS))


def test_alarms_and_dashboard_come_last_stay_and_go(tmp_path: Path) -> None:
    with platform(tmp_path) as stage:
        shutil.copytree(FOLDER, stage.project / "observability")
        stage.replace("serverless.yml", "  logs: {retentionDays: 7}\n", DECLARED)
        assert stage.run("apply", "--yes").exit_code == 0
        made = stage.changes()
        assert made[-10:] == ["CreateDashboard", *["CreateAlarm"] * 9]
        assert count(stage) == (9, 1)
        again = stage.run("apply", "--yes")
        assert (again.exit_code, stage.changes()) == (0, [])
        stage.replace("stages/test.yml", "image:", "alarms: {limits: {queue-age: 60}}\nimage:")
        assert stage.run("apply", "--yes").exit_code == 0
        assert stage.changes() == ["ModifyAlarm"]
        assert stage.run("destroy", "--yes").exit_code == 0
        assert count(stage) == (0, 0)
