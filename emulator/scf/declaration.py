"""serverless.yml in, checked dataclasses out: the one declaration of functions, layers and triggers.

The road: YAML (a key given twice is an error), variables, schema, then what more than one key has to do with: the
platform's limits, overlapping COS rules, layers that are named, handlers that are there. Every fault is told at once,
each with its place and never with a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from emulator.scf import limits, schema
from emulator.scf.variables import VariableError, Variables


class DeclarationError(ValueError):
    """serverless.yml can't be used; the text has one line per fault, with place and reason."""


@dataclass(frozen=True)
class CosRule:
    """A COS trigger: which changes of which bucket call the function."""

    bucket: str  # name-appid
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def matches(self, bucket: str, key: str, event: str) -> bool:
        """Whether a change with this concrete name is for this rule."""
        named = any(_covers(pattern, event) for pattern in self.events)
        return named and bucket == self.bucket and key.startswith(self.prefix) and key.endswith(self.suffix)

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
    """One function with its provider's defaults filled in. Sizes in MB, times in seconds; only enabled triggers."""

    name: str
    handler: str
    path: str
    memory_mb: int
    timeout_s: int
    layers: tuple[str, ...]
    environment: dict[str, str]
    concurrency: int | None
    http: schema.Http | None
    cos: tuple[CosRule, ...]
    ckafka: tuple[schema.Ckafka, ...]
    timers: tuple[schema.Timer, ...]


@dataclass(frozen=True)
class Declaration:
    """The whole of serverless.yml; `custom` is free-form."""

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
    """Read a serverless.yml; `variables` are what ${env:…} sees, `options` what ${opt:…} does. DeclarationError."""
    try:
        raw = yaml.load(path.read_text("utf-8"), Loader=_OneOfEachKey)  # noqa: S506 a SafeLoader
        document = schema.Document.model_validate(Variables(raw, variables, options).resolve(raw))
    except OSError as error:
        raise DeclarationError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path} is no YAML: {error}") from error
    except VariableError as error:
        raise DeclarationError(f"{path}: {error}") from error
    except ValidationError as error:  # its own text shows values, which may be secret
        raise DeclarationError("\n".join(f"{path}: {_problem(e)}" for e in error.errors(include_input=False))) from None
    functions = {name: _function(name, part, document) for name, part in document.functions.items()}
    if problems := [*_problems(document, functions, path.parent), *_cos_problems(functions)]:
        raise DeclarationError("\n".join(f"{path}: {problem}" for problem in problems))
    provider, layers = document.provider, dict(document.layers)
    return Declaration(
        document.service, provider.stage, provider.region, provider.runtime, document.custom, layers, functions
    )


class _OneOfEachKey(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _problem(error: Any) -> str:
    """One line, such as "unknown key 'topc' at functions.dispatch.events[0].ckafka.topc"."""
    place = ""
    for part in error["loc"]:
        # A part that pydantic adds for the branch of a union or the key of a mapping is no place in the file.
        if part != "[key]" and not str(part).startswith(("literal[", "list[", "constrained-", "function-")):
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    if error["type"] == "extra_forbidden":
        return f"unknown key {error['loc'][-1]!r} at {place}"
    if error["type"] == "missing":
        return f"{place} is missing"
    return f"{place or 'the whole'}: {error['msg'].removeprefix('Value error, ')}"


def _function(name: str, part: schema.FunctionPart, document: schema.Document) -> Function:
    provider = document.provider
    return Function(
        name=name,
        handler=part.handler,
        path=part.path,
        memory_mb=part.memory_size or provider.memory_size,
        timeout_s=part.timeout or provider.timeout,
        layers=tuple(part.layers),
        environment={**provider.environment, **part.environment},
        concurrency=part.concurrency,
        http=next((event.http for event in part.events if event.http), None),
        cos=tuple(_rule(event.cos) for event in part.events if event.cos and event.cos.enable),
        ckafka=tuple(event.ckafka for event in part.events if event.ckafka and event.ckafka.enable),
        timers=tuple(event.timer for event in part.events if event.timer and event.timer.enable),
    )


def _rule(cos: schema.Cos) -> CosRule:
    events = (cos.events,) if isinstance(cos.events, str) else tuple(cos.events)
    return CosRule(cos.bucket.split(".cos.")[0], events, cos.filter.prefix, cos.filter.suffix)


def _covers(pattern: str, event: str) -> bool:
    return pattern == event or (pattern.endswith(":*") and event.startswith(pattern[:-1]))


def _problems(document: schema.Document, functions: dict[str, Function], folder: Path) -> Iterator[str]:
    for name, function in functions.items():
        place, module = f"functions.{name}", function.handler.split(".")[0]
        if not (folder / function.path / f"{module}.py").is_file():
            yield f"{place}.handler: there is no {module}.py in {function.path}"
        for layer in function.layers:
            if layer not in document.layers:
                yield f"{place}.layers: there is no layer {layer!r}"
        if problem := limits.environment_problem(function.environment):
            yield f"{place}.environment: {problem}"
        yield from _trigger_problems(f"{place}.events", document.functions[name].events)


def _trigger_problems(place: str, events: list[schema.Event]) -> Iterator[str]:
    kinds: list[str] = []
    for index, event in enumerate(events):
        given = [kind for kind in ("http", "cos", "ckafka", "timer") if getattr(event, kind) is not None]
        if len(given) != 1:
            yield f"{place}[{index}]: one of http, cos, ckafka, timer with its settings is wanted"
        kinds += given
    if kinds.count("http") > 1:
        yield f"{place}: a function has one Function URL"
    for kind in sorted(set(kinds)):
        if kinds.count(kind) > limits.TRIGGERS_PER_TYPE:
            yield f"{place}: more than {limits.TRIGGERS_PER_TYPE} triggers of type {kind}"


def _cos_problems(functions: dict[str, Function]) -> Iterator[str]:
    rules = [(name, rule) for name, function in functions.items() for rule in function.cos]
    for index, (name, rule) in enumerate(rules):
        for other_name, other in rules[:index]:
            if rule.overlaps(other):
                yield f"functions.{name}.events: COS rules of {other_name} and {name} overlap on {rule.bucket}"
    for bucket in sorted({rule.bucket for _, rule in rules}):
        if sum(rule.bucket == bucket for _, rule in rules) > limits.RULES_PER_BUCKET:
            yield f"more than {limits.RULES_PER_BUCKET} COS rules on {bucket}"
