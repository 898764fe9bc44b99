"""The grammar of `${…}`: where a variable ends, its sources, its literals. Pure text work."""

from __future__ import annotations

import re
from typing import Any

LITERAL = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<number>-?\d+)|(?P<word>true|false|null)")
_WORDS = {"true": True, "false": False, "null": None}


class ExpressionError(ValueError):
    """No variable is written like this."""


def closing(text: str, start: int) -> int:
    """The index of the `}` that closes the `${` at `start`; quoted text may hold braces. Raises ExpressionError."""
    depth, quote = 0, ""
    for index in range(start, len(text)):
        letter = text[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"" and depth:
            quote = letter
        elif text.startswith("${", index):
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
            if depth == 0:
                return index
    raise ExpressionError("${ without its closing brace")


def split(expression: str) -> list[str]:
    """The sources of an expression: split at the commas that stand outside quotes and nested variables."""
    sources, current, depth, quote = [], "", 0, ""
    for letter in expression:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "{}":
            depth += 1 if letter == "{" else -1
        elif letter == "," and depth == 0:
            sources.append(current.strip())
            current = ""
            continue
        current += letter
    return [*sources, current.strip()]


def literal(match: re.Match[str]) -> Any:
    """The value of a match of LITERAL."""
    if match["number"]:
        return int(match["number"])
    if match["word"]:
        return _WORDS[match["word"]]
    return match["single"] if match["single"] is not None else match["double"]
