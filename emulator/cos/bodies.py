"""The bytes of objects and parts: each body is one file with a random name, written once and never changed.

A body means nothing until the index names it. So it needs no rename: what a killed emulator leaves half-written is a
file that nobody names, and `sweep` removes it at the next start. Keys never become file names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Container
from pathlib import Path
from typing import BinaryIO

BLOCK = 1 << 20  # bytes moved at once: what one request may hold in memory


class Draft:
    """A body being written. Blocking: use it on a worker thread. `keep` or `discard` ends it."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self.size = 0
        self._path = folder / self.name
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._file: BinaryIO | None = None

    @property
    def md5(self) -> bytes:
        """The digest of what was given to `write` (`append` does not count into it)."""
        return self._md5.digest()

    def write(self, data: bytes | bytearray) -> None:
        self._md5.update(data)
        self._open().write(data)
        self.size += len(data)

    def write_from(self, source: BinaryIO, length: int) -> None:
        """Copy the next `length` bytes of a file."""
        while length > 0 and (block := source.read(min(BLOCK, length))):
            self.write(block)
            length -= len(block)

    def append(self, source: BinaryIO) -> None:
        """Copy a whole file to the end."""
        target = self._open()
        shutil.copyfileobj(source, target, BLOCK)
        self.size = target.tell()

    def keep(self) -> None:
        """Bring the bytes and the file's name to the disk."""
        file = self._open()
        file.flush()
        os.fsync(file.fileno())
        file.close()
        _sync_folder(self._path.parent)

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("xb")
        return self._file


class Bodies:
    """A folder of bodies."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def draft(self) -> Draft:
        return Draft(self._folder)

    def path(self, name: str) -> Path:
        return self._folder / name

    def open(self, name: str) -> BinaryIO:
        """Raises FileNotFoundError when it was removed."""
        return (self._folder / name).open("rb")

    def link(self, name: str) -> str:
        """A second name for the same bytes: a copy that costs nothing, as bodies never change."""
        copy = uuid.uuid4().hex
        os.link(self._folder / name, self._folder / copy)
        _sync_folder(self._folder)
        return copy

    def remove(self, *names: str) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def sweep(self, used: Container[str]) -> None:
        """Remove what a killed emulator left behind."""
        for entry in os.scandir(self._folder):
            if entry.name not in used:
                Path(entry.path).unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
