"""GET /metrics, for administrators: Prometheus text of the counters, at the same cost however many tasks there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import falcon

from patchmill import VERSION, phases
from patchmill.adapters.statmoves import bound_text
from patchmill.adapters.stats import Counter, Queue
from submit.resources import Resource, need_admin

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_COUNTERS = {
    "tasks_submitted_total": ("Tasks accepted.", ("source", "agent")),
    "tasks_ended_total": ("Tasks that came to their end.", ("status", "reason", "agent")),
    "attempts_total": ("Attempts that ended; LOST: given up for another one.", ("outcome",)),
    "dead_letters_total": ("Records that could never be worked on, and were parked.", ()),
    "function_errors_total": ("Errors that left a function's handler, or were answered by 500.", ("function",)),
    "canary_tasks_ended_total": ("The canary's tasks, which are in no other number.", ("status",)),
}
_GAUGES = {
    "tasks_queued": "Tasks that wait for their Job.",
    "tasks_running": "Tasks whose Job is made or runs.",
}


class Metrics(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        need_admin(request)
        counters, queue = self.services.stats.counters(), self.services.stats.queue()
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(counters, queue))
        response.content_type = CONTENT_TYPE_LATEST
        response.text = generate_latest(registry).decode()


class _Collector:
    """What prometheus_client asks for the metrics of one scrape."""

    def __init__(self, counters: list[Counter], queue: Queue) -> None:
        self._counters, self._queue = counters, queue

    def collect(self) -> Iterator[Metric]:
        yield from _counters(self._counters)
        yield from _gauges(self._counters, self._queue)
        yield _phases(self._counters)


def _counters(counters: list[Counter]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    for name, (text, labels) in _COUNTERS.items():
        family = CounterMetricFamily(f"patchmill_{name}", text, labels=labels)
        found = _of(name, counters)
        for counter in found:
            family.add_metric([counter.labels.get(label, "") for label in labels], counter.value)
        if not (found or labels):
            family.add_metric([], 0)
        yield family


def _gauges(counters: list[Counter], queue: Queue) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    for name, text in _GAUGES.items():
        now = sum(counter.value for counter in _of(name, counters))
        yield GaugeMetricFamily(f"patchmill_{name}", text, value=max(0, now))
    yield GaugeMetricFamily(
        "patchmill_queue_oldest_seconds", "How long the task that waits longest has waited.", value=queue.oldest_s
    )
    beats = {counter.labels["name"]: counter.value / 1000 for counter in _of("beat", counters)}
    heartbeat = GaugeMetricFamily(
        "patchmill_heartbeat_timestamp_seconds", "When periodic work was last done.", labels=["name"]
    )
    for name, at in sorted(beats.items()):
        heartbeat.add_metric([name], at)
    yield heartbeat
    yield GaugeMetricFamily(
        "patchmill_sweep_last_run_timestamp_seconds",
        "When the sweep last ended; 0: never.",
        value=beats.get("sweep", 0),
    )
    build = GaugeMetricFamily("patchmill_build_info", "The version that answers.", labels=["version"])
    build.add_metric([VERSION], 1)
    yield build


def _phases(counters: list[Counter]) -> Metric:
    """Buckets are kept each for itself, and told as Prometheus wants them: each with all that are below it."""
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily("patchmill_phase_seconds", "How long the phases of attempts took.", labels=["phase"])
    counted = {(c.labels["phase"], c.labels["le"]): c.value for c in _of("phase_seconds_bucket", counters)}
    sums = {c.labels["phase"]: c.value / 1000 for c in _of("phase_milliseconds_sum", counters)}
    bounds = [bound_text(bound) for bound in phases.BOUNDS]
    for phase in phases.PHASES:
        below = itertools.accumulate(counted.get((phase, bound), 0) for bound in bounds)
        family.add_metric([phase], list(zip(bounds, below, strict=True)), sums.get(phase, 0.0))
    return family


def _of(name: str, counters: Iterable[Counter]) -> list[Counter]:
    return [counter for counter in counters if counter.name == name]
