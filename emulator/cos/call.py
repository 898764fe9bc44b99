"""One request, taken apart: an ASGI scope in, the bucket, key, parameters and headers it means out."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from starlette.requests import Request
from starlette.types import Receive, Scope

from emulator.cos.auth import FIELDS, Signed, read_signature
from emulator.cos.bodies import BLOCK, Draft
from emulator.cos.errors import CosError
from emulator.cos.store import Headers, Store, Stored
from emulator.events import ObjectEvent

T = TypeVar("T")

MAX_BODY = 5 << 30  # bytes of one PUT: https://cloud.tencent.com/document/product/436/14518
_MAX_XML = 2 << 20
_MAX_KEY = 850  # bytes
# EnableOldDomain=False of the SDK gives the tencentcos.cn names.
_BUCKET_HOST = re.compile(r"([a-z0-9-]+)\.cos(?:-internal)?\.([a-z0-9-]+)\.(?:myqcloud\.com|tencentcos\.cn)")
_SERVICE_HOST = re.compile(r"(?:service\.)?cos(?:\.[a-z0-9-]+)?\.(?:myqcloud\.com|tencentcos\.cn)")


@dataclass(frozen=True)
class Services:
    """What the server works with."""

    store: Store
    on_event: Callable[[ObjectEvent], None]
    region: str
    threads: Executor


@dataclass(frozen=True)
class Address:
    """Which thing of COS a URL names. `bucket` is empty for the service itself, `key` for a bucket."""

    bucket: str
    key: str


def new_id() -> str:
    """A request id of the usual form: base64 of time and a few numbers in hex."""
    text = f"{int(time.time()):x}_{secrets.token_hex(4)}_{secrets.token_hex(2)}_{secrets.token_hex(4)}"
    return base64.b64encode(text.encode()).decode()


@dataclass(frozen=True)
class Call:
    """A request. Header names are lower case; `params` is the decoded query without the signature."""

    services: Services
    method: str
    address: Address
    headers: Headers
    params: dict[str, str]
    signature: dict[str, str]
    source_ip: str
    stream: Callable[[], AsyncIterator[bytes]]
    request_id: str = field(default_factory=new_id)

    @property
    def bucket(self) -> str:
        return self.address.bucket

    @property
    def key(self) -> str:
        return self.address.key

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def signed(self) -> Signed:
        return Signed(self.method, f"/{self.key}", self.headers, self.params, self.signature)

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work on a thread of our own pool: the loop's default one is shared with slower parts."""
        return await asyncio.get_running_loop().run_in_executor(self.services.threads, work)

    async def save(self, commit: Callable[[Draft], T]) -> T:
        """Stream the request's body into a draft, check it, and commit it. A failure leaves nothing behind."""
        draft = self.store.bodies.draft()
        try:
            tail = await self._fill(draft)

            def finish() -> T:
                draft.write(tail)
                self.check_md5(draft.md5)
                return commit(draft)

            return await self.run(finish)
        except Exception:
            self.services.threads.submit(draft.discard)
            raise

    async def _fill(self, draft: Draft) -> bytearray:
        """Write whole blocks as they come; what is left over is returned, so that a small body is one hop."""
        if "content-length" not in self.headers and "transfer-encoding" not in self.headers:
            raise CosError("MissingContentLength", "You must provide the Content-Length HTTP header.")
        if int(self.headers.get("content-length", "0")) > MAX_BODY:
            raise CosError("EntityTooLarge", f"A body may have at most {MAX_BODY} bytes.")
        block = bytearray()
        async for chunk in self.stream():
            block += chunk
            if len(block) >= BLOCK:
                full, block = block, bytearray()
                await self.run(partial(draft.write, full))
                if draft.size > MAX_BODY:
                    raise CosError("EntityTooLarge", f"A body may have at most {MAX_BODY} bytes.")
        return block

    async def read_xml(self) -> bytes:
        """A small body, whole. Raises CosError XMLSizeLimit, InvalidDigest, BadDigest."""
        body = bytearray()
        async for chunk in self.stream():
            body += chunk
            if len(body) > _MAX_XML:
                raise CosError("XMLSizeLimit", f"The document has more than {_MAX_XML} bytes.")
        self.check_md5(hashlib.md5(body, usedforsecurity=False).digest())
        return bytes(body)

    def check_md5(self, digest: bytes) -> None:
        """Raises CosError InvalidDigest, BadDigest when a Content-MD5 was sent and isn't the body's."""
        sent = self.headers.get("content-md5")
        if sent is None:
            return
        try:
            claimed = base64.b64decode(sent, validate=True)
        except ValueError:
            claimed = b""
        if len(claimed) != len(digest):
            raise CosError("InvalidDigest", "The Content-MD5 you specified is not the base64 of an MD5.")
        if claimed != digest:
            raise CosError("BadDigest", "The Content-MD5 you specified did not match what we received.")

    def emit(self, name: str, stored: Stored) -> None:
        """Tell that an object changed. The last step before the answer: an unanswered client tries again."""
        headers = {k: v for k, v in stored.headers.items() if k.startswith("x-cos-meta-")}
        headers["Content-Type"] = stored.headers["content-type"]
        headers = {k: v.encode(errors="surrogateescape").decode(errors="replace") for k, v in headers.items()}
        headers["x-cos-request-id"] = self.request_id
        self.services.on_event(
            ObjectEvent(self.bucket, stored.key, name, stored.size, headers, self.source_ip, int(time.time()))
        )


def read_call(services: Services, scope: Scope, receive: Receive) -> Call:
    """Raises CosError InvalidURI, InvalidObjectName, KeyTooLong, NoSuchBucket (another region's host)."""
    headers = {k.decode("latin-1"): v.decode(errors="surrogateescape") for k, v in scope["headers"]}
    try:
        target = scope["raw_path"]
        if target.startswith(b"http://"):  # sent as to a proxy: the host comes before the path, and in `host` too
            target = b"/" + target.removeprefix(b"http://").partition(b"/")[2]
        path = unquote_to_bytes(target).decode()
        pairs = parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as e:
        raise CosError("InvalidURI", "The URL is not percent-encoded UTF-8.") from e
    params = dict(pairs)
    if len(params) != len(pairs):
        raise CosError("InvalidURI", "A query parameter is given twice.")
    address = locate(headers.get("host", ""), path, services.region)
    signature = read_signature(headers, params)
    own = {name: value for name, value in params.items() if name not in FIELDS}
    client = scope.get("client") or ("127.0.0.1", 0)
    stream = Request(scope, receive).stream
    return Call(services, scope["method"], address, headers, own, signature, client[0], stream)


def locate(host: str, path: str, region: str) -> Address:
    """By host name as on the platform, else the first segment of the path is the bucket (the SDK's `Domain`).

    In the second form no signature covers the bucket, as the SDK signs only what follows it: a presigned URL is then
    good for the same key of every bucket that its signer may use.
    """
    name = host.rpartition(":")[0] or host
    if any(character < " " for character in path):
        # A line feed could make one signature fit two requests; XML can carry none of them.
        raise CosError("InvalidObjectName", "A key may hold no control character.")
    key = path.removeprefix("/")
    if match := _BUCKET_HOST.fullmatch(name):
        if match[2] != region:
            raise CosError("NoSuchBucket", f"This is {region}, not {match[2]}.")
        bucket = match[1]
    elif _SERVICE_HOST.fullmatch(name):
        bucket = ""
    else:
        bucket, _, key = key.partition("/")
    if len(key.encode()) > _MAX_KEY:
        raise CosError("KeyTooLong", f"A key may have at most {_MAX_KEY} bytes.")
    return Address(bucket, key)


def resource(address: Address, region: str) -> str:
    """How error documents name a thing."""
    return f"{quote(address.bucket or 'service')}.cos.{region}.myqcloud.com/{quote(address.key)}"
