"""Requests and answers checked against the SDK's own models: JSON in, a refusal in the platform's words or nothing out.

The SDK (tencentcloud-sdk-python) has one class for each structure, whose docstring gives the type of every field
(":type Name: list of Tag"). They are read when an action is first called. Which parameters are required comes from
schema/required.json, since the models do not say it.
"""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from emulator.api.action import ApiError, Params

_FIELD = re.compile(r"^\s*:type (\w+): (.+?)\s*$", re.MULTILINE)
_MODEL = re.compile(r":class:`[\w.]+\.(\w+)`")
_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


class ModelFault(Exception):
    """An answer of ours that the SDK's model does not know; the text names the field."""


@dataclass(frozen=True)
class Field:
    """`type` is str, int, float, bool or the name of a model; `many`: a list of them."""

    type: str
    many: bool


class _Problem(Exception):
    def __init__(self, code: str, path: str) -> None:
        super().__init__(code, path)
        self.code, self.path = code, path


def served(service: str, version: str) -> frozenset[str]:
    """The actions of a service whose required parameters are known here; empty when the service or version is not."""
    found = _schema().get(service, {})
    return frozenset(found["actions"]) if found.get("version") == version else frozenset()


def check_request(service: str, version: str, action: str, params: Params) -> None:
    """Raises ApiError: UnknownParameter, MissingParameter or InvalidParameter, with the path (Tags.0.Key)."""
    try:
        _check_object(service, version, f"{action}Request", params, "", answers=False)
    except _Problem as problem:
        texts = {
            "UnknownParameter": f"The parameter `{problem.path}` is not recognized.",
            "MissingParameter": f"The request is missing a required parameter `{problem.path}`.",
            "InvalidParameter": f"The value type of parameter `{problem.path}` is not valid.",
        }
        raise ApiError(problem.code, texts[problem.code]) from None


def check_answer(service: str, version: str, action: str, answer: Params) -> None:
    """Raises ModelFault. Null is allowed anywhere: the platform gives it for what has no value."""
    try:
        _check_object(service, version, f"{action}Response", answer, "", answers=True)
    except _Problem as problem:
        raise ModelFault(f"{service} {action} answers with {problem.code} {problem.path}") from None


def _check_object(service: str, version: str, model: str, value: Any, path: str, *, answers: bool) -> None:
    known = fields(service, version, model)
    if known is None:
        raise LookupError(f"the SDK has no model {model} for {service}")
    if not isinstance(value, dict):
        raise _Problem("InvalidParameter", path)
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        if name not in known:
            raise _Problem("UnknownParameter", where)
        if item is not None or not answers:
            _check_field(service, version, known[name], item, where, answers=answers)
    if not answers:
        missing = [name for name in _required(service, model) if name not in value]
        if missing:
            raise _Problem("MissingParameter", f"{path}.{missing[0]}" if path else missing[0])


def _check_field(service: str, version: str, field: Field, value: Any, path: str, *, answers: bool) -> None:
    if field.many:
        if not isinstance(value, list):
            raise _Problem("InvalidParameter", path)
        for index, item in enumerate(value):
            _check_field(service, version, Field(field.type, False), item, f"{path}.{index}", answers=answers)
    elif field.type in _PLAIN:
        # bool is an int to Python, but not to the platform, whose integers have 64 bits
        wrong = not isinstance(value, _PLAIN[field.type]) or (isinstance(value, bool) and field.type != "bool")
        if wrong or (isinstance(value, int) and not -(1 << 63) <= value < 1 << 63):
            raise _Problem("InvalidParameter", path)
    else:
        _check_object(service, version, field.type, value, path, answers=answers)


@cache
def fields(service: str, version: str, model: str) -> dict[str, Field] | None:
    """The fields of one of the SDK's models by name; None when there is no such model."""
    found = getattr(_module(service, version), model, None)
    if found is None:
        return None
    return {name: _field(kind) for name, kind in _FIELD.findall(found.__init__.__doc__ or "")}


def _field(kind: str) -> Field:
    many = kind.startswith("list of ")
    name = kind.removeprefix("list of ").removesuffix(" non-negative")
    model = _MODEL.fullmatch(name)
    return Field(model[1] if model else name, many)


@cache
def _module(service: str, version: str) -> ModuleType:
    return importlib.import_module(f"tencentcloud.{service}.v{version.replace('-', '')}.models")


def _required(service: str, model: str) -> list[str]:
    names: list[str] = _schema()[service]["required"].get(model, [])
    return names


@cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "schema" / "required.json").read_text(encoding="utf-8"))
    return found
