"""The log of one function: the platform's lines around what the handler prints, as seen in many public logs of SCF.

START RequestId: …            Event RequestId: …
(the handler's own lines)
Response RequestId: … RetMsg: …   END RequestId: …   Report RequestId: … Duration:3ms Memory:128MB MemUsage:10.6MB

The event itself, which some of those logs show, is left out: its headers hold the caller's key.
"""

from __future__ import annotations

import logging
from pathlib import Path

from emulator.scf import limits

_MAX_BYTES = 10 << 20
log = logging.getLogger(__name__)


class FunctionLog:
    """Appends to one file; when that is full, it becomes <name>.1 and a new one is begun."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, text: str) -> None:
        """A full disk must not stop the functions: then the lines go to the emulator's own log."""
        try:
            if self._path.exists() and self._path.stat().st_size > _MAX_BYTES:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            log.warning("%s: %s", self._path.name, error.strerror)


def begin(request_id: str) -> str:
    return f"START RequestId: {request_id}\nEvent RequestId: {request_id}\n"


def init_report(request_id: str, start_ms: float, import_ms: float) -> str:
    """The exact text is nowhere documented; the fields are (cloud.tencent.com/document/product/583/9694)."""
    return (
        f"Init Report RequestId: {request_id} Coldstart: {start_ms + import_ms:.0f}ms "
        f"(PullCode: 0ms InitRuntime: {start_ms:.0f}ms InitFunction: {import_ms:.0f}ms)\n"
    )


def end(request_id: str, answer: str, duration_ms: float, memory_mb: int, used_bytes: int) -> str:
    cut = answer if len(answer) <= limits.LOG_BYTES else answer[: limits.LOG_BYTES] + "…"
    return (
        f"Response RequestId: {request_id} RetMsg: {cut}\nEND RequestId: {request_id}\n"
        f"Report RequestId: {request_id} Duration:{duration_ms:.0f}ms Memory:{memory_mb}MB "
        f"MemUsage:{used_bytes / (1 << 20):.4f}MB\n"
    )
