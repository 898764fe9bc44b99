"""The statistics of CLS: the SELECT behind a query's |, run by SQLite over the records that the search found.

A subset: SELECT … WHERE … GROUP BY … HAVING … ORDER BY … LIMIT, with sub-queries, over the columns that the topic's
index counts (SqlFlag) and __TIMESTAMP__; the functions below. FROM may be left out, it is the log. Whatever else is
refused, also what SQLite would understand. https://cloud.tencent.com/document/product/614/44061
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from emulator.api.action import ApiError

TIME = "__TIMESTAMP__"
ROWS = 100  # unless LIMIT says otherwise
_STEPS = 20_000_000  # of SQLite's machine: some seconds
_BEIJING = timezone(timedelta(hours=8))
_TOKEN = re.compile(
    r"""\s+ | (?P<text>'(?:[^']|'')*') | (?P<number>\d+(?:\.\d+)?) | "(?P<quoted>[^"]+)"
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*) | (?P<sign><>|!=|>=|<=|\|\||[-+*/%=<>(),])""",
    re.VERBOSE,
)
_WORDS = {
    "select", "from", "where", "group", "by", "having", "order", "limit", "as", "and", "or", "not", "in", "between",
    "like", "is", "null", "case", "when", "then", "else", "end", "distinct", "asc", "desc", "double",
    "bigint", "varchar", "log",
}  # fmt: skip
_FUNCTIONS = {
    "count", "sum", "avg", "min", "max", "round", "abs", "coalesce", "nullif", "lower", "upper", "length", "cast",
    "count_if", "approx_percentile", "approx_distinct", "max_by", "regexp_extract", "histogram",
}  # fmt: skip
_UNITS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
_TYPES: dict[str, type] = {"long": int, "double": float, "text": str}


@dataclass(frozen=True)
class Table:
    """What a SELECT gives: names of the columns in order, and the rows by name."""

    columns: list[str]
    rows: list[dict[str, Any]]


def columns_of(rule: Mapping[str, Any]) -> dict[str, str]:
    """The columns that can be counted by, and their types; `rule` is the index's."""
    keys = (rule.get("KeyValue") or {}).get("KeyValues", [])
    return {TIME: "long", **{key["Key"]: key["Value"]["Type"] for key in keys if key["Value"].get("SqlFlag")}}


def select(sql: str, rule: Mapping[str, Any], records: Iterable[tuple[int, Mapping[str, str]]]) -> Table:
    """`records`: time in ms and fields. Raises ApiError FailedOperation.SyntaxError or .QueryError."""
    tokens = _with_times(_tokens(sql))
    known = columns_of(rule)
    used = _check(tokens, known)
    statement = " ".join(_with_from([_written(kind, token) for kind, token in tokens]))
    database = _database(used, known, records)
    try:
        cursor = database.execute(statement)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(_limit(tokens))]
    except sqlite3.Error as error:
        raise ApiError("FailedOperation.QueryError", f"The analysis failed: {error}") from None
    finally:
        database.close()
    return Table(names, rows)


def _tokens(sql: str) -> list[tuple[str, str]]:
    found, position = list[tuple[str, str]](), 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise ApiError("FailedOperation.SyntaxError", f"This stand-in does not understand: {sql[position:][:60]}")
        position = match.end()
        if match.lastgroup:
            found.append((match.lastgroup, match[match.lastgroup]))
    if not found or found[0][1].lower() != "select":
        raise ApiError("FailedOperation.SyntaxError", "Behind | a SELECT is wanted.")
    return found


def _with_times(tokens: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """An interval becomes its milliseconds."""
    made, waiting = list[tuple[str, str]](), list(tokens)
    while waiting:
        token = waiting.pop(0)
        if token[1].lower() == "interval":
            (_, count), (_, unit) = (*waiting[:2], ("", ""), ("", ""))[:2]
            if not count.isdecimal() or unit.lower() not in _UNITS:
                raise ApiError(
                    "FailedOperation.SyntaxError", "An interval is a number and second, minute, hour or day."
                )
            token, waiting = ("number", str(int(count) * _UNITS[unit.lower()])), waiting[2:]
        made.append(token)
    return made


def _check(tokens: Sequence[tuple[str, str]], known: Mapping[str, str]) -> set[str]:
    """The columns that are used. Every other word must be a keyword, a function or a name given by AS."""
    pairs = list(zip(tokens, [*tokens[1:], ("", "")], strict=True))
    given = {after for (_, before), (_, after) in pairs if before.lower() == "as"} - {"double", "bigint", "varchar"}
    used = set[str]()
    for (kind, token), (_, following) in pairs:
        if kind == "word" and following == "(" and token.lower() in _FUNCTIONS:
            continue
        if kind == "quoted" or (kind == "word" and token.lower() not in _WORDS):
            if token in known:
                used.add(token)
            elif token not in given or following == "(":
                raise ApiError("FailedOperation.QueryError", f"{token} is no column with statistics, and no function.")
    return used


def _written(kind: str, token: str) -> str:
    return f'"{token}"' if kind == "quoted" else token


def _with_from(words: list[str]) -> list[str]:
    """FROM log put in where a SELECT has no FROM."""
    made, position = list[str](), 0
    while position < len(words):
        made.append(words[position])
        if words[position].lower() == "select" and (gap := _gap(words, position)) is not None:
            words = [*words[:gap], "FROM", "log", *words[gap:]]
        position += 1
    return made


def _gap(words: list[str], start: int) -> int | None:
    """Where this SELECT's FROM belongs; None when it has one."""
    depth = 0
    for position in range(start + 1, len(words)):
        word = words[position].lower()
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0:
            return position
        if depth == 0 and word == "from":
            return None
        if depth == 0 and word in ("where", "group", "having", "order", "limit"):
            return position
    return len(words)


def _limit(tokens: Sequence[tuple[str, str]]) -> int:
    return int(tokens[-1][1]) if len(tokens) > 1 and tokens[-2][1].lower() == "limit" else ROWS


def _database(
    used: set[str], known: Mapping[str, str], records: Iterable[tuple[int, Mapping[str, str]]]
) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    names = sorted(used | {TIME})
    database.execute("CREATE TABLE log ({})".format(", ".join(f'"{name}"' for name in names)))
    rows = (
        [time_ms if name == TIME else _typed(fields.get(name), known[name]) for name in names]
        for time_ms, fields in records
    )
    database.executemany("INSERT INTO log VALUES ({})".format(", ".join("?" * len(names))), rows)  # noqa: S608
    database.create_function("histogram", 2, _histogram, deterministic=True)
    database.create_function("regexp_extract", 3, _regexp_extract, deterministic=True)
    aggregates: list[tuple[str, int, Any]] = [
        ("count_if", 1, _CountIf),
        ("approx_percentile", 2, _Percentile),
        ("approx_distinct", 1, _Distinct),
        ("max_by", 2, _MaxBy),
    ]
    for name, arguments, aggregate in aggregates:
        database.create_aggregate(name, arguments, aggregate)
    steps = iter(range(_STEPS // 1000))
    database.set_progress_handler(lambda: next(steps, None) is None, 1000)
    return database


def _typed(value: str | None, kind: str) -> Any:
    """A field that is not of its index's type has no value in statistics."""
    try:
        return None if value is None else _TYPES[kind](value)
    except ValueError:
        return None


def _histogram(time_ms: int, step_ms: int) -> str:
    """The beginning of the interval, Beijing's time."""
    return datetime.fromtimestamp(time_ms // step_ms * step_ms / 1000, _BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _regexp_extract(text: str | None, pattern: str, group: int) -> str | None:
    found = re.search(pattern, text or "")
    return found[group] if found else None


class _CountIf:
    def __init__(self) -> None:
        self.count = 0

    def step(self, truth: Any) -> None:
        self.count += bool(truth)

    def finalize(self) -> int:
        return self.count


class _Percentile:
    def __init__(self) -> None:
        self.values: list[float] = []
        self.share = 0.0

    def step(self, value: float | None, share: float) -> None:
        self.share = share
        if value is not None:
            self.values.append(value)

    def finalize(self) -> float | None:
        ordered = sorted(self.values)
        return ordered[min(int(self.share * len(ordered)), len(ordered) - 1)] if ordered else None


class _Distinct:
    def __init__(self) -> None:
        self.values = set[Any]()

    def step(self, value: Any) -> None:
        if value is not None:
            self.values.add(value)

    def finalize(self) -> int:
        return len(self.values)


class _MaxBy:
    def __init__(self) -> None:
        self.best: tuple[Any, Any] | None = None

    def step(self, value: Any, by: Any) -> None:
        if by is not None and (self.best is None or by > self.best[0]):
            self.best = (by, value)

    def finalize(self) -> Any:
        return self.best[1] if self.best else None
