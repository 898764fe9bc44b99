"""Label and field selectors: the text of a query in, a predicate over objects out.

The grammar is that of k8s.io/apimachinery/pkg/labels: `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.kube.errors import BadRequest
from emulator.kube.objects import Obj

Predicate = Callable[[Obj], bool]

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?\Z")
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*\Z")
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*([^\s=!]*)\s*\Z")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*\Z")
_COMMA_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")

# What the real API can select by, besides metadata.name and metadata.namespace (pkg/registry/*/strategy.go).
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Pod": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"),
    "Job": ("status.successful",),
    "Secret": ("type",),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Event": (
        *(f"involvedObject.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")),
        "involvedObject.fieldPath",
        *("reason", "reportingComponent", "source", "type"),
    ),
}


def everything(_: Obj) -> bool:
    return True


def labels(selector: str) -> Predicate:
    """Raises BadRequest when the selector is malformed."""
    if not selector.strip():
        return everything
    requirements = [_requirement(part) for part in _COMMA_OUTSIDE_BRACKETS.split(selector)]

    def matches(obj: Obj) -> bool:
        found = obj["metadata"].get("labels") or {}
        return all(requirement(found) for requirement in requirements)

    return matches


def _requirement(text: str) -> Callable[[Mapping[str, str]], bool]:
    if match := _SET.match(text):
        key, operator, listed = match.groups()
        values = {_checked(value.strip(), text) for value in listed.split(",")}
        if operator == "in":
            return lambda found: found.get(key) in values
        return lambda found: found.get(key) not in values
    if match := _EQUAL.match(text):
        key, operator, value = match.groups()
        _checked(value, text)
        if operator == "!=":
            return lambda found: found.get(key) != value
        return lambda found: found.get(key) == value
    if match := _EXISTS.match(text):
        negated, key = match.groups()
        return (lambda found: key not in found) if negated else (lambda found: key in found)
    raise BadRequest(f"unable to parse requirement: {text.strip()!r} is no label selector")


def _checked(value: str, text: str) -> str:
    if len(value) > 63 or not _VALUE.match(value):
        raise BadRequest(f"unable to parse requirement {text.strip()!r}: {value!r} is no label value")
    return value


def fields(kind: str, selector: str) -> Predicate:
    """Raises BadRequest when the selector is malformed or the kind cannot be selected by that field."""
    if not selector.strip():
        return everything
    wanted = [_field_requirement(kind, part.strip()) for part in selector.split(",")]
    return lambda obj: all((field_value(obj, path) == value) is equal for path, value, equal in wanted)


def _field_requirement(kind: str, text: str) -> tuple[str, str, bool]:
    match = re.match(r"([A-Za-z.]+)\s*(==|=|!=)\s*(.*)\Z", text)
    if not match:
        raise BadRequest(f"invalid selector: {text!r}; can't understand it")
    path, operator, value = match.groups()
    if path not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind, ())):
        raise BadRequest(f'field label not supported: "{path}"')
    return path, value, operator != "!="


def field_value(obj: Obj, path: str) -> str:
    """The field as a selector compares it: text, empty when it is not there."""
    if path == "status.successful":  # the Job API's own name for it
        path = "status.succeeded"
    if path == "source" and obj["kind"] == "Event":
        path = "source.component"
    found: Any = obj
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if found is None:
        return "0" if path == "status.succeeded" else ""
    return str(found).lower() if isinstance(found, bool) else str(found)
