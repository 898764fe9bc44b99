"""How long the phases of an attempt took, from its events. Pure.

A phase is measured once, when the attempt has gone through it; one that was broken off is not.

queued   until a function took the attempt for good: QUEUED → DISPATCHED
fetch    pod started, image pulled, source fetched: DISPATCHED → RUNNING_AGENT
agent    RUNNING_AGENT → UPLOADING
deliver  UPLOADING → manifest stored
collect  manifest stored → end of the task
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from datetime import datetime

from patchmill.task import Outcome, Phase

PHASES = ("queued", "fetch", "agent", "deliver", "collect")
BOUNDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, math.inf)
"""Upper ends of the histogram's buckets, in seconds."""

_AFTER_DISPATCH = [phase.value for phase in Phase if phase is not Phase.DISPATCHED]
Times = Mapping[str, datetime]


def bound_of(seconds: float) -> float:
    """The bucket that a time falls into."""
    return BOUNDS[bisect.bisect_left(BOUNDS, seconds)]


def measured(before: Times, kind: str, at: datetime) -> dict[str, float]:
    """Seconds of the phases that are over by the event `kind` of this attempt. `before`: its events until then."""
    found: dict[str, float] = {}
    if not any(name in before for name in _AFTER_DISPATCH):
        _add(found, "queued", before.get("QUEUED"), before.get("DISPATCHED"))
    if kind == "RUNNING_AGENT":
        _add(found, "fetch", before.get("DISPATCHED"), at)
    if kind == "UPLOADING":
        _add(found, "agent", before.get("RUNNING_AGENT"), at)
    return found


def measured_at_end(before: Times, recovered: Times, outcome: Outcome, at: datetime) -> dict[str, float]:
    """The same for the last event. `recovered`: events that had not come, as the pod has told them."""
    found, known = measured(before, outcome.status.value, at), dict(before)
    for kind, moment in recovered.items():
        found = {**measured(known, kind, moment), **found}
        known[kind] = moment
    if outcome.delivered_at is not None:
        delivered = _between(known.get("UPLOADING"), outcome.delivered_at, at)
        _add(found, "deliver", known.get("UPLOADING"), delivered)
        _add(found, "collect", delivered, at)
    return found


def recovered(before: Times, outcome: Outcome, at: datetime) -> dict[str, datetime]:
    """Events of the agent's start and end that never came, though the pod has delivered, in their order.

    Clocks differ: no event is before the one in front of it, or after `at`.
    """
    found: dict[str, datetime] = {}
    floor = before.get("DISPATCHED")
    if floor is None:
        return found
    for kind, moment in (("RUNNING_AGENT", outcome.started_at), ("UPLOADING", outcome.finished_at)):
        if kind in before:
            floor = before[kind]
        elif moment is not None:
            floor = found[kind] = _between(floor, moment, before.get("UPLOADING", at))
    return found


def _add(found: dict[str, float], phase: str, start: datetime | None, end: datetime | None) -> None:
    if start is not None and end is not None:
        found[phase] = max(0.0, (end - start).total_seconds())


def _between(low: datetime | None, moment: datetime, high: datetime) -> datetime:
    return min(max(moment, low) if low else moment, high)
