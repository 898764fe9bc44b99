"""Pod logs: CRI log files of the node in, what the container wrote out, once or following it as it is written.

A line of a file is `<RFC 3339 time, nanoseconds> stdout|stderr F|P <text>`; P: the text goes on in the next line.
"""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

from starlette.requests import Request
from starlette.responses import StreamingResponse

from emulator.kube.errors import BadRequest, NotFound
from emulator.kube.objects import Obj, parse_time
from emulator.kube.requests import flag, number
from emulator.kube.store import Store

_POLL_S = 0.05
_BLOCK = 256 * 1024  # bytes read at a time


@dataclass(frozen=True)
class Options:
    """The query of a log request. `since` is a time as the log file writes it; `limit` is in bytes."""

    follow: bool
    tail: int | None
    since: bytes
    timestamps: bool
    limit: int | None


def respond(store: Store, logs_root: Path, pod: Obj, request: Request) -> StreamingResponse:
    """Raises BadRequest: unknown or unnamed container, one that has not started, bad parameters."""
    container = _container(pod, request.query_params.get("container", ""))
    name = pod["metadata"]["name"]
    options = _options(request)
    if flag(request, "previous"):
        raise BadRequest(f'previous terminated container "{container}" in pod "{name}" not found')
    if not pod["spec"].get("nodeName"):
        raise BadRequest(f"pod {name} does not have a host assigned")
    waiting = _state(pod, container).get("waiting")
    if waiting:
        reason = waiting.get("reason", "ContainerCreating")
        raise BadRequest(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
    path = logs_root / pod["metadata"]["uid"] / f"{container}.log"
    return StreamingResponse(_stream(store, pod, container, path, options), media_type="text/plain")


def _container(pod: Obj, name: str) -> str:
    groups = ("containers", "initContainers")
    mains, inits = ([found["name"] for found in pod["spec"].get(group, [])] for group in groups)
    if name:
        if name not in (*mains, *inits):
            raise BadRequest(f"container {name} is not valid for pod {pod['metadata']['name']}")
        return name
    if len(mains) > 1:
        also = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
        choice = f"choose one of: [{' '.join(mains)}]{also}"
        raise BadRequest(f"a container name must be specified for pod {pod['metadata']['name']}, {choice}")
    return str(mains[0])


def _options(request: Request) -> Options:
    query = request.query_params
    seconds, since_time = number(request, "sinceSeconds", 1), query.get("sinceTime", "")
    if seconds is not None and since_time:
        raise BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
    since = b""
    if since_time:
        since = _parse_time(since_time)
    elif seconds is not None:
        since = _format_time(datetime.now(timezone.utc) - timedelta(seconds=min(seconds, 10**9)))
    limit = number(request, "limitBytes", 1)
    return Options(flag(request, "follow"), number(request, "tailLines"), since, flag(request, "timestamps"), limit)


def _parse_time(text: str) -> bytes:
    try:
        return _format_time(parse_time(text))
    except (ValueError, OverflowError):
        raise BadRequest(f"invalid value for sinceTime: {text!r} is no time as in RFC 3339") from None


def _format_time(time: datetime) -> bytes:
    """In the log file's own form, so that comparing the text compares the times."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()


def _state(pod: Obj, container: str) -> dict[str, Any]:
    status = pod.get("status", {})
    for group in ("initContainerStatuses", "containerStatuses"):
        for found in status.get(group, []):
            if found["name"] == container:
                state: dict[str, Any] = found.get("state", {})
                return state
    return {"waiting": {}} if status.get("phase") == "Pending" else {}


async def _stream(store: Store, pod: Obj, container: str, path: Path, options: Options) -> AsyncIterator[bytes]:
    left = options.limit
    async for text in _read(store, pod, container, path, options):
        if left is not None and len(text) >= left:
            yield text[:left]
            return
        left = None if left is None else left - len(text)
        yield text


async def _read(store: Store, pod: Obj, container: str, path: Path, options: Options) -> AsyncIterator[bytes]:
    ended = not options.follow
    while not path.exists():
        if ended:
            return
        ended = _has_ended(store, pod, container)
        await asyncio.sleep(_POLL_S)
    with path.open("rb") as file:
        await asyncio.to_thread(_skip_to_tail, file, options.tail)
        decoder = _Decoder(options)
        while True:
            while os.fstat(file.fileno()).st_size > file.tell():
                if text := decoder.decode(await asyncio.to_thread(file.read, _BLOCK)):
                    yield text
            if ended:
                return
            ended = _has_ended(store, pod, container)  # then what was written up to now is still read
            if not ended:
                await asyncio.sleep(_POLL_S)


def _has_ended(store: Store, pod: Obj, container: str) -> bool:
    """True when nothing more will come: the container has terminated, or the pod is gone or another one."""
    metadata = pod["metadata"]
    try:
        present = store.get("Pod", metadata["namespace"], metadata["name"])
    except NotFound:
        return True
    replaced = present["metadata"]["uid"] != metadata["uid"]
    if replaced or present.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return True
    return "terminated" in _state(present, container)


def _skip_to_tail(file: BinaryIO, lines: int | None) -> None:
    """Go to where the last `lines` lines of output begin, reading backwards."""
    size = os.fstat(file.fileno()).st_size
    if lines is None or size == 0:
        return
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
        start = content.rfind(b"\n") + 1  # a line of the file that is still being written is not counted
        found = 0
        while start > 0:
            before = content.rfind(b"\n", 0, start - 1) + 1
            if _is_whole(content[before : before + 64]):  # a line of output ends here: the next one starts behind it
                if found == lines:
                    break
                found += 1
            elif found == 0:
                found = 1  # the last line has no newline yet
                if lines == 0:
                    break
            start = before
    file.seek(start)


def _is_whole(entry: bytes) -> bool:
    return entry.split(b" ", 3)[2:3] == [b"F"]


class _Decoder:
    """Lines of the file in, the container's own bytes out."""

    def __init__(self, options: Options) -> None:
        self._since, self._timestamps = options.since, options.timestamps
        self._rest = b""
        self._at_line_start = True

    def decode(self, block: bytes) -> bytes:
        *entries, self._rest = (self._rest + block).split(b"\n")
        return b"".join(self._text(entry) for entry in entries)

    def _text(self, entry: bytes) -> bytes:
        time, _, tagged = entry.partition(b" ")
        _, _, tagged = tagged.partition(b" ")
        tag, _, text = tagged.partition(b" ")
        if time < self._since:
            return b""
        head = time + b" " if self._timestamps and self._at_line_start else b""
        self._at_line_start = tag == b"F"
        return head + text + (b"\n" if tag == b"F" else b"")
