"""What validation is made of: names, labels, ranges, and the causes that a failed check reports.

The regular expressions and sentences are those of k8s.io/apimachinery/pkg/util/validation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from emulator.kube.errors import Cause

INT32 = 2**31 - 1
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_ENDS = "and must start and end with an alphanumeric character"
_LABEL_WHY = f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS}"
_SUBDOMAIN_WHY = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS}"
)
_QUALIFIED_WHY = f"name part must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"


def required(path: str, why: str = "") -> Cause:
    return Cause("FieldValueRequired", path, f"Required value: {why}" if why else "Required value")


def invalid(path: str, value: Any, why: str) -> Cause:
    shown = json.dumps(value) if not isinstance(value, (dict, list)) else json.dumps(value)[:200]
    return Cause("FieldValueInvalid", path, f"Invalid value: {shown}: {why}")


def unsupported(path: str, value: Any, allowed: Collection[str]) -> Cause:
    names = ", ".join(f'"{name}"' for name in sorted(allowed))
    return Cause("FieldValueNotSupported", path, f"Unsupported value: {json.dumps(value)}: supported values: {names}")


def duplicate(path: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", path, f"Duplicate value: {json.dumps(value)}")


def missing(path: str, value: str) -> Cause:
    return Cause("FieldValueNotFound", path, f"Not found: {json.dumps(value)}")


def forbidden(path: str, why: str) -> Cause:
    return Cause("FieldValueForbidden", path, f"Forbidden: {why}")


def dns_label(path: str, value: str) -> Iterator[Cause]:
    """At most 63 characters, no dots: containers, volumes, namespaces."""
    if not value:
        yield required(path)
    elif len(value) > 63:
        yield invalid(path, value, "must be no more than 63 characters")
    elif not _LABEL.match(value):
        yield invalid(path, value, _LABEL_WHY)


def dns_subdomain(path: str, value: str, longest: int = 253) -> Iterator[Cause]:
    """Names of most objects."""
    if not value:
        yield required(path)
    elif len(value) > longest:
        yield invalid(path, value, f"must be no more than {longest} characters")
    elif not _SUBDOMAIN.match(value):
        yield invalid(path, value, _SUBDOMAIN_WHY)


def qualified_name(path: str, value: str) -> Iterator[Cause]:
    """prefix/name, as in the keys of labels and annotations."""
    prefix, slash, name = value.rpartition("/")
    if slash and any(dns_subdomain(path, prefix)):
        yield invalid(path, value, f"prefix part {_SUBDOMAIN_WHY}")
    elif len(name) > 63:
        yield invalid(path, value, "name part must be no more than 63 characters")
    elif not _QUALIFIED.match(name):
        yield invalid(path, value, _QUALIFIED_WHY)


def labels(path: str, found: Mapping[str, str]) -> Iterator[Cause]:
    for key, value in found.items():
        yield from qualified_name(path, key)
        if len(value) > 63:
            yield invalid(path, value, "must be no more than 63 characters")
        elif value and not _QUALIFIED.match(value):
            yield invalid(path, value, f"a valid label must be an empty string or {_QUALIFIED_WHY[15:]}")


def one_of(path: str, value: Any, allowed: Collection[str]) -> Iterator[Cause]:
    """An enumeration; None (not set) passes."""
    if value is not None and value not in allowed:
        yield unsupported(path, value, allowed)


def between(path: str, value: int | None, least: int, most: int = INT32) -> Iterator[Cause]:
    """A number within bounds, both included; None (not set) passes."""
    if value is None or least <= value <= most:
        return
    why = f"must be between {least} and {most}, inclusive"
    if value < least and most == INT32:
        why = f"must be greater than or equal to {least}"
    yield invalid(path, value, why)


def unique(path: str, key: str, items: Collection[Mapping[str, Any]]) -> Iterator[Cause]:
    """Each item of a list has its own value of `key`."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        value = item.get(key, "")
        if value in seen:
            yield duplicate(f"{path}[{index}].{key}", value)
        seen.add(value)
