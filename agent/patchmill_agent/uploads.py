"""The task's artifacts on their way to object storage, each remembered with its size and digests for the manifest.

in   PATCHMILL_UPLOADS, JSON {"<name>": presigned PUT}, and a file or bytes per name
out  the objects; `artifacts` lists those that arrived
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from patchmill_agent.jsonfile import open_regular
from patchmill_agent.transfer import Client

_CHUNK = 1 << 20


class Uploads:
    """One connection for all. A name without a URL was not asked for and is passed over."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls, self._client = urls, Client()
        self.artifacts: list[dict[str, Any]] = []

    def add(self, name: str, content: bytes) -> None:
        """Store a small artifact. Raises TransferError."""
        if name in self._urls:
            self._client.put(name, self._urls[name], content, len(content))
            self._remember(name, len(content), hashlib.sha256(content), hashlib.md5(content, usedforsecurity=False))

    def add_file(self, name: str, path: Path, limit: int) -> None:
        """Store the first `limit` bytes of a regular file; there being none is no error. Raises TransferError."""
        if name not in self._urls:
            return
        try:
            file = open_regular(path)
        except OSError:
            return
        with file:
            size, sha256, md5 = _digest(file, limit)
            self._client.put(name, self._urls[name], _Part(file, size), size)  # type: ignore[arg-type]
        self._remember(name, size, sha256, md5)

    def finish(self, manifest: bytes) -> None:
        """Store the manifest, after which the run counts. Tries for longer than the others. Raises TransferError."""
        self._client.put("manifest.json", self._urls.get("manifest.json", ""), manifest, len(manifest), tries=8)

    def _remember(self, name: str, size: int, sha256: Any, md5: Any) -> None:
        self.artifacts.append({"name": name, "size": size, "sha256": sha256.hexdigest(), "md5": md5.hexdigest()})


class _Part:
    """The start of a file as http.client wants a body: `read`, and `seek` for another try."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size, self._left = file, size, size

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(min(self._left, count if count >= 0 else self._left))
        self._left -= len(data)
        return data

    def seek(self, position: int) -> None:
        self._file.seek(position)
        self._left = self._size - position


def _digest(file: BinaryIO, limit: int) -> tuple[int, Any, Any]:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    while size < limit and (chunk := file.read(min(_CHUNK, limit - size))):
        sha256.update(chunk)
        md5.update(chunk)
        size += len(chunk)
    return size, sha256, md5
