"""The little protobuf that kubectl insists on: a review of reviews.py in its wire form in, the same as JSON data out.

`kubectl auth` sends its questions as application/vnd.kubernetes.protobuf and takes the answers as JSON. The envelope is
runtime.Unknown behind four magic bytes (apimachinery/pkg/runtime/serializer/protobuf); field numbers are those of
k8s.io/api/authorization/v1/generated.proto and authentication/v1/generated.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from emulator.kube.errors import BadRequest
from emulator.kube.objects import Obj

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

Shape = Mapping[int, Any]  # field number -> (name, shape of a message, or None for text)

_RESOURCE: Shape = {
    number: (name, None)
    for number, name in enumerate(("namespace", "verb", "group", "version", "resource", "subresource", "name"), 1)
}
_PATH: Shape = {1: ("path", None), 2: ("verb", None)}
_SHAPES: Mapping[str, Shape] = {
    "SelfSubjectAccessReview": {
        2: ("spec", {1: ("resourceAttributes", _RESOURCE), 2: ("nonResourceAttributes", _PATH)})
    },
    "SelfSubjectReview": {},
}


def decode(content: bytes, kind: str) -> Obj:
    """Raises BadRequest for anything but an object of this kind."""
    try:
        if not content.startswith(_MAGIC):
            raise ValueError("the magic bytes are missing")
        envelope = dict(_fields(content[len(_MAGIC) :]))
        head = {number: value.decode() for number, value in _fields(envelope[1])}
        body = _message(envelope.get(2, b""), _SHAPES[kind])
    except (ValueError, KeyError, IndexError):
        raise BadRequest(f"the body of the request cannot be decoded as a {kind} in protobuf") from None
    return {"apiVersion": head.get(1, ""), "kind": head.get(2, ""), **body}


def _message(content: bytes, shape: Shape) -> Obj:
    """Only what `shape` names, and of that no empty texts: the zero values of Go."""
    found: Obj = {}
    for number, value in _fields(content):
        if number in shape:
            name, inner = shape[number]
            found[name] = value.decode() if inner is None else _message(value, inner)
    return {name: value for name, value in found.items() if value != ""}


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message; numbers are passed over. Raises ValueError, IndexError."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        kind = tag & 7
        if kind == 0:
            _, place = _varint(content, place)
        elif kind == 2:
            length, place = _varint(content, place)
            if place + length > len(content):
                raise ValueError("cut short")
            yield tag >> 3, content[place : place + length]
            place += length
        else:
            raise ValueError("an unexpected wire type")


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number is too long")
