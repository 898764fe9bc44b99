"""serverless.yml in, checked dataclasses out: the one declaration of functions, layers and triggers.

An unknown key, a wrong type or a value that the platform would refuse is a DeclarationError that names its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from emulator.scf import limits, schema
from emulator.scf.variables import VariableError, Variables


class DeclarationError(ValueError):
    """serverless.yml can't be used; the text says where and why."""


@dataclass(frozen=True)
class CosRule:
    """A COS trigger: which changes of which bucket call the function."""

    bucket: str  # name-appid
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def matches(self, bucket: str, key: str, event: str) -> bool:
        if bucket != self.bucket or not (key.startswith(self.prefix) and key.endswith(self.suffix)):
            return False
        return len(key) >= max(len(self.prefix), len(self.suffix)) and any(_covers(e, event) for e in self.events)

    def overlaps(self, other: CosRule) -> bool:
        """Some change could call both: the platform refuses that within a bucket."""
        return (
            self.bucket == other.bucket
            and any(_covers(a, b) or _covers(b, a) for a in self.events for b in other.events)
            and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))
            and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))
        )


@dataclass(frozen=True)
class Function:
    """One function with its provider's defaults filled in. Sizes in MB, times in seconds."""

    name: str
    handler: str
    path: str
    memory_mb: int
    timeout_s: int
    layers: tuple[str, ...]
    environment: dict[str, str]
    concurrency: int | None
    http: bool
    cos: tuple[CosRule, ...]
    ckafka: tuple[schema.Ckafka, ...]
    timers: tuple[schema.Timer, ...]


@dataclass(frozen=True)
class Declaration:
    service: str
    stage: str
    region: str
    runtime: str
    custom: dict[str, Any]
    layers: dict[str, schema.Layer]
    functions: dict[str, Function]

    @property
    def http_functions(self) -> list[str]:
        return [function.name for function in self.functions.values() if function.http]


def load(path: Path, variables: Mapping[str, str], options: Mapping[str, str]) -> Declaration:
    """Read a serverless.yml; `variables` are what ${env:…} sees, `options` what ${opt:…} does."""
    try:
        raw = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DeclarationError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise DeclarationError(f"{path} is no YAML: {error}") from error
    if not isinstance(raw, dict):
        raise DeclarationError(f"{path}: a mapping is wanted at the top")
    try:
        document = schema.Document.model_validate(Variables(raw, variables, options).resolve(raw))
    except VariableError as error:
        raise DeclarationError(f"{path}: {error}") from error
    except ValidationError as error:
        raise DeclarationError("\n".join(f"{path}: {_problem(e)}" for e in error.errors(include_url=False))) from error
    return _declaration(document, path)


def _problem(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {error['loc'][-1]!r} at {place}"
    return f"{place}: {error['msg']}"


def _declaration(document: schema.Document, path: Path) -> Declaration:
    functions = {name: _function(name, part, document, path) for name, part in document.functions.items()}
    rules = [(f.name, rule) for f in functions.values() for rule in f.cos]
    for number, (name, rule) in enumerate(rules):
        for other_name, other in rules[number + 1 :]:
            if rule.overlaps(other):
                raise DeclarationError(f"{path}: COS rules of {name} and {other_name} overlap on {rule.bucket}")
    return Declaration(
        service=document.service,
        stage=document.provider.stage,
        region=document.provider.region,
        runtime=document.provider.runtime,
        custom=document.custom,
        layers=dict(document.layers),
        functions=functions,
    )


def _function(name: str, part: schema.FunctionPart, document: schema.Document, path: Path) -> Function:
    provider = document.provider
    environment = {**provider.environment, **part.environment}
    if problem := limits.environment_problem(environment):
        raise DeclarationError(f"{path}: functions.{name}.environment: {problem}")
    for layer in part.layers:
        if layer not in document.layers:
            raise DeclarationError(f"{path}: functions.{name}.layers: there is no layer {layer!r}")
    for number, event in enumerate(part.events):
        if len(event.model_fields_set) != 1:
            raise DeclarationError(f"{path}: functions.{name}.events.{number}: one kind of trigger is wanted")
    return Function(
        name=name,
        handler=part.handler,
        path=part.path,
        memory_mb=part.memory_size or provider.memory_size,
        timeout_s=part.timeout or provider.timeout,
        layers=tuple(part.layers),
        environment=environment,
        concurrency=part.concurrency,
        http=any(event.http for event in part.events),
        cos=tuple(_rule(event.cos) for event in part.events if event.cos and event.cos.enable),
        ckafka=tuple(event.ckafka for event in part.events if event.ckafka and event.ckafka.enable),
        timers=tuple(event.timer for event in part.events if event.timer and event.timer.enable),
    )


def _rule(cos: schema.Cos) -> CosRule:
    events = (cos.events,) if isinstance(cos.events, str) else tuple(cos.events)
    return CosRule(cos.bucket.split(".cos.")[0], events, cos.filter.prefix, cos.filter.suffix)


def _covers(pattern: str, event: str) -> bool:
    return pattern == event or (pattern.endswith(":*") and event.startswith(pattern[:-1]))
