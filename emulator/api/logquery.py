"""The search conditions of CLS (CQL): a query and a topic's index in, a test for records out.

Understood are the empty query, `*`, words, "phrases", key:value and key:"value", joined by AND (or by nothing, which
means the same). A value is cut into words at the index's delimiters, and matches when its words stand in the field in
that order. Everything else (OR, NOT, brackets, wildcards, ranges, SQL after |) is refused.
https://cloud.tencent.com/document/product/614/47044
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from emulator.api.action import ApiError

Test = Callable[[dict[str, str]], bool]
MAX_BYTES = 12 * 1024
_TERM = re.compile(
    r'\s*(?:(?P<key>[A-Za-z0-9_.@/-]+):)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s":|()\[\]{}<>=*?\\]+))'
)
_OPERATORS = {"OR", "NOT"}
_NUMBERS: dict[str, Callable[[str], float]] = {"long": int, "double": float}


def test_of(query: str, index: dict[str, Any] | None) -> Test:
    """Whether a record's fields meet the query. `index`: the Rule of CreateIndex, None when the topic has none.

    Raises ApiError: FailedOperation.SyntaxError for what is not understood, FailedOperation.QueryError for what the
    index does not cover.
    """
    if len(query.encode()) > MAX_BYTES:
        raise ApiError("InvalidParameter", f"A query has at most {MAX_BYTES} bytes.")
    if index is None:
        raise ApiError("ResourceNotFound.IndexNotExist", "The topic has no index, so it cannot be searched.")
    if query.strip() in ("", "*"):
        return lambda fields: True
    tests, position = list[Test](), 0
    while query[position:].strip():
        match = _TERM.match(query, position)
        word = match["word"] if match else None
        if match is None or (word or "").upper() in _OPERATORS:
            raise _syntax_error(query[position:].strip())
        position = match.end()
        if match["key"] is None and (word or "").upper() == "AND":
            if not tests or not query[position:].strip():
                raise _syntax_error("AND")
            continue
        value = word if word is not None else re.sub(r"\\(.)", r"\1", match["quoted"])
        tests.append(_full_text(value, index) if match["key"] is None else _key_value(match["key"], value, index))
    return lambda fields: all(test(fields) for test in tests)


def _syntax_error(rest: str) -> ApiError:
    return ApiError("FailedOperation.SyntaxError", f"This stand-in does not understand the query at: {rest[:60]}")


def _full_text(value: str, index: dict[str, Any]) -> Test:
    rule = index.get("FullText")
    if rule is None:
        raise ApiError("FailedOperation.QueryError", "The topic has no full-text index.")
    words = _words(value, rule)
    return lambda fields: any(_holds(_words(text, rule), words) for text in fields.values())


def _key_value(key: str, value: str, index: dict[str, Any]) -> Test:
    keys = index.get("KeyValue") or {}
    known = next((k["Value"] for k in keys.get("KeyValues", []) if k["Key"] == key), None)
    if known is None:
        raise ApiError("FailedOperation.QueryError", f"The topic has no key-value index on {key}.")
    if known["Type"] in _NUMBERS:
        return _number(key, value, known["Type"])
    rule = {**known, "CaseSensitive": keys.get("CaseSensitive", False)}
    words = _words(value, rule)
    return lambda fields: key in fields and _holds(_words(fields[key], rule), words)


def _number(key: str, value: str, kind: str) -> Test:
    read = _NUMBERS[kind]
    try:
        wanted = read(value)
    except ValueError:
        raise ApiError("FailedOperation.QueryError", f"{key} is a {kind}, {value} is none.") from None

    def test(fields: dict[str, str]) -> bool:
        try:
            return read(fields[key]) == wanted
        except (KeyError, ValueError):
            return False

    return test


def _words(text: str, rule: dict[str, Any]) -> list[str]:
    """The words of a text: cut at every delimiter (Tokenizer) and, with ContainZH, around every Chinese character."""
    if not rule.get("CaseSensitive"):
        text = text.lower()
    delimiters = rule.get("Tokenizer") or ""
    if rule.get("ContainZH"):
        text = re.sub(r"([\u4e00-\u9fff])", r"\0\1\0", text)
        delimiters += "\0"
    return [word for word in re.split(f"[{re.escape(delimiters)}]" if delimiters else r"(?!)", text) if word]


def _holds(words: list[str], wanted: list[str]) -> bool:
    return any(words[i : i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1))
