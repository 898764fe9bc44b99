"""Logs: one JSON line per event on stdout, which the platform stores. No secret, prompt or presigned URL goes in.

in   what happened, by the one who knows; who it was about comes from `event`, `bind` and `note`
out  {"ts", "level", "event", "function", "request_id", "task", "attempt", "tenant", "trace_id", …}, as far as known

A line about an event's end carries `duration_s`. Prompt text is only ever written at level debug.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

LEVELS = ("debug", "info", "warning", "error")
MAX_TEXT = 2000

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:[^/\s\"'@?#]*@)?(?P<place>[^\s\"'?#]*)(?P<rest>[?#][^\s\"']*)?", re.IGNORECASE
)
_bound: ContextVar[dict[str, Any]] = ContextVar("bound", default={})  # noqa: B039 never changed in place
_least = [LEVELS.index("info")]


def set_level(level: str) -> None:
    """Lines below `level` are left out, in this process."""
    _least[0] = LEVELS.index(level)


def debug(event: str, **fields: Any) -> None:
    """The only level at which a prompt's text may stand."""
    _write("debug", event, fields)


def info(event: str, **fields: Any) -> None:
    _write("info", event, fields)


def warning(event: str, **fields: Any) -> None:
    _write("warning", event, fields)


def error(event: str, **fields: Any) -> None:
    _write("error", event, fields)


@contextmanager
def event(trigger: str, context: object, **fields: Any) -> Iterator[None]:
    """One event of the platform: all its lines carry its request id, and its last one how long it took."""
    about = context if isinstance(context, Mapping) else {}
    started = time.monotonic()
    known = {"function": about.get("function_name"), "request_id": about.get("request_id")}
    token = _bound.set({name: value for name, value in known.items() if value})
    end = {"trigger": trigger, **fields}
    try:
        yield
    except BaseException as fault:
        said = f"{type(fault).__name__}: {fault}"[:500]
        error("failed", **end, error=said, duration_s=since(started))
        raise
    else:
        info("handled", **end, duration_s=since(started))
    finally:
        _bound.reset(token)


@contextmanager
def bind(**fields: Any) -> Iterator[None]:
    """Fields of all lines within: one record of a batch, one attempt of a sweep."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def note(**fields: Any) -> None:
    """More fields for the lines that follow, up to the end of the event or of the `bind` around."""
    _bound.set({**_bound.get(), **fields})


def function() -> str:
    """The name of the function that the event came to."""
    return str(_bound.get().get("function") or "unknown")


def since(started: float) -> float:
    """Seconds since `started`, a reading of time.monotonic()."""
    return round(time.monotonic() - started, 3)


def _write(level: str, event: str, fields: dict[str, Any]) -> None:
    if LEVELS.index(level) < _least[0]:
        return
    line = {"ts": round(time.time(), 3), "level": level, "event": event, **_bound.get(), **fields}
    clean = {name: _clean(value) for name, value in line.items() if value is not None}
    sys.stdout.write(json.dumps(clean, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def _clean(value: Any) -> Any:
    """An error's text may hold a URL, and a URL a signature or a password."""
    if isinstance(value, str):
        cut = value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "…"
        return _URL.sub(_bare, cut) if "://" in cut else cut
    if isinstance(value, (list, tuple)):
        return [_clean(each) for each in value]
    return value


def _bare(match: re.Match[str]) -> str:
    return f"{match['scheme']}{match['place']}{'?…' if match['rest'] else ''}"
