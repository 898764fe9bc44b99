"""Each kind is killed before every one of its calls, run again, and must come to the same end; so with faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployer.context import Context
from deployer.kinds.bucket import BucketKind
from deployer.kinds.logs import LogsKind
from deployer.kinds.role import RoleKind
from deployer.kinds.secret import SecretKind
from deployer.kinds.topic import TopicKind
from deployer.model import Kind
from emulator.api.faults import FaultRates
from tests.support.deployer_stage import Stage, deployed_to

KINDS: list[Callable[[Context], Kind]] = [BucketKind, LogsKind, RoleKind, SecretKind, TopicKind]
TRIES = 12


class Killed(BaseException):
    """The deployer's process ends here."""


def dying(stage: Stage, at: int) -> Callable[[str, str, dict[str, Any]], None]:
    """Ends the process before its so-and-so-many-th request."""
    sent = [0]

    def record(service: str, action: str, params: dict[str, Any]) -> None:
        sent[0] += 1
        if sent[0] == at:
            raise Killed(f"{service} {action}")

    return record


def survived(stage: Stage, work: Callable[[], object], at: int) -> bool:
    """False: the work died at that request."""
    stage.record = dying(stage, at)
    try:
        work()
    except Killed:
        return False
    finally:
        stage.record = None
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_apply_comes_to_the_same_end_wherever_it_is_killed(kind: Callable[[Context], Kind], tmp_path: Path) -> None:
    with deployed_to(tmp_path) as stage:
        at, done = 0, False
        while not done:
            at += 1
            stage.destroy(kind)
            done = survived(stage, lambda: stage.apply(kind), at)
            stage.apply(kind)
            assert not stage.plan(kind) and not stage.orphans(kind), f"killed at request {at}"
    assert at > 4


@pytest.mark.parametrize("kind", KINDS)
def test_destroy_comes_to_the_same_end_wherever_it_is_killed(kind: Callable[[Context], Kind], tmp_path: Path) -> None:
    with deployed_to(tmp_path) as stage:
        at, done = 0, False
        while not done:
            at += 1
            stage.apply(kind)
            done = survived(stage, lambda: stage.destroy(kind), at)
            stage.destroy(kind)
            assert all(step.action == "create" for step in stage.plan(kind)), f"killed at request {at}"
            assert not stage.orphans(kind)
    assert at > 3


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not BucketKind])
def test_faults_after_success_and_throttling_change_nothing(kind: Callable[[Context], Kind], tmp_path: Path) -> None:
    with deployed_to(tmp_path) as stage:
        for seed in range(6):
            stage.api.faults.set(FaultRates(throttle=0.2, after=0.2, seed=seed))
            stage.apply(kind, TRIES)
            stage.api.faults.set(FaultRates())
            assert not stage.plan(kind) and not stage.orphans(kind)
            stage.api.faults.set(FaultRates(throttle=0.2, after=0.2, seed=seed))
            stage.destroy(kind, TRIES)
            stage.api.faults.set(FaultRates())
            assert all(step.action == "create" for step in stage.plan(kind))
