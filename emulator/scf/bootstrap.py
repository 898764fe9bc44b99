"""Runs inside an instance: imports the handler, then answers one event after the other. Standard library only.

argv: the number of a connected socket, and "file.function". In come frames of 4 bytes of length and a JSON object with
event, context and trigger. Out go frames of 1 byte of kind, 4 bytes of length and text: first R (ready) or F (the
handler cannot be imported; traceback), then for every event A (answer; JSON), E (error; traceback) or L (answer larger
than the platform takes; its size in bytes).
"""

# ruff: noqa: E402 the function may have a json.py of its own, which must not be ours
import sys

PATH = sys.path[1:]  # without this file's own folder
sys.path[:] = [place for place in PATH if place.startswith(sys.base_prefix)]

import json
import os
import resource
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, Any], Any]
RESPONSE_BYTES = 6 << 20
OWNER = os.getpid()


def main() -> None:
    channel, name = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(channel, False)
    sys.argv[1:] = []
    sys.path[:] = PATH
    for limit, value in ((resource.RLIMIT_NOFILE, 1024), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (value, value))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        handler = load(name)
    except BaseException as error:
        answer(channel, b"F", trace(error))
        return
    answer(channel, b"R", b"")
    while (request := receive(channel)) is not None:
        answer(channel, *call(handler, request))


def load(name: str) -> Handler:
    module, function = name.split(".")
    __import__(module)  # its traceback is free of the import system's own frames
    handler: Handler = getattr(sys.modules[module], function)
    return handler


def call(handler: Handler, request: dict[str, Any]) -> tuple[bytes, bytes]:
    if request["trigger"]:
        os.environ["TRIGGER_SRC"] = request["trigger"]
    else:
        os.environ.pop("TRIGGER_SRC", None)
    try:
        result = handler(request["event"], request["context"])
        text = json.dumps(result, ensure_ascii=False).encode("utf-8", "replace")
    except SystemExit as end:
        leave(end.code)
    except BaseException as error:
        return b"E", trace(error)
    return (b"A", text) if len(text) <= RESPONSE_BYTES else (b"L", str(len(text)).encode())


def trace(error: BaseException) -> bytes:
    """As Python prints it, without the frame of this file."""
    below = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.format_exception(type(error), error, below)).encode("utf-8", "replace")


def leave(code: object) -> None:
    """sys.exit in a handler: at once, as a thread of the handler's would otherwise keep the process."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
    flush()
    os._exit(code & 255 if isinstance(code, int) else int(code is not None))


def answer(channel: int, kind: bytes, text: bytes) -> None:
    flush()
    if os.getpid() != OWNER:
        os._exit(0)  # a child that the handler has forked: only the instance itself answers
    data = memoryview(kind + len(text).to_bytes(4, "big") + text)
    while data:
        data = data[os.write(channel, data) :]


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # the handler has closed or replaced it
            continue


def receive(channel: int) -> dict[str, Any] | None:
    """The next frame; None when the other side is gone."""
    head = read(channel, 4)
    data = read(channel, int.from_bytes(head, "big")) if head else None
    return json.loads(data) if data else None


def read(channel: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(channel, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
