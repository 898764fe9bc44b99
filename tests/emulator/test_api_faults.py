"""Faults of the API on request: throttling, errors before and after the work, slowness."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.api.faults import FaultRates, Faults
from tests.support.api import Api, serving, trust


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as running:
        yield running


@pytest.mark.parametrize(
    ("rates", "expected", "created"),
    [
        (FaultRates(throttle=1), "RequestLimitExceeded", False),
        (FaultRates(before=1), "InternalError", False),
        (FaultRates(after=1), "InternalError", True),
    ],
)
def test_fault_happens_before_or_after_the_work(api: Api, rates: FaultRates, expected: str, created: bool) -> None:
    api.faults.set(rates)
    document = json.dumps(trust(service="scf.qcloud.com"))
    assert api.refusal("cam", "CreateRole", RoleName="r", PolicyDocument=document) == expected
    assert api.account.has_role("r") is created


def test_faults_come_at_their_rate_and_the_same_with_the_same_seed() -> None:
    def fates() -> list[bool]:
        faults = Faults(FaultRates(throttle=0.2, seed=7))
        return [faults.next().throttle for _ in range(500)]

    assert fates() == fates()
    assert 60 < sum(fates()) < 140


def test_slow_api_takes_its_time(api: Api) -> None:
    api.faults.set(FaultRates(slow_s=0.2))
    began = time.monotonic()
    api.call("cam", "GetUserAppId")
    assert time.monotonic() - began >= 0.2


def test_faults_of_a_running_api_are_set_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    with serving(faults=Faults(file=file)) as api:
        api.call("cam", "GetUserAppId")
        file.write_text('{"throttle": 1}')
        assert api.refusal("cam", "GetUserAppId") == "RequestLimitExceeded"
        file.write_text('{"throttled": 1}')
        assert api.refusal("cam", "GetUserAppId") == "RequestLimitExceeded"
        assert "throttle" in (api.faults.problem or "")
        file.unlink()
        api.call("cam", "GetUserAppId")
