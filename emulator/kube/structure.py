"""Does a posted object have only fields that exist, each of the right type? The first gate of every write.

in   JSON as the client sent it, and the model of its kind in schema/kinds.json
out  nothing, or BadRequest naming every unknown or mistyped field, or Invalid naming every missing one

The real API does this only with fieldValidation=Strict; here it is always strict, so that a misspelt field of a Job is
found on the developer's machine and not by a Job that behaves oddly in the cloud.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from emulator.kube import quantities
from emulator.kube.errors import BadRequest, Cause, Invalid
from emulator.kube.objects import Obj, parse_time
from emulator.kube.resources import KINDS
from emulator.kube.schema import SCHEMA_FILE

_INT64 = 2**63
_UNKNOWN, _TYPE, _MISSING = "FieldValueUnknown", "FieldValueTypeInvalid", "FieldValueRequired"
_REVIEWS = ("SelfSubjectAccessReview", "SelfSubjectReview")  # of reviews.py: posted, never stored
_MODELS = {kind: "CoreV1Event" if kind == "Event" else f"V1{kind}" for kind in (*KINDS, *_REVIEWS)}


@cache
def _schema() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = json.loads(SCHEMA_FILE.read_text())
    return loaded


def check(kind: str, obj: Obj) -> None:
    """Raises BadRequest (400) for unknown fields and wrong types, else Invalid (422) for missing ones."""
    causes = list(_model(_MODELS[kind], obj, ""))
    wrong = [cause for cause in causes if cause.reason != _MISSING]
    if wrong:
        raise _undecodable(kind, wrong)
    if causes:
        metadata = obj.get("metadata")
        raise Invalid(kind, metadata.get("name", "") if isinstance(metadata, dict) else "", causes)


def check_options(body: Obj) -> None:
    """The same for the DeleteOptions of a delete."""
    wrong = list(_model("V1DeleteOptions", body, ""))
    if wrong:
        raise _undecodable("DeleteOptions", wrong)


def without_nulls(value: Any) -> Any:
    """The object as Go reads it: a null field is an absent field."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _undecodable(kind: str, causes: list[Cause]) -> BadRequest:
    texts = [
        f'unknown field "{c.field}"' if c.reason == _UNKNOWN else f"{c.field or kind}: {c.message}" for c in causes[:20]
    ]
    listed = [{"reason": c.reason, "field": c.field, "message": c.message} for c in causes[:20]]
    message = f'{kind} in version "v1" cannot be handled as a {kind}: strict decoding error: {", ".join(texts)}'
    return BadRequest(message, {"causes": listed})


def _model(name: str, value: Any, path: str) -> Iterator[Cause]:
    if not isinstance(value, dict):
        yield _mistyped(path, "an object", value)
        return
    fields = _schema()[name]
    for key, item in value.items():
        where = f"{path}.{key}" if path else key
        if key in fields:
            yield from _value(fields[key].rstrip("!"), item, where)
        else:
            yield Cause(_UNKNOWN, where, f'unknown field "{where}"')
    for key, shape in fields.items():
        if shape.endswith("!") and key not in value:
            yield Cause(_MISSING, f"{path}.{key}" if path else key, "Required value")


def _value(shape: str, value: Any, path: str) -> Iterator[Cause]:
    if shape.startswith("["):
        if not isinstance(value, list):
            yield _mistyped(path, "a list", value)
            return
        for index, item in enumerate(value):
            yield from _value(shape[1:-1], item, f"{path}[{index}]")
    elif shape.startswith("{"):
        if not isinstance(value, dict):
            yield _mistyped(path, "a map", value)
            return
        for key, item in value.items():
            yield from _value(shape[1:-1], item, f"{path}[{key}]")
    elif shape in _SCALARS:
        yield from _scalar(shape, value, path)
    else:
        yield from _model(shape, value, path)


def _scalar(shape: str, value: Any, path: str) -> Iterator[Cause]:
    types, expected = _SCALARS[shape]
    is_bool = isinstance(value, bool)  # which Python counts among the integers
    if types and (not isinstance(value, types) or (is_bool and shape != "bool")):
        yield _mistyped(path, expected, value)
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        yield Cause(_TYPE, path, "the number does not fit into 64 bits")
    elif shape in _PARSERS:
        try:
            _PARSERS[shape](str(value))
        except ValueError as error:  # says what is wrong but never shows the value: it may be somebody's secret
            yield Cause(_TYPE, path, str(error))


_SCALARS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a string"),
    "int": ((int,), "an integer"),
    "bool": ((bool,), "true or false"),
    "float": ((int, float), "a number"),
    "int|str": ((int, str), "an integer or a string"),
    "quantity": ((str, int, float), "a quantity"),
    "datetime": ((str,), "a time as in RFC 3339"),
    "bytes": ((str,), "a string in base64"),
    "any": ((), "anything"),
}


def _base64(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("illegal base64 data") from None


_PARSERS: dict[str, Callable[[str], object]] = {
    "datetime": parse_time,
    "bytes": _base64,
    "quantity": quantities.parse,
}


def _mistyped(path: str, expected: str, value: Any) -> Cause:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return Cause(_TYPE, path, f"expected {expected}, got {names.get(type(value), 'null')}")
