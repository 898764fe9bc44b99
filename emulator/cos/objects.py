"""PUT, copy, GET, HEAD and DELETE of one object."""

from __future__ import annotations

import re
from contextlib import ExitStack
from functools import partial
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from emulator.cos.bodies import BLOCK
from emulator.cos.call import Address, Call, locate
from emulator.cos.conditions import span, unchanged
from emulator.cos.errors import CosError
from emulator.cos.reply import FileReply, described, iso_date, reply, with_headers, xml_reply
from emulator.cos.store import Headers, Stored

_KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_MAX_META = 2048  # bytes of all x-cos-meta-* together: https://cloud.tencent.com/document/product/436/7749
_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
RESPONSE_PARAMS = {f"response-{name}" for name in _KEPT}


def metadata(headers: Headers) -> Headers:
    """The headers of a PUT that stay with the object. Raises CosError InvalidArgument."""
    meta = {name: value for name, value in headers.items() if name.startswith("x-cos-meta-")}
    if sum(len(name) + len(value.encode(errors="surrogateescape")) for name, value in meta.items()) > _MAX_META:
        raise CosError("InvalidArgument", f"The x-cos-meta-* headers may have at most {_MAX_META} bytes.")
    kept = {name: headers[name] for name in _KEPT if headers.get(name)}
    return {"content-type": "application/octet-stream", **kept, **meta}


async def put_object(call: Call) -> Response:
    if "x-cos-copy-source" in call.headers:
        return await _copy_object(call)
    if unknown := [name for name in _CONDITIONS if name in call.headers]:
        raise CosError("NotImplemented", f"{unknown[0]} on PUT is not implemented.")
    kept = metadata(call.headers)
    stored = await call.save(lambda draft: call.store.put(call.bucket, call.key, kept, draft))
    call.emit("cos:ObjectCreated:Put", stored)
    return reply(headers={"etag": stored.etag})


async def _copy_object(call: Call) -> Response:
    source = copy_source(call)
    if call.headers.get("x-cos-copy-source-range"):
        raise CosError("NotImplemented", "Only a part of a multipart upload can be copied from a range.")
    directive = call.headers.get("x-cos-metadata-directive", "Copy")
    if directive not in ("Copy", "Replaced"):
        raise CosError("InvalidArgument", "x-cos-metadata-directive must be Copy or Replaced.")
    if source == call.address and directive == "Copy":
        raise CosError(
            "InvalidRequest", "An object can only be copied to itself with x-cos-metadata-directive Replaced."
        )
    kept = metadata(call.headers) if directive == "Replaced" else None
    stored = await call.run(partial(_copy, call, source, kept))
    call.emit("cos:ObjectCreated:Copy", stored)
    return xml_reply("CopyObjectResult", [("ETag", stored.etag), ("LastModified", iso_date(stored.modified))])


def _copy(call: Call, source: Address, kept: Headers | None) -> Stored:
    try:
        target = (call.bucket, call.key)
        return call.store.copy((source.bucket, source.key), target, kept, partial(check_source, call.headers))
    except CosError as e:
        if e.code == "NoSuchKey":
            raise CosError("NoSuchCopySource", "The source of the copy does not exist.") from e
        raise


def copy_source(call: Call) -> Address:
    """The object that x-cos-copy-source names: <bucket host>/<percent-encoded key>."""
    text, _, query = call.headers["x-cos-copy-source"].partition("?")
    if query:
        raise CosError("NotImplemented", "Copying a version of an object is not implemented.")
    host, _, path = text.removeprefix("/").partition("/")
    try:
        source = locate(host, unquote_to_bytes(path).decode(), call.services.region)
    except ValueError as e:
        raise CosError("InvalidCopySource", "x-cos-copy-source is not percent-encoded UTF-8.") from e
    if not source.bucket or not source.key:
        raise CosError("InvalidCopySource", "x-cos-copy-source must be <bucket>.cos.<region>.myqcloud.com/<key>.")
    return source


def check_source(headers: Headers, stored: Stored) -> None:
    """Raises CosError PreconditionFailed."""
    if unchanged(headers, stored, "x-cos-copy-source-"):
        raise CosError("PreconditionFailed", "At least one of the preconditions you specified did not hold.")


async def get_object(call: Call) -> Response:
    overrides = _overrides(call.params)
    return await call.run(lambda: _read(call, overrides))


def _read(call: Call, overrides: Headers) -> Response:
    """Blocking: open the object and answer with all or part of it; a small one is read at once."""
    stored, file = call.store.open(call.bucket, call.key)
    with ExitStack() as cleanup:
        cleanup.callback(file.close)
        headers = {**described(stored), **overrides}
        if unchanged(call.headers, stored):
            return reply(304, headers)
        part = span(call.headers, stored)
        first, length = part or (0, stored.size)
        status = 200
        if part:
            status, headers["content-range"] = 206, f"bytes {first}-{first + length - 1}/{stored.size}"
            file.seek(first)
        if length <= BLOCK:
            return reply(status, headers, file.read(length))
        cleanup.pop_all()
        headers["content-length"] = str(length)
        return with_headers(FileReply(file, length, status, call.services.threads), headers)


def _overrides(params: dict[str, str]) -> Headers:
    """response-content-disposition and its like. Raises CosError InvalidArgument."""
    chosen = {name.removeprefix("response-"): value for name, value in params.items() if name in RESPONSE_PARAMS}
    if any(re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) for value in chosen.values()):
        raise CosError("InvalidArgument", "A response-* parameter holds a control character.")
    return chosen


async def head_object(call: Call) -> Response:
    stored = await call.run(lambda: call.store.head(call.bucket, call.key))
    if unchanged(call.headers, stored):
        return reply(304, described(stored))
    return reply(headers={**described(stored), "content-length": str(stored.size)})


async def delete_object(call: Call) -> Response:
    removed = await call.run(lambda: call.store.delete(call.bucket, call.key))
    if removed:
        call.emit("cos:ObjectRemove:Delete", removed)
    return reply(204)
