"""A container's output in, its log file out, in the CRI form that the API's log route reads.

Each line is `<RFC 3339 time with nanoseconds> stdout|stderr F|P <text>`; P marks a piece of a line that goes on: one
longer than 16 KiB, or the last one when it has no newline (containerd, internal/cri/io/logger.go).
"""

from __future__ import annotations

import os
import selectors
import time
from pathlib import Path
from typing import BinaryIO

_PIECE = 16 * 1024
_CHUNK = 64 * 1024


def pump(stdout: int, stderr: int, path: Path, limit: int) -> None:
    """Copy both pipes to `path` until both end, then close them. Blocks: run it in a thread.

    After `limit` bytes of output a last line says so and the rest is read and thrown away:
    the container is neither blocked nor can it fill the disk.
    """
    with path.open("ab", buffering=0) as file, selectors.DefaultSelector() as selector:
        for fd, name in ((stdout, b"stdout"), (stderr, b"stderr")):
            selector.register(fd, selectors.EVENT_READ, _Stream(name, file))
        left = limit
        while selector.get_map():
            for key, _ in selector.select():
                stream: _Stream = key.data
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    stream.end()
                elif left > 0:
                    stream.write(chunk)
                    left -= len(chunk)
                    if left <= 0:
                        stream.write(b"\n[the log of this container ends here: it has reached %d bytes]\n" % limit)


class _Stream:
    def __init__(self, name: bytes, file: BinaryIO) -> None:
        self._name, self._file, self._rest = name, file, b""

    def write(self, chunk: bytes) -> None:
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        head = b"%s %s " % (_time(), self._name)
        out = []
        for line in lines:
            while len(line) > _PIECE:
                out.append(head + b"P " + line[:_PIECE])
                line = line[_PIECE:]
            out.append(head + b"F " + line)
        while len(self._rest) > _PIECE:
            out.append(head + b"P " + self._rest[:_PIECE])
            self._rest = self._rest[_PIECE:]
        if out:
            self._file.write(b"\n".join(out) + b"\n")

    def end(self) -> None:
        if self._rest:
            self._file.write(b"%s %s P %s\n" % (_time(), self._name, self._rest))
            self._rest = b""


def _time() -> bytes:
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    return b"%s.%09dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode(), nanos)
