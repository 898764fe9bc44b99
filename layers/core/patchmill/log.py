"""Logs: one JSON line per event on stdout, which the platform stores. No secret, prompt or presigned URL goes in."""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def info(event: str, **fields: Any) -> None:
    _write("info", event, fields)


def warning(event: str, **fields: Any) -> None:
    _write("warning", event, fields)


def error(event: str, **fields: Any) -> None:
    _write("error", event, fields)


def _write(level: str, event: str, fields: dict[str, Any]) -> None:
    line = {"ts": round(time.time(), 3), "level": level, "event": event, **fields}
    sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()
