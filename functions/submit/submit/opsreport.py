"""Sums of minutes → the series and quantiles of the operations page. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from patchmill import phases
from patchmill.adapters.statmoves import bound_text
from patchmill.adapters.stats import Minute
from patchmill.task import iso

MAX_POINTS = 240
MAX_MINUTES = 1440

_ENDS = {"COMPLETED": "completed", "FAILED": "failed", "CANCELLED": "cancelled"}
_BOUNDS = {bound_text(bound): bound for bound in phases.BOUNDS}
Histogram = dict[float, int]


class Window:
    """The last `minutes` minutes, `now` in the last of them, cut into at most MAX_POINTS equal pieces."""

    def __init__(self, now: datetime, minutes: int) -> None:
        self.step = timedelta(minutes=math.ceil(minutes / MAX_POINTS))
        self.count = math.ceil(timedelta(minutes=minutes) / self.step)
        self.start = now.replace(second=0, microsecond=0) + timedelta(minutes=1) - self.step * self.count

    def starts(self) -> list[datetime]:
        return [self.start + self.step * number for number in range(self.count)]

    def piece(self, minute: datetime) -> int | None:
        """None for a minute that is outside: clocks of function and database differ."""
        number = (minute - self.start) // self.step
        return number if 0 <= number < self.count else None


def throughput(window: Window, minutes: Iterable[Minute]) -> list[dict[str, Any]]:
    """How many tasks ended, and how, in each piece."""
    points: list[dict[str, Any]] = [{"t": iso(at), **dict.fromkeys(_ENDS.values(), 0)} for at in window.starts()]
    for minute in minutes:
        piece, end = window.piece(minute.at), _ENDS.get(minute.labels.get("status", ""))
        if minute.name == "tasks_ended_total" and end and piece is not None:
            points[piece][end] += minute.value
    return points


def success_rate(points: Iterable[dict[str, Any]]) -> float | None:
    """COMPLETED among COMPLETED and FAILED; None when there was neither."""
    completed = failed = 0
    for point in points:
        completed, failed = completed + point["completed"], failed + point["failed"]
    return round(completed / (completed + failed), 4) if completed + failed else None


def phase_times(window: Window, minutes: Iterable[Minute]) -> dict[str, Any]:
    """For each phase median and 95th percentile of the window and of each piece, in seconds."""
    found: dict[str, list[Histogram]] = {
        phase: [defaultdict(int) for _ in range(window.count)] for phase in phases.PHASES
    }
    for minute in minutes:
        if minute.name != "phase_seconds_bucket":
            continue
        piece, bound = window.piece(minute.at), _BOUNDS.get(minute.labels.get("le", ""))
        series = found.get(minute.labels.get("phase", ""))
        if series is not None and bound is not None and piece is not None:
            series[piece][bound] += minute.value
    return {phase: _phase(window, series) for phase, series in found.items()}


def _phase(window: Window, series: Sequence[Histogram]) -> dict[str, Any]:
    whole: Histogram = defaultdict(int)
    for histogram in series:
        for bound, count in histogram.items():
            whole[bound] += count
    starts = window.starts()
    return {**_times(whole), "series": [{"t": iso(at), **_times(h)} for at, h in zip(starts, series, strict=True)]}


def _times(histogram: Histogram) -> dict[str, Any]:
    count = sum(histogram.values())
    return {"p50_s": quantile(histogram, 0.5), "p95_s": quantile(histogram, 0.95), "count": count}


def quantile(histogram: Histogram, part: float) -> float | None:
    """As Prometheus' histogram_quantile: even within a bucket; in the last one its lower end. None when empty."""
    wanted = part * sum(histogram.values())
    low = below = 0.0
    for bound in phases.BOUNDS:
        count = histogram.get(bound, 0)
        if count and below + count >= wanted:
            high = low if math.isinf(bound) else bound
            return round(low + (high - low) * (wanted - below) / count, 3)
        low, below = (low if math.isinf(bound) else bound), below + count
    return None


def errors(window: Window, minutes: Iterable[Minute]) -> dict[str, int]:
    """Errors of each function within the window."""
    found: dict[str, int] = {}
    for minute in minutes:
        if minute.name == "function_errors_total" and window.piece(minute.at) is not None:
            function = minute.labels.get("function", "")
            found[function] = found.get(function, 0) + minute.value
    return found
