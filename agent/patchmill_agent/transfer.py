"""Presigned PUT and GET, by http.client: `requests` would add 0.1 s to the start of two containers of every task.

in   a presigned URL and bytes or a file
out  the object stored, or the file downloaded; TransferError after the last try
"""

from __future__ import annotations

import http.client
import time
from typing import BinaryIO
from urllib.parse import urlsplit

from patchmill_agent.errors import TransferError

PASSING = frozenset({408, 429, 500, 502, 503, 504})
CHUNK = 1 << 20


class Client:
    """Keeps one connection per host, since all of a task's objects are at the same one. Not for several threads."""

    def __init__(self, timeout_s: float = 30.0) -> None:
        self._timeout_s = timeout_s
        self._connections: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def put(self, what: str, url: str, body: bytes | BinaryIO, size: int, *, tries: int = 5) -> None:
        """Store `size` bytes of `body` at `url`; network faults and 429/5xx are tried again. Raises TransferError."""
        problem = ""
        for attempt in range(tries):
            _back_off(attempt)
            if not isinstance(body, bytes):
                body.seek(0)
            try:
                response = self._request("PUT", url, body, {"Content-Length": str(size)})
                response.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                problem = type(error).__name__
                self.close()
                continue
            if response.status < 300:
                return
            problem = f"HTTP {response.status}"
            self.close()
            if response.status not in PASSING:
                break
        raise TransferError(f"{what} could not be uploaded: {problem}")

    def download(self, what: str, url: str, target: BinaryIO, limit: int, *, tries: int = 4) -> int:
        """Write what is at `url` to `target` and return its size. Raises TransferError, also above `limit` bytes."""
        problem = ""
        for attempt in range(tries):
            _back_off(attempt)
            target.seek(0)
            target.truncate()
            try:
                response = self._request("GET", url, b"", {})
                if response.status == 200:
                    return _save(what, response, target, limit)
            except (OSError, http.client.HTTPException) as error:
                problem = type(error).__name__
                self.close()
                continue
            problem = f"HTTP {response.status}"
            self.close()
            if response.status not in PASSING:
                break
        raise TransferError(f"{what} could not be downloaded: {problem}")

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _request(
        self, method: str, url: str, body: bytes | BinaryIO, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise TransferError("no HTTP address is given for an object of this task")
        key = (parts.scheme, parts.netloc)
        connection = self._connections.get(key)
        if connection is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            connection = self._connections[key] = kind(parts.netloc, timeout=self._timeout_s)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body=body or None, headers=headers)
        return connection.getresponse()


def _save(what: str, response: http.client.HTTPResponse, target: BinaryIO, limit: int) -> int:
    too_large = TransferError(f"{what} is larger than the limit of {limit} bytes")
    if (response.length or 0) > limit:
        raise too_large
    size = 0
    while chunk := response.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise too_large
        target.write(chunk)
    if response.length:  # http.client ends silently when a body with a Content-Length is cut off
        raise http.client.IncompleteRead(b"", response.length)
    target.flush()
    return size


def _back_off(attempt: int) -> None:
    if attempt:
        time.sleep(min(0.1 * 3**attempt, 5.0))
