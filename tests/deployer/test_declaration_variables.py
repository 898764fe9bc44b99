"""${env:…}, ${self:…}, ${opt:…} and ${file(…):…} in serverless.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deployer.declaration.variables import Variables


def resolve(document: Any, files: Mapping[str, Any] = {}) -> tuple[Any, list[str]]:
    variables = Variables(document, {"NAME": "n", "TRAP": "${env:NAME}"}, {"stage": "s"}, files.get)
    return variables.resolve(document), list(variables.problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:NAME}", "n"),
        ("a-${env:NAME}-${opt:stage}", "a-n-s"),
        ("${env:NONE, 'x, y'}", "x, y"),
        ("${env:NONE, self:list}", [1, "n"]),
        ("${self:list.1}", "n"),
        ("${env:NONE, 5}", 5),
        ("${env:NONE, ${env:NAME}}", "n"),
        ("${env:TRAP}", "${env:NAME}"),
        ("${file(${opt:stage}.yml):deep.list.0}", "n"),
        ("${file(none.yml):a, 'default'}", "default"),
        ("${self:file.deep.list}", ["n"]),
    ],
)
def test_a_variable_becomes_its_value(text: str, value: Any) -> None:
    document = {"x": text, "list": [1, "${env:NAME}"], "file": "${file(s.yml)}"}
    files = {"s.yml": {"deep": {"list": ["${env:NAME}"]}}}

    resolved, problems = resolve(document, files)
    assert (resolved["x"], problems) == (value, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${env:NONE}", "x: ${env:NONE} has no value and no fall-back"),
        ("${ssm:/a}", "x: unknown variable ${ssm:/a}; known are env:, self:, opt: and file(…)"),
        ("${env:NAME", "x: ${ without its closing brace"),
        ("${self:x}", "x: ${self:x} refers to itself"),
        ("${self:x.y}", "x: ${self:x.y} refers to itself"),
        ("a ${self:list}", "x: a list, a mapping or null cannot stand inside a text"),
        ("${file(circle.yml):a}", "x: ${file(circle.yml):a} refers to itself"),
    ],
)
def test_what_cannot_be_resolved_is_told_by_place(text: str, problem: str) -> None:
    _, problems = resolve({"x": text, "list": [1]}, {"circle.yml": {"a": "${file(circle.yml):a}"}})

    assert problems == [problem]


def test_every_unresolved_variable_is_told_once_however_often_it_is_used() -> None:
    _, problems = resolve({"a": "${env:NO}", "b": ["${env:NEITHER}"], "c": "${self:a}-${self:b.0}"})

    assert problems == [
        "a: ${env:NO} has no value and no fall-back",
        "b[0]: ${env:NEITHER} has no value and no fall-back",
    ]
