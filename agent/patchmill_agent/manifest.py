"""The last word on a run: manifest.json, made from the reports of the stages before, none of which is taken on trust.

in   fetch.json (from a volume the agent never saw) and result.json (which the agent could have forged)
out  a manifest whose fields have the right types and bounded lengths, whatever came in
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

FETCH_REASONS = frozenset({"SOURCE_ERROR", "OUT_OF_DISK", "INTERNAL"})
RUN_REASONS = frozenset(
    {
        "AGENT_ERROR",
        "TIMEOUT",
        "OUT_OF_MEMORY",
        "OUT_OF_DISK",
        "PROCESS_LIMIT",
        "BUDGET",
        "MODEL_ERROR",
        "INTERNAL",
    }
)
MESSAGE_LIMIT, SUMMARY_LIMIT = 1000, 4000  # as the reader has them
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
Report = Mapping[str, Any]


class Outcome(NamedTuple):
    """`reason` None means COMPLETED."""

    reason: str | None
    message: str

    def failed(self, reason: str, message: str) -> Outcome:
        """The same outcome with one more failure: the first reason stays, since it is the cause of the task's end."""
        if self.reason is None:
            return Outcome(reason, message)
        return Outcome(self.reason, f"{self.message}; {message}"[:MESSAGE_LIMIT])


def judge(fetch: Report | None, result: Report | None) -> Outcome:
    """What the two reports say together."""
    if fetch is None:
        return Outcome("INTERNAL", "the source's stage left no report")
    if fetch.get("ok") is not True:
        return Outcome(_one_of(fetch.get("reason"), FETCH_REASONS), text(fetch.get("message"), MESSAGE_LIMIT))
    if result is None:
        return Outcome("INTERNAL", "the agent's container left no result")
    message = text(result.get("message"), MESSAGE_LIMIT)
    if result.get("ok") is True and result.get("reason") is None:
        return Outcome(None, message)
    return Outcome(_one_of(result.get("reason"), RUN_REASONS), message)


def identity(env: Mapping[str, str]) -> dict[str, Any]:
    """Who ran what, from this container's own environment."""
    agent, model = env.get("PATCHMILL_AGENT", ""), env.get("PATCHMILL_MODEL") or None
    scripted = agent == "mini" and (model or "").startswith("scripted/")
    return {
        "task_id": env.get("PATCHMILL_TASK_ID", ""),
        "attempt": int(env.get("PATCHMILL_ATTEMPT") or 0),
        "agent": agent,
        "model": model,
        "scripted": scripted,
        "traceparent": text(env.get("TRACEPARENT"), 64) or None,
    }


def clean_result(result: Report | None, outcome: Outcome, who: Mapping[str, Any]) -> dict[str, Any]:
    """result.json as it is stored: only fields we know, in their types."""
    result = result or {}
    usage = result.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return {
        "v": 1,
        "ok": outcome.reason is None,
        "reason": outcome.reason,
        "message": outcome.message,
        "exit_code": number(result.get("exit_code"), -255, 255),
        "agent": who["agent"],
        "model": who["model"],
        "scripted": who["scripted"],
        "started_at": time(result.get("started_at")),
        "finished_at": time(result.get("finished_at")),
        "usage": {
            key: number(usage.get(key), 0, 1 << 50) or 0 for key in ("model_calls", "input_tokens", "output_tokens")
        },
        "summary": text(result.get("summary"), SUMMARY_LIMIT),
    }


def build(
    result: Mapping[str, Any],
    who: Mapping[str, Any],
    fetch: Report | None,
    patch: Mapping[str, int],
    artifacts: list[dict[str, Any]],
    stages: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """The manifest from a cleaned result and what was uploaded."""
    fetch = fetch or {}
    commit = fetch.get("commit")
    known = ("message", "reason", "exit_code", "started_at", "finished_at", "usage", "summary")
    return {
        "v": 1,
        "status": "COMPLETED" if result["ok"] else "FAILED",
        **who,
        **{key: result[key] for key in known},
        "base": {
            "commit": commit if isinstance(commit, str) and re.fullmatch(r"[0-9a-f]{40,64}", commit) else None,
            "files": number(fetch.get("files"), 0, 1 << 50) or 0,
        },
        "patch": dict(patch),
        "stages": {name: dict(times) for name, times in stages.items()},
        "artifacts": artifacts,
    }


def stages(
    fetch: Report | None, result: Mapping[str, Any], started_at: str, finished_at: str
) -> dict[str, dict[str, str]]:
    """When each container worked. The agent says its own times: they count as far as they lie between the others'.

    `result`: a cleaned one. `started_at`, `finished_at`: of the delivery.
    """
    found = {}
    begun, fetched = (time((fetch or {}).get(name)) for name in ("started_at", "finished_at"))
    if begun and fetched:
        found["fetch"] = {"started_at": begun, "finished_at": fetched}
    if result["started_at"] and fetched and (fetch or {}).get("ok") is True:
        # Texts of one form: they sort as the times do.
        start = min(max(result["started_at"], fetched), started_at)
        end = min(max(result["finished_at"] or started_at, start), started_at)
        found["agent"] = {"started_at": start, "finished_at": end}
    found["deliver"] = {"started_at": started_at, "finished_at": finished_at}
    return found


def seconds(stage: Mapping[str, str]) -> float:
    """How long a stage took."""
    start, end = (datetime.strptime(stage[name], "%Y-%m-%dT%H:%M:%S.%fZ") for name in ("started_at", "finished_at"))
    return round((end - start).total_seconds(), 3)


def text(value: object, limit: int) -> str:
    return value.encode("utf-8", "replace").decode()[:limit] if isinstance(value, str) else ""


def number(value: object, least: int, most: int) -> int | None:
    return value if type(value) is int and least <= value <= most else None


def time(value: object) -> str | None:
    if not (isinstance(value, str) and value.isascii() and _TIME.fullmatch(value)):
        return None
    try:
        datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return None  # the form is right, but there is no such day or hour
    return value


def _one_of(value: object, known: frozenset[str]) -> str:
    return value if isinstance(value, str) and value in known else "INTERNAL"
