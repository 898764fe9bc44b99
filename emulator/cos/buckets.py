"""Buckets, their lists, and the deletion of many objects at once."""

from __future__ import annotations

import re

from starlette.responses import Response

from emulator.cos.call import Call
from emulator.cos.errors import CosError
from emulator.cos.listing import Entry, page
from emulator.cos.multipart import encoded, owner, whole_number
from emulator.cos.reply import iso_date, reply, xml_reply
from emulator.cos.store import Stored
from emulator.cos.subresources import tags_of_header
from emulator.cos.xml import Children, parse

# <name>-<appid>: https://cloud.tencent.com/document/product/436/13312
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-[0-9]{1,12}", re.ASCII)
_MAX_DELETED = 1000


async def list_buckets(call: Call) -> Response:
    found = await call.run(call.store.buckets)
    location = call.services.region
    shown: Children = [
        ("Bucket", [("Name", name), ("Location", location), ("CreationDate", iso_date(created)), ("BucketType", "cos")])
        for name, created in found
    ]
    appid = found[0][0].rpartition("-")[2] if found else "0"
    return xml_reply("ListAllMyBucketsResult", [("Owner", [("ID", appid), ("DisplayName", appid)]), ("Buckets", shown)])


async def create_bucket(call: Call) -> Response:
    if not _NAME.fullmatch(call.bucket):
        raise CosError(
            "InvalidBucketName", "A bucket is named <name>-<appid>, in lower case letters, digits and dashes."
        )
    if await call.read_xml():
        raise CosError("NotImplemented", "A configuration of the new bucket is not implemented.")
    tags = tags_of_header(call.headers["x-cos-tagging"]) if "x-cos-tagging" in call.headers else None
    if not await call.run(lambda: call.store.create_bucket(call.bucket, tags)):
        raise CosError("BucketAlreadyOwnedByYou", "Your previous request to create the bucket succeeded.")
    return reply()


async def head_bucket(call: Call) -> Response:
    await call.run(lambda: call.store.require_bucket(call.bucket))
    return reply(headers={"x-cos-bucket-region": call.services.region})


async def delete_bucket(call: Call) -> Response:
    await call.run(lambda: call.store.delete_bucket(call.bucket))
    return reply(204)


async def list_objects(call: Call) -> Response:
    prefix, marker = call.params.get("prefix", ""), call.params.get("marker", "")
    delimiter = call.params.get("delimiter", "")
    if len(delimiter) > 1:
        raise CosError("InvalidDelimiter", "The delimiter must be one character.")
    limit = min(whole_number(call, "max-keys", 1000), 1000)
    found = await call.run(lambda: page(call.store, call.bucket, prefix, delimiter, marker, limit))
    content: list[tuple[str, str | Children]] = [
        ("Name", call.bucket),
        ("Prefix", encoded(call, prefix)),
        ("Marker", encoded(call, marker)),
        ("MaxKeys", str(limit)),
        ("Delimiter", encoded(call, delimiter)),
        ("IsTruncated", str(found.next_marker is not None).lower()),
    ]
    if call.params.get("encoding-type"):
        content.append(("EncodingType", "url"))
    if found.next_marker is not None:
        content.append(("NextMarker", encoded(call, found.next_marker)))
    content += [("Contents", _entry(call, entry)) for entry in found.entries]
    content += [("CommonPrefixes", [("Prefix", encoded(call, group))]) for group in found.groups]
    return xml_reply("ListBucketResult", content)


def _entry(call: Call, entry: Entry) -> Children:
    return [
        ("Key", encoded(call, entry.key)),
        ("LastModified", iso_date(entry.modified)),
        ("ETag", entry.etag),
        ("Size", str(entry.size)),
        ("Owner", owner(call)),
        ("StorageClass", "STANDARD"),
    ]


async def delete_objects(call: Call) -> Response:
    keys, quiet = _wanted(await call.read_xml())
    await call.run(lambda: call.store.require_bucket(call.bucket))
    removed = await call.run(lambda: _delete(call, keys))
    for stored in removed:
        call.emit("cos:ObjectRemove:Delete", stored)
    return xml_reply("DeleteResult", [] if quiet else [("Deleted", [("Key", key)]) for key in keys])


def _wanted(body: bytes) -> tuple[list[str], bool]:
    try:
        root = parse(body, "Delete")
        keys = [found.findtext("Key") or "" for found in root.iter("Object")]
        if not all(keys) or not 0 < len(keys) <= _MAX_DELETED:
            raise ValueError(f"1 to {_MAX_DELETED} objects, each with a key")
    except ValueError as e:
        raise CosError("MalformedXML", f"The list of objects can't be read: {e}") from e
    if root.find(".//VersionId") is not None:
        raise CosError("NotImplemented", "Deleting a version of an object is not implemented.")
    return keys, (root.findtext("Quiet") or "").lower() == "true"


def _delete(call: Call, keys: list[str]) -> list[Stored]:
    removed = (call.store.delete(call.bucket, key) for key in keys)
    return [stored for stored in removed if stored]
