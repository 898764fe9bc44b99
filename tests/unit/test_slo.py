from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchmill import slo
from patchmill.task import Status
from tests.support import samples

NOW = datetime(2026, 11, 24, 12, 0, 0)


@dataclass(frozen=True)
class Canary:
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    status: Status = Status.PROCESSING
    labels: Mapping[str, str] = field(default_factory=dict)


def canary(ago_min: float, took_s: float | None = 20, status: Status = Status.COMPLETED, every: str = "") -> Canary:
    """Made so many minutes ago, started after 2 s; `every` so many minutes. `took_s` None: it has not ended."""
    at, labels = NOW - timedelta(minutes=ago_min), {"every_minutes": every}
    if took_s is None:
        return Canary(at, status=Status.PROCESSING, labels=labels)
    return Canary(at, at + timedelta(seconds=2), at + timedelta(seconds=took_s), status, labels)


def every_five(first_min: int, last_min: int) -> list[Canary]:
    return [canary(minutes, every="5") for minutes in range(first_min, last_min - 1, -5)]


def test_nothing_is_known_without_canaries() -> None:
    report = slo.report([], NOW)
    assert report["availability"] is None and report["canary"]["total"] == 0 and report["canary"]["last_at"] is None
    assert report["error_budget"] == {"allowed": 0.0, "spent": 0, "remaining": None}
    assert [burn["rate"] for burn in report["burn_rates"]] == [None] * 4
    assert report["time_to_start"]["p95_s"] is None


@pytest.mark.parametrize(
    ("run", "end"),
    [
        (canary(60), "good"),
        (canary(60, 300), "good"),
        (canary(60, 301), "late"),
        (canary(60, 20, Status.FAILED), "failed"),
        (canary(60, 20, Status.CANCELLED), "failed"),
        (canary(60, None), "late"),
        (canary(4, None), "pending"),
    ],
)
def test_each_canary_is_judged(run: Canary, end: slo.End) -> None:
    assert slo.judge(run, NOW) == end
    counts = slo.report([run], NOW)["canary"]
    assert counts[end] == 1 and counts["total"] == (0 if end == "pending" else 1)


def test_a_task_can_be_judged() -> None:
    assert slo.judge(samples.task(), samples.task().created_at) == "pending"


def test_availability_budget_and_burn_rates_follow_from_the_counts() -> None:
    runs = [canary(60 * hours + 1) for hours in range(197)]
    runs += [canary(10, 20, Status.FAILED), canary(20, 400), canary(60 * 30, 20, Status.FAILED)]
    report = slo.report(runs, NOW)
    assert report["availability"] == 0.985
    assert report["error_budget"] == {"allowed": 2.0, "spent": 3, "remaining": -0.5}
    rates = {burn["hours"]: burn["rate"] for burn in report["burn_rates"]}
    assert rates[1] == pytest.approx(100 * 2 / 3, abs=0.01) and rates[24] == pytest.approx(100 * 2 / 26, abs=0.01)
    assert rates[6] > rates[24] > rates[72] > 0


def test_time_to_start_is_by_nearest_rank() -> None:
    runs = [
        Canary(NOW - timedelta(minutes=n), NOW - timedelta(minutes=n) + timedelta(seconds=n)) for n in range(1, 101)
    ]
    assert slo.report(runs, NOW)["time_to_start"] == {"p50_s": 50.0, "p95_s": 95.0, "target_s": 60}


def test_what_is_older_than_the_window_is_left_out() -> None:
    old = canary(30 * 24 * 60 + 1, 20, Status.FAILED)
    assert slo.report([old, canary(5)], NOW)["availability"] == 1.0


def test_the_newest_is_told() -> None:
    counts = slo.report([canary(5, 9, Status.FAILED), canary(10)], NOW)["canary"]
    assert (counts["last_at"], counts["last_status"]) == ("2026-11-24T11:55:00.000Z", "FAILED")


def test_canaries_on_time_miss_none() -> None:
    runs = every_five(600, 5)
    shaken = [canary(ago + (0.4 if ago % 2 else 0), every="5") for ago in range(600, 0, -5)]
    for each in (runs, shaken):
        assert slo.report(each, NOW)["canary"]["missed"] == 0


def test_an_outage_is_missed_canaries() -> None:
    report = slo.report([*every_five(600, 120), *every_five(55, 5)], NOW)
    assert report["canary"]["missed"] == 12
    assert report["canary"]["total"] == 120 and report["availability"] == 0.9
    assert [burn["rate"] for burn in report["burn_rates"]][:2] == [0.0, pytest.approx(1200 / 71, abs=0.01)]


def test_an_outage_that_goes_on_is_seen_at_once() -> None:
    assert slo.report(every_five(600, 30), NOW)["canary"]["missed"] == 5


def test_one_that_is_stuck_counts_for_all_that_it_kept_away() -> None:
    stuck = canary(3 * 24 * 60, None, every="5")
    counts = slo.report([stuck], NOW)["canary"]
    assert (counts["late"], counts["missed"]) == (1, 3 * 24 * 12 - 1)


def test_a_canary_that_was_switched_off_is_not_missed() -> None:
    report = slo.report([*every_five(5000, 3000), *every_five(60, 5)], NOW)
    assert report["canary"]["missed"] == 0 and report["availability"] == 1.0


def test_one_that_is_slower_than_its_timer_but_in_time_misses_none() -> None:
    runs = [canary(minutes, 150, every="1") for minutes in range(60, 0, -3)]
    assert slo.report(runs, NOW)["canary"]["missed"] == 0


@pytest.mark.parametrize("text", ["", "0", "-5", "x", "99999999999999"])
def test_without_an_interval_nothing_is_missed(text: str) -> None:
    assert slo.report([canary(600, every=text)], NOW)["canary"]["missed"] == 0


statuses = st.sampled_from([Status.COMPLETED, Status.FAILED, Status.CANCELLED])
canaries = st.builds(
    canary, st.floats(0.1, 50_000), st.none() | st.floats(0.1, 5000), statuses, every=st.sampled_from("15x")
)


@settings(deadline=None)
@given(st.lists(canaries, max_size=20, unique_by=lambda run: run.created_at))
def test_the_numbers_always_add_up(runs: Sequence[Canary]) -> None:
    report = slo.report(runs, NOW)
    counts = report["canary"]
    assert counts["total"] == sum(counts[end] for end in ("good", "failed", "late", "missed"))
    assert report["availability"] is None or 0 <= report["availability"] <= 1
    assert report["error_budget"]["spent"] == counts["total"] - counts["good"]
    assert all(burn["rate"] is None or 0 <= burn["rate"] <= 100 for burn in report["burn_rates"])
    for one, two in pairwise(report["burn_rates"]):
        assert one["hours"] < two["hours"]
    assert report == slo.report(runs[::-1], NOW)
