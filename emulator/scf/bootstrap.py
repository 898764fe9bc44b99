"""Runs inside an instance: imports the handler, then answers one event after the other. Standard library only.

argv: the number of a connected socket, and "file.function". Frames both ways: 4 bytes of length, then JSON.
out of it first: {"ready": true} or {"failed": text}; then for each {"event", "context"}: {"result"} or {"error"}.
"""

import importlib
import json
import resource
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, Any], Any]
Frame = dict[str, Any]  # this file runs on the function's interpreter


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    sys.argv = ["index"]
    for limit, value in ((resource.RLIMIT_NOFILE, 1024), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (value, value))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        handler = load(HANDLER)
    except BaseException:
        send(channel, {"failed": traceback.format_exc()})
        return
    send(channel, {"ready": True})
    while (request := receive(channel)) is not None:
        answer = call(handler, request)
        sys.stdout.flush()
        sys.stderr.flush()
        send(channel, answer)


HANDLER = sys.argv[2] if len(sys.argv) > 2 else ""


def load(name: str) -> Handler:
    module, function = name.split(".")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


def call(handler: Handler, request: Frame) -> Frame:
    try:
        result = handler(request["event"], request["context"])
        json.dumps(result)
    except Exception as error:
        frames = traceback.format_exception(type(error), error, error.__traceback__)
        return {"error": {"type": type(error).__name__, "message": str(error), "trace": "".join(frames)}}
    return {"result": result}


def send(channel: socket.socket, frame: Frame) -> None:
    data = json.dumps(frame).encode()
    channel.sendall(struct.pack(">I", len(data)) + data)


def receive(channel: socket.socket) -> Frame | None:
    head = read(channel, 4)
    if head is None:
        return None
    data = read(channel, struct.unpack(">I", head)[0])
    frame: Frame | None = None if data is None else json.loads(data)
    return frame


def read(channel: socket.socket, count: int) -> bytes | None:
    parts = []
    while count:
        part = channel.recv(min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
