"""deployer/observability/{alarms,dashboard}.yml of a project in; alarm policies and charts of one stage out. Pure.

In a text, ${limit}, ${function}, ${price.gbSecond} and ${price.call} are filled in. Every fault is told at once, with
its place. Sources of the ranges: CreateAlarmRequest in the SDK's models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from deployer.context import DeployError
from deployer.declaration import yamlfile
from deployer.declaration.fields import Name, Strict, Text
from deployer.declaration.model import Declaration, Observability
from deployer.declaration.problems import problems

LEVELS = {"warning": 0, "info": 1, "critical": 2}
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_Minutes = Annotated[int, Field(ge=1, le=1440)]
File = TypeVar("File", bound=Strict)


class _Alarm(Strict):
    name: Name
    each: Literal["function"] | None = None
    level: Literal["warning", "info", "critical"]
    limit: float
    query: Text
    condition: Text
    minutes: _Minutes
    every: _Minutes
    times: Annotated[int, Field(ge=1, le=10)] = 1
    repeat: Annotated[int, Field(ge=0, le=1440)]
    message: Text


class _Alarms(Strict):
    alarms: list[_Alarm]


class _Chart(Strict):
    title: Text
    type: Literal["graph", "bar", "stat", "pie", "table"]
    query: Text
    x: str = ""
    y: str = ""
    by: str = ""


class _Charts(Strict):
    title: Text
    charts: Annotated[list[_Chart], Field(min_length=1)]


@dataclass(frozen=True)
class Alarm:
    """One policy, for people and for the API. `minutes`: how far back; `every`, `repeat`: minutes; `level`: LEVELS."""

    name: str
    level: int
    query: str
    condition: str
    minutes: int
    every: int
    times: int
    repeat: int
    message: str
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """`x`, `y`, `by`: columns of the query's result; empty where the chart has none."""

    title: str
    type: str
    query: str
    x: str
    y: str
    by: str


def alarms(declaration: Declaration) -> list[Alarm]:
    """Raises DeployError."""
    observed = declaration.observability
    if observed is None or observed.alarms is None:
        return []
    listed = _read(observed.alarms, declaration.project, _Alarms).alarms
    if unknown := sorted(observed.limits.keys() - {alarm.name for alarm in listed}):
        raise DeployError(f"alarms.limits of stage {declaration.stage}: there is no alarm {', '.join(unknown)}.")
    return [each for alarm in listed for each in _alarms(alarm, declaration, observed)]


def charts(declaration: Declaration) -> tuple[str, list[Chart]] | None:
    """The dashboard's title and what is on it. Raises DeployError."""
    observed = declaration.observability
    if observed is None or observed.dashboard is None:
        return None
    file = _read(observed.dashboard, declaration.project, _Charts)
    values = _prices(observed)
    made = [Chart(each.title, each.type, _filled(each.query, values), each.x, each.y, each.by) for each in file.charts]
    return file.title, made


def _alarms(alarm: _Alarm, declaration: Declaration, observed: Observability) -> Iterator[Alarm]:
    for function in declaration.functions if alarm.each else [""]:
        limit = f"{observed.limits.get(alarm.name, alarm.limit):g}"
        values = {**_prices(observed), "limit": limit, "function": function}
        yield Alarm(
            name=f"{alarm.name}-{function}" if function else alarm.name,
            level=LEVELS[alarm.level],
            query=_filled(alarm.query, values),
            condition=_filled(alarm.condition, values),
            minutes=alarm.minutes,
            every=alarm.every,
            times=alarm.times,
            repeat=alarm.repeat,
            message=f"{_filled(alarm.message, values)}\nRunbook: {observed.runbook}#{alarm.name}",
            notices=observed.notices,
        )


def _prices(observed: Observability) -> dict[str, str]:
    """As decimals without an exponent, which the query language would not read."""
    prices = {"price.gbSecond": observed.gb_second, "price.call": observed.million_calls / 1_000_000}
    return {name: f"{price:.12f}".rstrip("0").rstrip(".") for name, price in prices.items()}


def _filled(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise DeployError(f"There is no ${{{match[1]}}} for the alarms and the dashboard.")
        return values[match[1]]

    return _VARIABLE.sub(value, text)


def _read(path: Path, project: Path, model: type[File]) -> File:
    shown = str(path.relative_to(project)) if path.is_relative_to(project) else path.name
    try:
        return model.model_validate(yamlfile.read(path, shown))
    except yamlfile.YamlError as error:
        raise DeployError(str(error)) from error
    except ValidationError as error:
        raise DeployError("\n".join(f"{shown}: {fault}" for fault in problems(error, model))) from None
