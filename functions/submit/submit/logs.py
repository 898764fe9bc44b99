"""The agent's log from a byte on: live from the pod while it runs, from COS afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from patchmill import keys
from patchmill.services import Services
from patchmill.task import Status

MAX_CHUNK = 900 << 10  # the platform takes 6 MB of JSON, in which a byte may become six
MAX_LIVE = 32 << 20  # the runner caps its log below that


@dataclass(frozen=True)
class Chunk:
    """Text from the asked offset on; `complete` when the task has ended and nothing is left behind it."""

    text: str
    next_offset: int
    complete: bool


def read(view: dict[str, Any], offset: int, services: Services) -> Chunk:
    status = Status(view["status"])
    if status is Status.QUEUED:
        return Chunk("", offset, complete=False)
    if status.terminal:
        data = services.logs.get(
            keys.artifact(view["id"], view["attempt"], "agent.log", view["salvaged"]), MAX_CHUNK, offset
        )
        return _chunk(data or b"", offset, ended=True)
    pod = services.cluster.pod_of(keys.job_name(view["id"], view["attempt"]))
    live = services.cluster.log(pod["metadata"]["name"], "agent", min(offset + MAX_CHUNK, MAX_LIVE)) if pod else None
    return _chunk((live or b"")[offset:], offset, ended=False)


def _chunk(data: bytes, offset: int, ended: bool) -> Chunk:
    last = len(data) < MAX_CHUNK
    if not (ended and last):
        data = data[: len(data) - _cut_character(data)]
    return Chunk(data.decode("utf-8", "replace"), offset + len(data), complete=ended and last)


def _cut_character(data: bytes) -> int:
    """Bytes at the end that begin a UTF-8 character without finishing it: they belong to the next chunk."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0
