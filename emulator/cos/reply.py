"""Answers: status, headers and body in, a starlette response out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from datetime import datetime, timezone
from email.utils import formatdate
from typing import BinaryIO

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from emulator.cos.bodies import BLOCK
from emulator.cos.store import Stored
from emulator.cos.xml import Children, document


def reply(status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Response:
    """Header values go out as the UTF-8 bytes they came in as (starlette itself only takes latin-1)."""
    return with_headers(Response(body, status), headers or {})


def xml_reply(root: str, children: Children) -> Response:
    return Response(document(root, children), media_type="application/xml")


def with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    """Add or replace headers.

    Names are spelt as COS spells them: the SDK makes plain dictionaries of them, and its users ask for ["ETag"].
    """
    new = {_spelling(name): value.encode(errors="surrogateescape") for name, value in headers.items()}
    old = {_spelling(name.decode("latin-1")): value for name, value in response.raw_headers}
    response.raw_headers = list({**old, **new}.items())
    return response


def _spelling(name: str) -> bytes:
    name = name.lower()
    if name == "etag":
        return b"ETag"
    return (name if name.startswith("x-cos-") else name.title()).encode("latin-1")


class FileReply(StreamingResponse):
    """`length` bytes of a file from where it stands. Closes the file, also when the client goes away."""

    def __init__(self, file: BinaryIO, length: int, status: int, threads: Executor) -> None:
        super().__init__(_blocks(file, length, threads), status)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


async def _blocks(file: BinaryIO, length: int, threads: Executor) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    while length > 0 and (block := await loop.run_in_executor(threads, file.read, min(BLOCK, length))):
        length -= len(block)
        yield block


def described(stored: Stored) -> dict[str, str]:
    """The headers that go with an object on GET and HEAD."""
    return {
        **stored.headers,
        "etag": stored.etag,
        "last-modified": http_date(stored.modified),
        "accept-ranges": "bytes",
    }


def http_date(milliseconds: int) -> str:
    return formatdate(milliseconds / 1000, usegmt=True)


def iso_date(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
