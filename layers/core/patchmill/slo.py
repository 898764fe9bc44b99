"""The service levels, from the canary's tasks of 30 days: availability, time to start, error budget, burn rates. Pure.

in   each canary: when it was made, started and ended, how, and when the next was to be made (its label every_minutes)
out  JSON for `/v1/ops`

A canary is good when it is COMPLETED within BOUND_S. One that ended otherwise has failed; one that took longer, or has
not ended by then, is late. One that was due and was never made is missed: MySQL did not answer, or the one before was
late. When nothing came for more than a day, the canary had been switched off.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from patchmill.task import Status, iso

WINDOW_DAYS = 30
MAX_RUNS = 45_000
"""A canary every minute of the window, and some more."""
BOUND_S = 300
AVAILABILITY_TARGET = 0.99
START_TARGET_S = 60
EVERY_MINUTES = "every_minutes"
"""The label that says when the next canary was to come."""

_BURN_HOURS = (1, 6, 24, 72)
_SWITCHED_OFF = timedelta(days=1)
_BOUND = timedelta(seconds=BOUND_S)
_SLACK = 0.5  # of the interval: a timer is never quite on time

End = Literal["good", "failed", "late", "missed", "pending"]


class Run(Protocol):
    """What is needed of a canary's task. Times are UTC without a zone."""

    @property
    def created_at(self) -> datetime: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def finished_at(self) -> datetime | None: ...
    @property
    def status(self) -> Status: ...
    @property
    def labels(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Verdict:
    """What became of the canary that was due at that time."""

    at: datetime
    end: End


def report(runs: Iterable[Run], now: datetime) -> dict[str, Any]:
    """`runs` in any order; those from before the window are left out. Quantities that nothing is known of are None."""
    start = now - timedelta(days=WINDOW_DAYS)
    known = sorted((run for run in runs if start <= run.created_at <= now), key=lambda run: run.created_at)
    verdicts = [*(Verdict(run.created_at, judge(run, now)) for run in known), *missed(known, now)]
    judged = [verdict for verdict in verdicts if verdict.end != "pending"]
    good = sum(verdict.end == "good" for verdict in judged)
    return {
        "window_days": WINDOW_DAYS,
        "canary": _canary(known, verdicts, len(judged)),
        "availability": round(good / len(judged), 5) if judged else None,
        "availability_target": AVAILABILITY_TARGET,
        "time_to_start": _time_to_start(known),
        "error_budget": _budget(len(judged), len(judged) - good),
        "burn_rates": [{"hours": hours, "rate": _burn_rate(judged, now, hours)} for hours in _BURN_HOURS],
    }


def judge(run: Run, now: datetime) -> End:
    took = (run.finished_at or now) - run.created_at
    if not run.status.terminal:
        return "late" if took > _BOUND else "pending"
    if run.status is not Status.COMPLETED:
        return "failed"
    return "late" if took > _BOUND else "good"


def missed(runs: Sequence[Run], now: datetime) -> Iterator[Verdict]:
    """The canaries that should have come between these, which are in order, and until now."""
    for number, run in enumerate(runs):
        every = _interval(run)
        following = runs[number + 1].created_at if number + 1 < len(runs) else now
        if every is None:
            continue
        was_open = min(run.finished_at or following, following)
        if following - was_open > _SWITCHED_OFF:
            following = was_open
        excused = was_open - run.created_at <= _BOUND  # slower than the timer, and still not late
        due = run.created_at + every
        while following - due > every * _SLACK:
            if not (excused and due <= was_open):
                yield Verdict(due, "missed")
            due += every


def _interval(run: Run) -> timedelta | None:
    """None when the canary does not say; then nothing is known to be missing."""
    text = run.labels.get(EVERY_MINUTES, "")
    return timedelta(minutes=int(text)) if text.isdecimal() and 0 < int(text) <= 60 else None


def _canary(runs: Sequence[Run], verdicts: Sequence[Verdict], total: int) -> dict[str, Any]:
    counts = Counter(verdict.end for verdict in verdicts)
    ends: tuple[End, ...] = ("good", "failed", "late", "missed", "pending")
    last = runs[-1] if runs else None
    return {
        "total": total,
        **{end: counts[end] for end in ends},
        "bound_s": BOUND_S,
        "last_at": iso(last.created_at) if last else None,
        "last_status": last.status.value if last else None,
    }


def _time_to_start(runs: Iterable[Run]) -> dict[str, Any]:
    """Seconds from a canary's making to its agent's start."""
    times = sorted((run.started_at - run.created_at).total_seconds() for run in runs if run.started_at)
    return {"p50_s": _quantile(times, 0.5), "p95_s": _quantile(times, 0.95), "target_s": START_TARGET_S}


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    """The nearest rank: a time that really was."""
    return round(max(0.0, ordered[math.ceil(part * len(ordered)) - 1]), 3) if ordered else None


def _budget(total: int, bad: int) -> dict[str, Any]:
    """In canaries: how many of so many may be bad. `remaining`: 1 is untouched, below 0 is overspent."""
    allowed = total * (1 - AVAILABILITY_TARGET)
    return {
        "allowed": round(allowed, 2),
        "spent": bad,
        "remaining": round(1 - bad / allowed, 4) if total else None,
    }


def _burn_rate(judged: Iterable[Verdict], now: datetime, hours: int) -> float | None:
    """At 1 the budget would be used up just at the window's end."""
    recent = [verdict.end for verdict in judged if verdict.at > now - timedelta(hours=hours)]
    if not recent:
        return None
    return round((len(recent) - recent.count("good")) / len(recent) / (1 - AVAILABILITY_TARGET), 2)
