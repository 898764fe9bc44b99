"""What the second implementation of the API says of the system and of a task's time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PHASES = ("queued", "fetch", "agent", "deliver", "collect")
SLO = {
    "window_days": 30,
    "canary": {"total": 200, "good": 199, "failed": 1, "late": 0, "pending": 1},
    "availability": 0.995,
    "availability_target": 0.99,
    "time_to_start": {"p50_s": 2.0, "p95_s": 75.0, "target_s": 60},
    "error_budget": {"allowed": 2.0, "spent": 1, "remaining": 0.5},
    "burn_rates": [{"hours": 1, "rate": 0.0}, {"hours": 72, "rate": 1.25}],
}
OPS: dict[str, Any] = {
    "at": "2026-11-24T12:00:00.000Z",
    "queue": {"depth": 3, "oldest_s": 12.5},
    "running": {"total": 5, "by_tenant": {"acme": 3, "globex": 2}},
    "throughput": [
        {"t": f"2026-11-24T11:{minute:02}:00.000Z", "completed": minute % 4, "failed": 1 if minute == 7 else 0}
        | {"cancelled": 0}
        for minute in range(60)
    ],
    "success_rate": 0.989,
    "phases": {
        name: {
            "p50_s": 0.4,
            "p95_s": 61.0,
            "count": 90,
            "series": [{"t": "", "p50_s": each / 100, "p95_s": each if each else None} for each in range(60)],
        }
        for name in PHASES
    },
    "function_errors": {"submit": 2, "dispatch": 0},
    "dead_letters": {"total": 4, "by_cause": [{"cause": "not JSON", "count": 4}]},
    "sweep": {"last_run": "2026-11-24T11:59:20.000Z", "lag_s": 40.0},
    "slo": SLO,
    "hops": [
        {"name": "mysql", "ok": True, "ms": 3.2, "detail": None},
        {"name": "kafka", "ok": False, "ms": 3000.0, "detail": "no answer in 3 s"},
    ],
}


def timeline(state: Mapping[str, Any]) -> dict[str, Any]:
    """The spans of a task, none of them in order, within one second; of one that still runs, some are open."""
    ended = state["status"] in ("COMPLETED", "FAILED", "CANCELLED")
    failed = state["status"] == "FAILED"
    begin = state["created_at"][:-5]  # without the milliseconds

    def span(number: int, parent: int | None, name: str, start: str, end: str | None, **about: Any) -> dict[str, Any]:
        return {
            "span_id": f"{number:016x}",
            "parent_span_id": f"{parent:016x}" if parent else None,
            "name": name,
            "attempt": 1,
            "start": f"{begin}{start}Z",
            "end": f"{begin}{end}Z" if end else None,
            "status": "ERROR" if about else "OK",
            "attributes": about,
        }

    about = {"error.type": "AGENT_ERROR"} if failed else {}
    spans = [
        span(1, None, "submit", ".000", ".100"),
        span(2, 1, "task", ".000", ".900" if ended else None),
        span(4, 2, "attempt 1", ".300", ".900" if ended else None),
        span(3, 2, "queued", ".000", ".300"),
        span(5, 4, "agent", ".500", ".800" if ended else None, **about),
    ]
    return {"task_id": state["id"], "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "spans": spans}
