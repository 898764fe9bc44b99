"""Trigger conditions of alarm policies: an expression over the results of the policy's queries → whether it is met.

$N.key is field `key` of a row of query N, [$N.key] the same for keys with other signs, $N.__QUERYCOUNT__ the number of
rows; + - * / %, == != > >= < <=, && || and brackets. With several rows each combination is tried, 1000 at most. Met is
only what is true itself: a number is no truth. https://cloud.tencent.com/document/product/1348/51756
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

Row = Mapping[str, Any]
Rows = Mapping[int, Row]
_Value = Callable[[Rows], Any]

COUNT = "__QUERYCOUNT__"
COMBINATIONS = 1000
_TOKEN = re.compile(
    r"""\s*(?: \[\$(?P<other>\d)\.(?P<odd>[^\]]+)\] | \$(?P<number>\d)\.(?P<key>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<value>\d+(?:\.\d+)?) | "(?P<text>[^"]*)" | (?P<sign>&&|\|\||[=!<>]=|[-+*/%<>()]) )""",
    re.VERBOSE,
)
_LEVELS: tuple[dict[str, Callable[[Any, Any], Any]], ...] = (
    {"||": lambda a, b: a is True or b is True},
    {"&&": lambda a, b: a is True and b is True},
    {"==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv, "%": operator.mod},
)


class ConditionError(ValueError):
    """The text is no condition."""


class Condition:
    """A condition that was read. `references`: (number of the query, key) of all that it uses."""

    def __init__(self, text: str) -> None:
        self.references: set[tuple[int, str]] = set()
        self._tokens, self._at = list(_tokens(text)), 0
        self._value = self._level(0)
        if self._at < len(self._tokens):
            raise ConditionError(f"not understood: {self._tokens[self._at][1]}")

    def met(self, results: Mapping[int, Sequence[Row]]) -> bool:
        """`results`: the rows of each query by its number."""
        numbers = sorted({number for number, _ in self.references})
        counted = {number: {COUNT: len(results[number])} for number in numbers}
        # A query without rows still has a count.
        rows = [results[number] or [{}] for number in numbers]
        for chosen in islice(product(*rows), COMBINATIONS):
            here = {number: {**row, **counted[number]} for number, row in zip(numbers, chosen, strict=True)}
            if self._value(here) is True:
                return True
        return False

    def _level(self, depth: int) -> _Value:
        if depth == len(_LEVELS):
            return self._operand()
        left = self._level(depth + 1)
        while (sign := self._peek()) in _LEVELS[depth]:
            self._at += 1
            left = _both(_LEVELS[depth][sign], left, self._level(depth + 1))
        return left

    def _operand(self) -> _Value:
        if self._at == len(self._tokens):
            raise ConditionError("something is missing at the end")
        kind, token = self._tokens[self._at]
        self._at += 1
        if kind == "reference":
            self.references.add(token)
            return lambda rows: rows[token[0]].get(token[1])
        if kind == "constant":
            return lambda rows: token
        if (kind, token) != ("sign", "("):
            raise ConditionError(f"not understood: {token}")
        inner = self._level(0)
        if self._peek() != ")":
            raise ConditionError("a bracket is not closed")
        self._at += 1
        return inner

    def _peek(self) -> str:
        kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return token if kind == "sign" else ""


def _both(work: Callable[[Any, Any], Any], left: _Value, right: _Value) -> _Value:
    def value(rows: Rows) -> Any:
        try:
            return work(left(rows), right(rows))
        except (TypeError, ZeroDivisionError):  # null, or a text among numbers: it has no value
            return None

    return value


def _tokens(text: str) -> Iterator[tuple[str, Any]]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConditionError(f"not understood: {text[position:].strip()[:40]}")
        position = match.end()
        if match["number"] or match["other"]:
            yield "reference", (int(match["number"] or match["other"]), match["key"] or match["odd"])
        elif match["value"]:
            yield "constant", float(match["value"])
        elif match["text"] is not None:
            yield "constant", match["text"]
        else:
            yield "sign", match["sign"]
