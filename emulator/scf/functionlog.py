"""What is written about one event: the platform's lines around what the handler prints, to a file and to CLS.

START RequestId: …            Event RequestId: …
(the handler's own lines)
Response RequestId: … RetMsg: …   END RequestId: …   Report RequestId: … Duration:3ms Memory:128MB MemUsage:10.6MB

That is how many public logs of SCF look. The event itself, which some of them show, is left out: its headers hold the
caller's key. Assumed, as no text says it: IgnoreSysLog leaves out the lines Event and Response; in the log service,
SCF_Qualifier is the version that ran and SCF_Alias the alias by which it was chosen, or the version again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from emulator.scf import limits

_MAX_BYTES = 10 << 20
_MAX_RECORDS = 500
"""Of one event; what goes beyond is one record. A handler may print a megabyte of empty lines."""
_ZONE = timezone(timedelta(hours=8))
_PLATFORM = ("START ", "Event ", "Init Report ", "Response ", "END ", "Report ")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lines:
    """The platform's lines about one event; `brief` leaves out those with the event and the answer."""

    request_id: str
    brief: bool

    def begin(self) -> str:
        start = f"START RequestId: {self.request_id}\n"
        return start if self.brief else f"{start}Event RequestId: {self.request_id}\n"

    def init_report(self, start_ms: float, import_ms: float) -> str:
        """The exact text is nowhere documented; the fields are (cloud.tencent.com/document/product/583/9694)."""
        return (
            f"Init Report RequestId: {self.request_id} Coldstart: {start_ms + import_ms:.0f}ms "
            f"(PullCode: 0ms InitRuntime: {start_ms:.0f}ms InitFunction: {import_ms:.0f}ms)\n"
        )

    def end(self, answer: str, duration_ms: float, memory_mb: int, used_bytes: int) -> str:
        cut = answer if len(answer) <= limits.LOG_BYTES else answer[: limits.LOG_BYTES] + "…"
        response = "" if self.brief else f"Response RequestId: {self.request_id} RetMsg: {cut}\n"
        return (
            f"{response}END RequestId: {self.request_id}\n"
            f"Report RequestId: {self.request_id} Duration:{duration_ms:.0f}ms Memory:{memory_mb}MB "
            f"MemUsage:{used_bytes / (1 << 20):.4f}MB\n"
        )


class FunctionLog:
    """Appends to one file; when that is full, it becomes <name>.1 and a new one is begun."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        """A full disk must not stop the functions: then the lines go to the emulator's own log."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > _MAX_BYTES:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            log.warning("%s: %s", self._path.name, error.strerror)


@dataclass(frozen=True)
class Told:
    """One event that is through, as its log records tell of it."""

    namespace: str
    function: str
    qualifier: str
    alias: str
    request_id: str
    status: int
    began: float
    duration_ms: float
    used_bytes: int
    retries: int


def records(told: Told, text: str) -> Iterator[dict[str, Any]]:
    """A record with CLS's 14 fields for each line (cloud.tencent.com/document/product/583/60336)."""
    written = datetime.now(_ZONE).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    common = {
        "SCF_FunctionName": told.function,
        "SCF_Namespace": told.namespace,
        "SCF_StartTime": int(told.began * 1000),
        "SCF_LogTime": written,
        "SCF_RequestId": told.request_id,
        "SCF_Duration": round(told.duration_ms),
        "SCF_Alias": told.alias,
        "SCF_Qualifier": told.qualifier,
        "SCF_MemUsage": round(told.used_bytes / (1 << 20), 2),
        "SCF_StatusCode": told.status,
        "SCF_RetryNum": told.retries,
    }
    lines = text.splitlines()
    if len(lines) > _MAX_RECORDS:
        lines[_MAX_RECORDS:] = ["\n".join(lines[_MAX_RECORDS:])]
    for line in lines:
        ours = line.startswith(tuple(f"{word}RequestId: {told.request_id}" for word in _PLATFORM))
        level = "INFO" if told.status == 200 else "ERROR"
        yield {**common, "SCF_Level": level, "SCF_Message": line, "SCF_Type": "Platform" if ours else "Custom"}
