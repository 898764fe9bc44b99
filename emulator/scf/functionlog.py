"""The log of one function: the platform's lines around what the handler prints, as seen in many public logs of SCF.

START RequestId: …            Event RequestId: … <event>
(the handler's own lines)
Response RequestId: … RetMsg: …   END RequestId: …   Report RequestId: … Duration:3ms Memory:128MB MemUsage:10.6MB
"""

from __future__ import annotations

from pathlib import Path

_MAX_BYTES = 10 << 20


class FunctionLog:
    """Appends to one file; when that is full, it becomes <name>.1 and a new one is begun."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, text: str) -> None:
        if self._path.exists() and self._path.stat().st_size > _MAX_BYTES:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        with self._path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)


def begin(request_id: str) -> str:
    return f"START RequestId: {request_id}\nEvent RequestId: {request_id}\n"


def init_report(request_id: str, total_ms: float, function_ms: float) -> str:
    """The exact text is nowhere documented; the fields are (cloud.tencent.com/document/product/583/9694)."""
    return (
        f"Init Report RequestId: {request_id} Coldstart: {total_ms:.0f}ms "
        f"(PullCode: 0ms InitRuntime: {total_ms - function_ms:.0f}ms InitFunction: {function_ms:.0f}ms)\n"
    )


def end(request_id: str, answer: str, duration_ms: float, memory_mb: int, used_bytes: int) -> str:
    return (
        f"Response RequestId: {request_id} RetMsg: {answer}\nEND RequestId: {request_id}\n"
        f"Report RequestId: {request_id} Duration:{duration_ms:.0f}ms Memory:{memory_mb}MB "
        f"MemUsage:{used_bytes / (1 << 20):.4f}MB\n"
    )
