"""Multipart uploads over HTTP: create, parts, lists, complete, abort."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from starlette.responses import Response

from emulator.cos import uploads
from emulator.cos.call import Call, resource
from emulator.cos.conditions import span
from emulator.cos.errors import CosError
from emulator.cos.objects import check_source, copy_source, metadata
from emulator.cos.reply import iso_date, reply, xml_reply
from emulator.cos.uploads import Part, Upload
from emulator.cos.xml import Children, parse


async def create_upload(call: Call) -> Response:
    kept = metadata(call.headers)
    upload = await call.run(lambda: uploads.start(call.store, call.bucket, call.key, kept))
    return xml_reply(
        "InitiateMultipartUploadResult", [("Bucket", call.bucket), ("Key", call.key), ("UploadId", upload)]
    )


async def put_part(call: Call) -> Response:
    number = whole_number(call, "partNumber", 0)
    if not 1 <= number <= 10000:
        raise CosError("InvalidArgument", "partNumber must be from 1 to 10000.")
    if "x-cos-copy-source" in call.headers:
        part = await call.run(partial(_copy_part, call, number))
        return xml_reply("CopyPartResult", [("ETag", part.etag), ("LastModified", iso_date(part.modified))])
    where = (call.store, call.bucket, call.key, call.params["uploadId"], number)
    part = await call.save(lambda draft: uploads.add_part(*where, draft))
    return reply(headers={"etag": part.etag})


def _copy_part(call: Call, number: int) -> Part:
    source = copy_source(call)
    stored, file = call.store.open(source.bucket, source.key)
    draft = call.store.bodies.draft()
    try:
        check_source(call.headers, stored)
        # An empty range is what the SDK sends for "all of it".
        first, length = span({"range": call.headers.get("x-cos-copy-source-range", "")}, stored) or (0, stored.size)
        file.seek(first)
        draft.write_from(file, length)
        return uploads.add_part(call.store, call.bucket, call.key, call.params["uploadId"], number, draft)
    except BaseException:
        draft.discard()
        raise
    finally:
        file.close()


async def list_parts(call: Call) -> Response:
    limit, marker = whole_number(call, "max-parts", 1000), whole_number(call, "part-number-marker", 0)
    upload = call.params["uploadId"]
    known = await call.run(lambda: uploads.parts(call.store, call.bucket, call.key, upload))
    later = [part for part in known if part.number > marker]
    shown = later[: min(limit, 1000)]
    content: list[tuple[str, str | Children]] = [
        ("Bucket", call.bucket),
        ("Key", encoded(call, call.key)),
        ("UploadId", upload),
        ("Owner", owner(call)),
        ("Initiator", owner(call)),
        ("StorageClass", "STANDARD"),
        ("PartNumberMarker", str(marker)),
        ("MaxParts", str(limit)),
        ("IsTruncated", str(len(shown) < len(later)).lower()),
    ]
    if shown and len(shown) < len(later):
        content.append(("NextPartNumberMarker", str(shown[-1].number)))
    content += [("Part", _part(part)) for part in shown]
    return xml_reply("ListPartsResult", content)


def _part(part: Part) -> Children:
    return [
        ("PartNumber", str(part.number)),
        ("LastModified", iso_date(part.modified)),
        ("ETag", part.etag),
        ("Size", str(part.size)),
    ]


async def complete_upload(call: Call) -> Response:
    wanted = _wanted(await call.read_xml())
    upload = call.params["uploadId"]
    stored = await call.run(lambda: uploads.complete(call.store, call.bucket, call.key, upload, wanted))
    call.emit("cos:ObjectCreated:CompleteMultipartUpload", stored)
    location = f"http://{resource(call.address, call.services.region)}"
    return xml_reply(
        "CompleteMultipartUploadResult",
        [("Location", location), ("Bucket", call.bucket), ("Key", call.key), ("ETag", stored.etag)],
    )


def _wanted(body: bytes) -> list[tuple[int, str]]:
    try:
        root = parse(body, "CompleteMultipartUpload")
        return [(int(part.findtext("PartNumber") or ""), part.findtext("ETag") or "") for part in root.iter("Part")]
    except ValueError as e:
        raise CosError("MalformedXML", f"The list of parts can't be read: {e}") from e


async def abort_upload(call: Call) -> Response:
    await call.run(lambda: uploads.abort(call.store, call.bucket, call.key, call.params["uploadId"]))
    return reply(204)


async def list_uploads(call: Call) -> Response:
    if call.params.get("delimiter"):
        raise CosError("NotImplemented", "A delimiter in the list of uploads is not implemented.")
    prefix = call.params.get("prefix", "")
    after = (call.params.get("key-marker", ""), call.params.get("upload-id-marker", ""))
    limit = min(whole_number(call, "max-uploads", 1000), 1000)
    shown, more = await call.run(lambda: uploads.unfinished(call.store, call.bucket, prefix, after, limit))
    content: list[tuple[str, str | Children]] = [
        ("Bucket", call.bucket),
        ("Prefix", encoded(call, prefix)),
        ("KeyMarker", encoded(call, after[0])),
        ("UploadIdMarker", after[1]),
        ("MaxUploads", str(limit)),
        ("IsTruncated", str(more).lower()),
    ]
    if more and shown:
        content += [("NextKeyMarker", encoded(call, shown[-1].key)), ("NextUploadIdMarker", shown[-1].id)]
    content += [("Upload", _upload(call, upload)) for upload in shown]
    return xml_reply("ListMultipartUploadsResult", content)


def _upload(call: Call, upload: Upload) -> Children:
    return [
        ("Key", encoded(call, upload.key)),
        ("UploadId", upload.id),
        ("StorageClass", "STANDARD"),
        ("Initiator", owner(call)),
        ("Owner", owner(call)),
        ("Initiated", iso_date(upload.started)),
    ]


def whole_number(call: Call, name: str, default: int) -> int:
    """A non-negative number from the query. Raises CosError InvalidArgument."""
    text = call.params.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise CosError("InvalidArgument", f"{name} must be a number.")
    return int(text)


def encoded(call: Call, text: str) -> str:
    """A key or prefix as the lists show it: percent-encoded when `encoding-type=url` was asked for."""
    return quote(text) if call.params.get("encoding-type") == "url" else text


def owner(call: Call) -> Children:
    """Everything belongs to the one account: the bucket's APPID."""
    appid = call.bucket.rpartition("-")[2]
    return [("ID", appid), ("DisplayName", appid)]
