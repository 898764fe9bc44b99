"""GET /v1/ops, for administrators: how the system is, in one answer for the operations page and the terminal."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import falcon

from patchmill import slo
from patchmill.adapters.stats import Counter
from patchmill.services import Services
from patchmill.task import iso
from submit import hops, opsreport
from submit.opsreport import Window
from submit.resources import Resource, need_admin, whole_number, yes_or_no

MAX_CAUSES = 20
SLO_KEPT_S = 30.0


class Ops(Resource):
    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._slo: tuple[float, dict[str, Any]] | None = None

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        need_admin(request)
        minutes = whole_number(request, "minutes", 60, 1, opsreport.MAX_MINUTES)
        ask_hops = yes_or_no(request, "hops", False)
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        value = self._report(now, Window(now, minutes))
        if ask_hops:
            value["hops"] = hops.check(self.services)
        response.media = value

    def _report(self, now: datetime, window: Window) -> dict[str, Any]:
        stats = self.services.stats
        counters, minutes, queue = stats.counters(), stats.minutes(window.start), stats.queue()
        by_tenant = stats.running_by_tenant()
        points = opsreport.throughput(window, minutes)
        causes = self.services.dead_letters.causes(MAX_CAUSES)
        return {
            "at": iso(now),
            "queue": {"depth": queue.depth, "oldest_s": queue.oldest_s},
            "running": {"total": sum(by_tenant.values()), "by_tenant": by_tenant},
            "throughput": points,
            "success_rate": opsreport.success_rate(points),
            "phases": opsreport.phase_times(window, minutes),
            "function_errors": opsreport.errors(window, minutes),
            "dead_letters": {
                "total": sum(counter.value for counter in counters if counter.name == "dead_letters_total"),
                "by_cause": [{"cause": cause, "count": count} for cause, count in causes],
            },
            "sweep": _sweep(counters, now),
            "slo": self._service_levels(now),
        }

    def _service_levels(self, now: datetime) -> dict[str, Any]:
        """Kept for a while: it is read off thousands of tasks, and moves slowly."""
        if self._slo is None or time.monotonic() - self._slo[0] > SLO_KEPT_S:
            runs = self.services.tasks.canary_runs(now - timedelta(days=slo.WINDOW_DAYS), slo.MAX_RUNS)
            self._slo = time.monotonic(), slo.report(runs, now)
        return self._slo[1]


def _sweep(counters: list[Counter], now: datetime) -> dict[str, Any]:
    """When it last ended, and how long ago; None: never."""
    for counter in counters:
        if counter.name == "beat" and counter.labels.get("name") == "sweep":
            last = datetime.fromtimestamp(counter.value / 1000, timezone.utc).replace(tzinfo=None)
            return {"last_run": iso(last), "lag_s": round(max(0.0, (now - last).total_seconds()), 3)}
    return {"last_run": None, "lag_s": None}
