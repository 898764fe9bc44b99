"""The run's log: the same bytes to stdout (followed live) and to agent.log (kept), redacted and capped.

Offsets into the two must agree, because a client that followed the one goes on in the other.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from patchmill_agent.folders import remove
from patchmill_agent.redact import Redactor

NOTES_BYTES = 4096  # kept free below the limit for our own lines


class Log:
    """`max_bytes` bounds the whole file. After it is reached, output is counted and thrown away."""

    def __init__(self, path: Path, max_bytes: int, redactor: Redactor, stdout: int = 1) -> None:
        self._path, self._redactor, self._stdout = path, redactor, stdout
        self._max = max_bytes
        self._body_limit = max_bytes - min(NOTES_BYTES, max_bytes // 2)
        remove(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        self._size = 0
        self._fresh_line = True
        self.dropped = 0
        self.disk_full = False

    def write(self, data: bytes) -> None:
        """Output of the agent."""
        self._body(self._redactor.feed(data))

    def note(self, text: str) -> None:
        """A line of our own, on a line of its own."""
        self._body(self._redactor.flush())
        line = f"[patchmill] {self._redactor.text(text)}\n".encode()
        if not self._fresh_line:
            line = b"\n" + line
        if self._size + len(line) <= self._max:
            self._emit(line)

    def close(self) -> None:
        """End the log, and put it back where the agent removed or replaced it."""
        self._body(self._redactor.flush())
        if self.dropped:
            self.note(f"{self.dropped} more bytes of output were not kept")
        try:
            ours = os.path.samestat(os.fstat(self._file), os.lstat(self._path))
        except OSError:
            ours = False
        if not ours:
            self._restore()
        os.close(self._file)

    def _body(self, data: bytes) -> None:
        room = self._body_limit - self._size
        if data and len(data) > room and not self.dropped:
            self._emit(data[: max(room, 0)])
            self._emit(b"\n[patchmill] the log reached its limit of %d bytes and is cut here\n" % self._max)
            self.dropped = len(data) - max(room, 0)
        elif self.dropped:
            self.dropped += len(data)
        else:
            self._emit(data)

    def _emit(self, data: bytes) -> None:
        if not data or self.disk_full:
            return
        try:
            written = os.write(self._file, data)
        except OSError as error:
            self.disk_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return
        self._size += written
        self._fresh_line = data[written - 1 : written] == b"\n"
        _write_all(self._stdout, data[:written])
        if written < len(data):  # the disk filled up in the middle; try the rest, which fails if it is still full
            self._emit(data[written:])

    def _restore(self) -> None:
        remove(self._path)
        fresh = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        os.lseek(self._file, 0, os.SEEK_SET)
        while chunk := os.read(self._file, 1 << 20):
            _write_all(fresh, chunk)
        os.close(fresh)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except OSError:  # nobody reads stdout any more, or the disk is full: the run goes on
            return
