"""A real terminal for the command: a pseudo-terminal of a fixed size, whose keys the test presses."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Terminal:
    """The command's end is `inside` (None once it has been given away)."""

    def __init__(self, rows: int, columns: int) -> None:
        self._outside, self.inside = pty.openpty()
        fcntl.ioctl(self.inside, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._shown = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def start(self, start: Callable[..., subprocess.Popen[bytes]], *arguments: str) -> subprocess.Popen[bytes]:
        process = start(*arguments, stdin=self.inside, stdout=self.inside, stderr=self.inside)
        self._reader.start()
        return process

    def _read(self) -> None:
        try:
            while data := os.read(self._outside, 65536):
                self._shown.extend(data)
        except OSError:  # Linux: the other end has closed
            return

    @property
    def shown(self) -> str:
        return self._shown.decode(errors="replace")

    def wait_for(self, text: str, timeout_s: float = 20) -> None:
        give_up = time.monotonic() + timeout_s
        while text not in self.shown:
            assert time.monotonic() < give_up, f"{text!r} never came: {self.shown[-2000:]!r}"
            time.sleep(0.02)

    def press(self, keys: bytes) -> None:
        os.write(self._outside, keys)

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.inside)[3] & termios.ECHO)

    def close(self) -> None:
        os.close(self.inside)
        self._reader.join(5)
        os.close(self._outside)


@contextmanager
def terminal(rows: int = 20, columns: int = 120) -> Iterator[Terminal]:
    each = Terminal(rows, columns)
    try:
        yield each
    finally:
        each.close()
