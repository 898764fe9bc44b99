"""The canary's timer: only where a stage wants it, as often as it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from croniter import croniter

from deployer.declaration.model import Timer
from tests.support.declared import ADDRESSES, Project

LOCAL = "stages/local.yml"
SWITCH = '{enable: "${env:PATCHMILL_CANARY, false}", everyMinutes: 1}'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def timers(project: Project, **environ: str) -> tuple[Timer, ...]:
    return project.load({**ADDRESSES, **environ}).functions["submit"].timers


def test_it_is_off_unless_a_stage_wants_it(project: Project) -> None:
    assert timers(project) == ()
    project.change(f"canary: {SWITCH}", "", LOCAL)
    assert timers(project) == ()


def test_a_stage_says_how_often(project: Project) -> None:
    project.change(SWITCH, "{enable: true, everyMinutes: 10}", LOCAL)
    assert timers(project) == (Timer("canary", "0 */10 * * * * *", "canary 10"),)


def test_every_five_minutes_when_it_does_not_say(project: Project) -> None:
    project.change(SWITCH, "{enable: true}", LOCAL)
    (timer,) = timers(project)
    assert (timer.cron_expression, timer.argument) == ("0 */5 * * * * *", "canary 5")
    assert croniter.is_valid(timer.cron_expression, second_at_beginning=True)


@pytest.mark.parametrize(("wanted", "count"), [("true", 1), ("false", 0)])
def test_the_emulators_stage_asks_the_environment(project: Project, wanted: str, count: int) -> None:
    assert len(timers(project, PATCHMILL_CANARY=wanted)) == count


@pytest.mark.parametrize("canary", ["{enable: true, everyMinutes: 7}", "{enable: 1}", "{every: 5}"])
def test_what_is_no_canary_is_refused_by_name(project: Project, canary: str) -> None:
    project.change(SWITCH, canary, LOCAL)
    assert "canary" in "\n".join(project.faults())
