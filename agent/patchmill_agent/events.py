"""Lines about the pod's own work: one JSON object each, on the stdout of `fetch` and `deliver`.

in   PATCHMILL_TASK_ID, PATCHMILL_ATTEMPT, PATCHMILL_TENANT, TRACEPARENT
out  {"ts", "level", "event", "stage", "task", "attempt", "tenant", "trace_id", …}; an end carries "duration_s"

The stdout of `run` is the agent's log, byte for byte, so what there is to say of the agent is said by `deliver`. No
prompt, URL or key is among the fields.
"""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

MAX_TEXT = 1000
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class Events:
    """The lines of one container."""

    def __init__(self, stage: str, env: Mapping[str, str]) -> None:
        self._started = time.monotonic()
        self.started_at = now()
        trace = _TRACE.fullmatch(env.get("TRACEPARENT", ""))
        attempt = env.get("PATCHMILL_ATTEMPT", "")
        known = {
            "stage": stage,
            "task": env.get("PATCHMILL_TASK_ID"),
            "attempt": int(attempt) if attempt.isascii() and attempt.isdigit() else None,
            "tenant": env.get("PATCHMILL_TENANT"),
            "trace_id": trace[1] if trace else None,
        }
        self._known = {name: value for name, value in known.items() if value}

    def say(self, event: str, level: str = "info", **fields: Any) -> None:
        line = {"ts": round(time.time(), 3), "level": level, "event": event, **self._known, **fields}
        short = {name: value[:MAX_TEXT] if isinstance(value, str) else value for name, value in line.items()}
        text = json.dumps({name: value for name, value in short.items() if value is not None}, ensure_ascii=False)
        print(text.encode("utf-8", "replace").decode(), flush=True)

    def end(self, event: str, level: str = "info", **fields: Any) -> None:
        """The same for what this container was there for, with how long it took, in seconds."""
        self.say(event, level, **fields, duration_s=round(time.monotonic() - self._started, 3))


def where(error: BaseException) -> str:
    """The kind of a fault of ours and the lines that it came by; never its text, which may quote anything."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return f"{type(error).__name__} at {' < '.join(f'{Path(f.filename).name}:{f.lineno}' for f in reversed(frames))}"


def now() -> str:
    """RFC 3339 in UTC with milliseconds: the form of every time in a report."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
