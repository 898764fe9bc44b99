"""The XML documents of COS: plain lists of (name, text or children) out, the few request bodies in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union
from xml.etree import ElementTree

Children = Sequence[tuple[str, Union[str, "Children"]]]


def document(root: str, children: Children) -> bytes:
    """Serialize, with the declaration."""
    text: bytes = ElementTree.tostring(_element(root, children), encoding="utf-8", xml_declaration=True)
    return text


def _element(name: str, content: str | Children) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(content, str):
        element.text = content
    else:
        element.extend(_element(child, inner) for child, inner in content)
    return element


def parse(body: bytes, root: str) -> ElementTree.Element:
    """The root element of a request body. Raises ValueError when it isn't well-formed or isn't a `root`."""
    if b"<!DOCTYPE" in body:  # no request has one; entities are only good for attacks
        raise ValueError("a document type declaration is not allowed")
    try:
        element = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError as e:
        raise ValueError(str(e)) from e
    for node in element.iter():
        node.tag = node.tag.rpartition("}")[2]  # some SDKs send a namespace, some none
    if element.tag != root:
        raise ValueError(f"expected <{root}>, got <{element.tag}>")
    return element
