"""What can be set about a bucket: the XML of a PUT in, the checked document as plain data out, for the index to keep.

A document is a list of [element, text or document]; what a GET answers is what was put, in the same order, with the
rule ids that were left out filled in. An element that nothing here knows is refused: as MalformedXML when COS does not
know it either, as NotImplemented when only this stand-in does not do it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from emulator.cos.errors import CosError
from emulator.cos.xml import parse

Document = list[list[Any]]

_MAX_TAGS = 50  # https://cloud.tencent.com/document/product/436/34837
_MAX_CORS_RULES = 100  # https://cloud.tencent.com/document/product/436/8279
_MAX_RULES = 1000  # https://cloud.tencent.com/document/product/436/8280
_ORIGIN = re.compile(r"\*|https?://[^\s/]+", re.ASCII)
_METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD"}
_SDK_ENCRYPTION = "ApplyServerSideEncryptionByDefault"


def read(name: str, body: bytes) -> Document:
    """`name` is the subresource: lifecycle, cors, tagging or encryption.

    Raises CosError MalformedXML, InvalidArgument, InvalidTag, NotImplemented.
    """
    root, reader = _READERS[name]
    try:
        element = parse(body, root)
    except ValueError as e:
        raise _malformed(str(e)) from e
    return reader(element)


def root_of(name: str) -> str:
    """The root element of a subresource's document."""
    return _READERS[name][0]


def tags(root: Element) -> Document:
    """<Tagging><TagSet><Tag>…: up to 50, each key once."""
    pairs = []
    for tag in root.findall("TagSet/Tag"):
        _only(tag, "Key", "Value")
        pairs.append((tag.findtext("Key") or "", tag.findtext("Value") or ""))
    if root.find("TagSet") is None:
        raise _malformed("Tagging needs a TagSet")
    return tag_set(pairs)


def tag_set(pairs: list[tuple[str, str]]) -> Document:
    """The document of these tags. Raises CosError InvalidTag."""
    if len(pairs) > _MAX_TAGS or len({key for key, _ in pairs}) != len(pairs):
        raise CosError("InvalidTag", f"There may be at most {_MAX_TAGS} tags, each key only once.")
    for key, value in pairs:
        if not 0 < len(key) <= 127 or len(value) > 255:
            raise CosError("InvalidTag", "A tag's key has 1 to 127 characters, its value at most 255.")
    return [["TagSet", [["Tag", [["Key", key], ["Value", value]]] for key, value in pairs]]]


def cors(root: Element) -> Document:
    """<CORSConfiguration><CORSRule>…, 1 to 100 rules."""
    _only(root, "CORSRule", "ResponseVary")
    rules = [_cors_rule(rule) for rule in _rules(root, "CORSRule", _MAX_CORS_RULES)]
    vary = root.findtext("ResponseVary")
    if vary not in (None, "true", "false"):
        raise _malformed("ResponseVary must be true or false")
    return rules + ([["ResponseVary", vary]] if vary else [])


def _cors_rule(rule: Element) -> list[Any]:
    _only(rule, "ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds")
    origins, methods = _texts(rule, "AllowedOrigin"), _texts(rule, "AllowedMethod")
    if not origins or not methods:
        raise _malformed("a CORSRule needs an AllowedOrigin and an AllowedMethod")
    for origin in origins:
        if not _ORIGIN.fullmatch(origin) or origin.count("*") > 1:
            raise CosError("InvalidArgument", f"AllowedOrigin {origin} is not * or http(s)://host with at most one *.")
    if unknown := sorted(set(methods) - _METHODS):
        raise CosError("InvalidArgument", f"AllowedMethod {unknown[0]} is none of {', '.join(sorted(_METHODS))}.")
    if (age := rule.findtext("MaxAgeSeconds")) is not None and not re.fullmatch(r"[0-9]{1,9}", age):
        raise CosError("InvalidArgument", "MaxAgeSeconds must be a number of seconds.")
    return ["CORSRule", [[child.tag, child.text or ""] for child in rule]]


def lifecycle(root: Element) -> Document:
    """<LifecycleConfiguration><Rule>…: what expires when. Each id is there once."""
    _only(root, "Rule")
    rules = [_lifecycle_rule(rule) for rule in _rules(root, "Rule", _MAX_RULES)]
    names = [dict(content)["ID"] for _, content in rules]
    if len(set(names)) != len(names):
        raise CosError("InvalidArgument", "Two rules have the same ID.")
    return rules


def _lifecycle_rule(rule: Element) -> list[Any]:
    _only(
        rule, "ID", "Filter", "Status", "Expiration", "AbortIncompleteMultipartUpload",
        missing=("Transition", "NoncurrentVersionTransition", "NoncurrentVersionExpiration"),
    )  # fmt: skip
    name = rule.findtext("ID") or secrets.token_hex(16)
    status = rule.findtext("Status")
    if status not in ("Enabled", "Disabled"):
        raise _malformed("the Status of a rule must be Enabled or Disabled")
    acts = [_days(child) for child in rule if child.tag in ("Expiration", "AbortIncompleteMultipartUpload")]
    if not acts or len({act[0] for act in acts}) != len(acts):
        raise _malformed("a rule needs Expiration, AbortIncompleteMultipartUpload, or one of each")
    if len(name) > 255:
        raise CosError("InvalidArgument", "The ID of a rule has at most 255 characters.")
    return ["Rule", [["ID", name], ["Filter", [["Prefix", _prefix(rule)]]], ["Status", status], *acts]]


def _prefix(rule: Element) -> str:
    found = rule.find("Filter")
    if found is None:
        raise _malformed("a rule needs a Filter")
    _only(found, "Prefix", missing=("And", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"))
    prefix = found.findtext("Prefix") or ""
    if prefix.startswith("/"):
        raise CosError("InvalidArgument", "A Prefix does not begin with /.")
    return prefix


def _days(act: Element) -> list[Any]:
    field = "Days" if act.tag == "Expiration" else "DaysAfterInitiation"
    _only(act, field, missing=("Date", "ExpiredObjectDeleteMarker"))
    days = act.findtext(field) or ""
    if not re.fullmatch(r"[1-9][0-9]{0,4}", days):
        raise CosError("InvalidArgument", f"{field} must be a number of days from 1 on.")
    return [act.tag, [[field, days]]]


def encryption(root: Element) -> Document:
    """Keys that COS keeps itself (AES256); those of KMS are not done."""
    _only(root, "Rule")
    (rule,) = _rules(root, "Rule", 1)
    _only(rule, _SDK_ENCRYPTION)
    how = rule.find(_SDK_ENCRYPTION)
    if how is None:
        raise _malformed(f"Rule needs {_SDK_ENCRYPTION}")
    _only(how, "SSEAlgorithm", missing=("KMSMasterKeyID",))
    algorithm = how.findtext("SSEAlgorithm")
    if algorithm == "KMS":
        raise CosError("NotImplemented", "Encryption with KMS is not implemented.")
    if algorithm != "AES256":
        raise CosError("InvalidArgument", "SSEAlgorithm must be AES256 or KMS.")
    return [["Rule", [[_SDK_ENCRYPTION, [["SSEAlgorithm", "AES256"]]]]]]


def _rules(root: Element, name: str, most: int) -> list[Element]:
    found = root.findall(name)
    if not 0 < len(found) <= most:
        raise _malformed(f"there must be 1 to {most} {name}")
    return found


def _texts(element: Element, name: str) -> list[str]:
    return [child.text or "" for child in element.findall(name)]


def _only(element: Element, *known: str, missing: tuple[str, ...] = ()) -> None:
    """Every child is known, and none is one that only this stand-in does not do."""
    for child in element:
        if child.tag in missing:
            raise CosError("NotImplemented", f"{child.tag} in {element.tag} is not implemented.")
        if child.tag not in known:
            raise _malformed(f"{element.tag} has no {child.tag}")


def _malformed(why: str) -> CosError:
    return CosError("MalformedXML", f"The document can't be used: {why}.")


_READERS: dict[str, tuple[str, Callable[[Element], Document]]] = {
    "lifecycle": ("LifecycleConfiguration", lifecycle),
    "cors": ("CORSConfiguration", cors),
    "tagging": ("Tagging", tags),
    "encryption": ("ServerSideEncryptionConfiguration", encryption),
}
