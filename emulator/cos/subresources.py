"""A bucket's configuration over HTTP: get, put and delete of lifecycle, cors, tagging and encryption, and its ACL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element

from starlette.responses import Response

from emulator.cos import configuration
from emulator.cos.call import Call
from emulator.cos.errors import CosError
from emulator.cos.multipart import owner
from emulator.cos.reply import reply, xml_reply
from emulator.cos.xml import Children, document, parse

Handler = Callable[[Call], Awaitable[Response]]

# What a GET says when nothing was set: https://cloud.tencent.com/document/product/436/7730
_ABSENT = {
    "lifecycle": "NoSuchLifecycleConfiguration",
    "cors": "NoSuchCORSConfiguration",
    "tagging": "NoSuchTagSet",
    "encryption": "NoSuchEncryptionConfiguration",
}
_TYPED = b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'


def getter(name: str) -> Handler:
    """The handler of GET ?<name>."""

    async def get(call: Call) -> Response:
        found = await call.run(lambda: call.store.setting(call.bucket, name))
        if found is None:
            raise CosError(_ABSENT[name], f"The bucket has no {name} configuration.")
        return xml_reply(configuration.root_of(name), found)

    return get


def putter(name: str) -> Handler:
    """The handler of PUT ?<name>."""

    async def put(call: Call) -> Response:
        value = configuration.read(name, await call.read_xml())
        await call.run(lambda: call.store.set_setting(call.bucket, name, value))
        return reply(204 if name == "tagging" else 200)

    return put


def deleter(name: str) -> Handler:
    """The handler of DELETE ?<name>; it is no error when there is nothing."""

    async def delete(call: Call) -> Response:
        await call.run(lambda: call.store.set_setting(call.bucket, name, None))
        return reply(204)

    return delete


async def get_acl(call: Call) -> Response:
    """Every bucket is private: its owner may do everything, nobody else anything."""
    await call.run(lambda: call.store.require_bucket(call.bucket))
    grant: Children = [("Grantee", owner(call)), ("Permission", "FULL_CONTROL")]
    body = document("AccessControlPolicy", [("Owner", owner(call)), ("AccessControlList", [("Grant", grant)])])
    return reply(headers={"content-type": "application/xml"}, body=body.replace(b"<Grantee>", _TYPED))


async def put_acl(call: Call) -> Response:
    """Private by x-cos-acl (other values of it are refused before), or by a document that names the owner only."""
    body = await call.read_xml()
    if body:
        _check_policy(call, body)
    elif "x-cos-acl" not in call.headers:
        raise CosError("InvalidRequest", "An ACL is needed, in x-cos-acl or as a document.")
    await call.run(lambda: call.store.require_bucket(call.bucket))
    return reply()


def _check_policy(call: Call, body: bytes) -> None:
    try:
        root = parse(body, "AccessControlPolicy")
    except ValueError as e:
        raise CosError("MalformedXML", f"The ACL can't be read: {e}") from e
    if any(not _is_owners(call, grant) for grant in root.iter("Grant")):
        raise CosError("NotImplemented", "An ACL that lets others in is not implemented.")


def _is_owners(call: Call, grant: Element) -> bool:
    return grant.findtext("Grantee/ID") == call.bucket.rpartition("-")[2]


def tags_of_header(text: str) -> configuration.Document:
    """x-cos-tagging of a new bucket: k=v&k=v, percent-encoded. Raises CosError InvalidTag."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError as e:
        raise CosError("InvalidTag", "x-cos-tagging is not of the form key=value&key=value.") from e
    return configuration.tag_set(pairs)
