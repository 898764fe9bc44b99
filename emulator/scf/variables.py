"""Variables in serverless.yml: a parsed document with `${…}` in, the same document with their values out.

Known: ${env:NAME}, ${self:a.b.c}, ${opt:name}, with fall-backs: ${env:NAME, 'text'}, ${opt:stage, self:custom.x, 3}.
They may be nested. A variable that is the whole text keeps the type of its value (a list from `self`); inside a longer
text it becomes text. What a variable of the environment contains is never expanded again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LITERAL = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<number>-?\d+)|(?P<word>true|false|null)")
_REFERENCE = re.compile(r"(?P<kind>[A-Za-z]+):(?P<name>.*)")
_WORDS = {"true": True, "false": False, "null": None}


class VariableError(ValueError):
    """A variable that cannot be resolved; the text names it and the place where it stands."""


class EnvText(str):
    """Text that came from the environment: where a number is wanted, its digits count as one."""


class Variables:
    """Resolves one document. `env` and `options` are what ${env:} and ${opt:} see."""

    def __init__(self, document: Any, env: Mapping[str, str], options: Mapping[str, str]) -> None:
        self._document, self._env, self._options = document, env, options
        self._open: list[str] = []  # addresses of `self` being resolved, to see circles

    def resolve(self, value: Any, place: str = "") -> Any:
        """`value` with every variable in it replaced. Raises VariableError."""
        if isinstance(value, dict):
            return {key: self.resolve(item, f"{place}.{key}" if place else str(key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, f"{place}[{index}]") for index, item in enumerate(value)]
        return self._text(value, place) if isinstance(value, str) and "${" in value else value

    def _text(self, text: str, place: str) -> Any:
        parts: list[Any] = []
        position = 0
        while (start := text.find("${", position)) >= 0:
            end = _closing(text, start, place)
            parts += [text[position:start], self._variable(text[start + 2 : end], place)]
            position = end + 1
        parts.append(text[position:])
        parts = [part for part in parts if part != ""]
        if len(parts) == 1:
            return parts[0]
        if any(isinstance(part, (dict, list)) for part in parts):
            raise VariableError(f"{place}: a list or mapping cannot stand inside a text: {text}")
        return EnvText("".join(str(part) for part in parts))

    def _variable(self, expression: str, place: str) -> Any:
        """The value of what stands between `${` and `}`: the first source that has one."""
        for source in _split(expression):
            found, value = self._source(source, place)
            if found:
                return value
        raise VariableError(f"{place}: ${{{expression}}} has no value and no fall-back")

    def _source(self, source: str, place: str) -> tuple[bool, Any]:
        if source.startswith("${"):
            return True, self._text(source, place)
        if literal := _LITERAL.fullmatch(source):
            return True, _literal(literal)
        reference = _REFERENCE.fullmatch(str(self.resolve(source, place)))
        match reference and (reference["kind"], reference["name"].strip()):
            case ("env", name):
                return name in self._env, EnvText(self._env.get(name, ""))
            case ("opt", name):
                return name in self._options, self._options.get(name)
            case ("self", address):
                return self._self(address, place)
        raise VariableError(f"{place}: unknown variable ${{{source}}}; known are env:, self: and opt:")

    def _self(self, address: str, place: str) -> tuple[bool, Any]:
        if address in self._open:
            raise VariableError(f"{place}: ${{self:{address}}} refers to itself")
        value = self._document
        for key in address.split("."):
            if isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            elif isinstance(value, dict) and key in value:
                value = value[key]
            else:
                return False, None
        self._open.append(address)
        try:
            return True, self.resolve(value, place)
        finally:
            self._open.pop()


def _closing(text: str, start: int, place: str) -> int:
    """The index of the `}` that closes the `${` at `start`; quoted text may hold braces."""
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
    raise VariableError(f"{place}: ${{ without its closing brace: {text[start:]}")


def _split(expression: str) -> list[str]:
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


def _literal(match: re.Match[str]) -> Any:
    if match["number"]:
        return int(match["number"])
    if match["word"]:
        return _WORDS[match["word"]]
    return match["single"] if match["single"] is not None else match["double"]
