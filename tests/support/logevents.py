"""What the functions log: every log.<level>("event", field=…) of their source, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("functions", "layers/core")
LEVELS = {"debug", "info", "warning", "error"}
COMMON = {"ts", "level", "event"}
"""Fields of every line."""


def events() -> dict[str, set[str]]:
    """Fields by event. Of **name(…) those count that the function of that name, in the same file, writes out."""
    found: dict[str, set[str]] = {}
    for name, call, module in _calls():
        fields = found.setdefault(name, set())
        for keyword in call.keywords:
            fields |= {keyword.arg} if keyword.arg else _keys(keyword.value, module)
    return found


def levels() -> dict[str, set[str]]:
    """The levels that each event is logged at."""
    found: dict[str, set[str]] = {}
    for name, call, _ in _calls():
        found.setdefault(name, set()).add(_called(call))
    return found


def bound() -> set[str]:
    """Fields that lines get from around them: log.bind(field=…), log.note(field=…), and what log.event itself knows."""
    fields = {"function", "request_id"}
    for call, _ in _log_calls({"bind", "note"}):
        fields |= {keyword.arg for keyword in call.keywords if keyword.arg}
    return fields


def _calls() -> Iterator[tuple[str, ast.Call, ast.Module]]:
    for call, module in _log_calls(LEVELS):
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            yield call.args[0].value, call, module


def _log_calls(names: set[str]) -> Iterator[tuple[ast.Call, ast.Module]]:
    """Calls of log.<name>, and within log.py of <name>."""
    paths = sorted(path for folder in SOURCES for path in (REPOSITORY / folder).rglob("*.py"))
    for path in paths:
        module = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and _called(node) in names and _is_log(node.func, path):
                yield node, module


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _is_log(called: ast.expr, path: Path) -> bool:
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id == "log"
    return isinstance(called, ast.Name) and path.name == "log.py"


def _keys(value: ast.expr, module: ast.Module) -> set[str]:
    name = _called(value) if isinstance(value, ast.Call) else ""
    made = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and node.name == name)
    texts = (key for node in made for each in ast.walk(node) if isinstance(each, ast.Dict) for key in each.keys)
    return {key.value for key in texts if isinstance(key, ast.Constant) and isinstance(key.value, str)}
