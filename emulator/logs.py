"""Reading the logs: a folder of `<service>.log` and `functions/<function>.log` files in, lines on stdout out."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

FOLLOW_S = 0.1


class NoSuchLog(Exception):
    """There is no log of that name; the text names those that there are."""


def show(folder: Path, name: str | None, lines: int, *, follow: bool) -> None:
    """Print the last lines of one log, or of all of them with their names in front. Raises NoSuchLog."""
    found = {path.stem: path for path in sorted(folder.rglob("*.log"))}
    if name is not None:
        if name not in found:
            raise NoSuchLog(f"no log of {name}; there are: {', '.join(found) or 'none yet'}")
        found = {name: found[name]}
    readers = [_Reader(path, "" if name else f"{stem}: ", lines) for stem, path in found.items()]
    while True:
        for reader in readers:
            reader.forward()
        sys.stdout.flush()
        if not follow:
            return
        time.sleep(FOLLOW_S)


class _Reader:
    """One log: prints what is new in it, whole lines only; starts over when the file was replaced."""

    def __init__(self, path: Path, prefix: str, lines: int) -> None:
        self._path, self._prefix = path, prefix
        self._file: BinaryIO = path.open("rb")
        self._rest = b""
        old = self._file.read().splitlines(keepends=True)
        self._print(b"".join(old[-lines:] if lines else []))

    def forward(self) -> None:
        self._print(self._file.read())
        if self._path.exists() and self._path.stat().st_ino != _inode(self._file):
            self._file.close()
            self._file = self._path.open("rb")

    def _print(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            print(self._prefix + line.decode("utf-8", "replace"))


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino
