"""Variables in serverless.yml: a parsed document with `${…}` in, the same document with their values out.

Known: ${env:NAME}, ${self:a.b.c}, ${opt:name}, ${file(path.yml):a.b}, with fall-backs: ${env:NAME, 'text'},
${opt:stage, self:custom.x, 3}. They may be nested. A variable that is the whole text keeps the type of its value (a
list from `self`); inside a longer text it becomes text. What a variable of the environment contains is never expanded
again. In a file, too, `self` is the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from deployer.declaration.expression import LITERAL, ExpressionError, closing, literal, split

_REFERENCE = re.compile(r"(?P<kind>env|opt|self):(?P<name>.*)|file\((?P<path>[^()]+)\)(:(?P<address>.*))?")
_INDEX = re.compile(r"\.(\d+)(?=\.|$)")


class VariableError(ValueError):
    """A variable that cannot be resolved; the text names it and the place where it stands, and no value."""


class EnvText(str):
    """Text that came from the environment: where a number is wanted, its digits count as one."""


class Unresolved:
    """Stands for what could not be resolved; why is among the problems."""


class Variables:
    """Resolves one document, and collects what is wrong in `problems`, each once."""

    def __init__(
        self,
        document: Any,
        env: Mapping[str, str],
        options: Mapping[str, str],
        read_file: Callable[[str], Any],
        env_hint: str = "",
    ) -> None:
        """`read_file`: the data of a file of the project, None when it isn't there; raises ValueError.

        `env_hint` is added where a variable of the environment is missing.
        """
        self._document, self._env, self._options = document, env, options
        self._read_file, self.env_hint = read_file, env_hint
        self._open: list[tuple[str, bool]] = []  # addresses being resolved, to see circles
        self.problems: dict[str, None] = {}
        self.missed: dict[str, dict[str, None]] = {}
        """By place: the names that the environment did not have, where something else then stood in for them."""

    def resolve(self, value: Any, place: str = "", deep: bool = True) -> Any:
        """`value` with every variable in it replaced; not `deep`: the inside of a list or mapping stays as it is."""
        if isinstance(value, dict) and deep:
            return {key: self.resolve(item, f"{place}.{key}" if place else str(key)) for key, item in value.items()}
        if isinstance(value, list) and deep:
            return [self.resolve(item, f"{place}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, str) or isinstance(value, EnvText) or "${" not in value:
            return value
        try:
            return self._text(value, place, deep)
        except (VariableError, ExpressionError) as error:
            self.problems[f"{place}: {error}"] = None
            return Unresolved()

    def _text(self, text: str, place: str, deep: bool) -> Any:
        parts: list[Any] = []
        position = 0
        while (start := text.find("${", position)) >= 0:
            end = closing(text, start)
            parts += [text[position:start], self._variable(text[start + 2 : end], place, deep)]
            position = end + 1
        parts.append(text[position:])
        parts = [part for part in parts if part != ""]
        if len(parts) == 1:
            return parts[0]
        if unresolved := [part for part in parts if isinstance(part, Unresolved)]:
            return unresolved[0]
        if any(part is None or isinstance(part, (dict, list)) for part in parts):
            raise VariableError("a list, a mapping or null cannot stand inside a text")
        return EnvText("".join(str(part) for part in parts))

    def _variable(self, expression: str, place: str, deep: bool) -> Any:
        """The value of what stands between `${` and `}`: the first source that has one."""
        for source in split(expression):
            found, value = self._source(source, place, deep)
            if found:
                return value
        hint = self.env_hint if "env:" in expression else ""
        raise VariableError(f"${{{expression}}} has no value and no fall-back{hint}")

    def _source(self, source: str, place: str, deep: bool) -> tuple[bool, Any]:
        if source.startswith("${"):
            return True, self._text(source, place, deep)
        if match := LITERAL.fullmatch(source):
            return True, literal(match)
        resolved = self._text(source, place, deep=True) if "${" in source else source
        if isinstance(resolved, Unresolved):
            return True, resolved
        reference = _REFERENCE.fullmatch(str(resolved))
        if not reference:
            raise VariableError(f"unknown variable ${{{source}}}; known are env:, self:, opt: and file(…)")
        if reference["path"]:
            return self._file(reference["path"].strip(), (reference["address"] or "").strip(), place, deep)
        name = reference["name"].strip()
        if reference["kind"] == "self":
            at = _INDEX.sub(r"[\1]", name)  # as the document's own walk calls the place
            return self._address(self._document, name, f"self:{name}", at, deep)
        if reference["kind"] == "opt":
            return name in self._options, self._options.get(name)
        if name not in self._env:
            self.missed.setdefault(place, {})[name] = None
        return name in self._env, EnvText(self._env.get(name, ""))

    def _file(self, path: str, address: str, place: str, deep: bool) -> tuple[bool, Any]:
        try:
            content = self._read_file(path)
        except ValueError as error:
            raise VariableError(str(error)) from error
        return self._address(content, address, f"file({path}):{address}", place, deep) if content else (False, None)

    def _address(self, value: Any, address: str, shown: str, place: str, deep: bool) -> tuple[bool, Any]:
        """What is at `address` (a.b.0) of `value`, and whether anything is; variables on the way are resolved."""
        if (shown, deep) in self._open:
            raise VariableError(f"${{{shown}}} refers to itself")
        self._open.append((shown, deep))
        try:
            way = ""
            for key in filter(None, address.split(".")):
                value = self.resolve(value, way or place, deep=False)
                way = f"{way}.{key}" if way else key
                if isinstance(value, Unresolved):
                    return True, value
                if isinstance(value, list) and key.isdigit() and int(key) < len(value):
                    value = value[int(key)]
                elif isinstance(value, dict) and key in value:
                    value = value[key]
                else:
                    return False, None
            return True, self.resolve(value, place, deep)
        finally:
            self._open.pop()
