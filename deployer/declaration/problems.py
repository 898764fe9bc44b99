"""What pydantic found wrong in; one line per place out: the key by name, the nearest known one, no value."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from deployer.declaration.shape import plain
from deployer.declaration.variables import Unresolved

# A part that pydantic adds for the branch of a union or the key of a mapping is no place in the file.
_BRANCHES = ("literal[", "list[", "constrained-", "function-")


def problems(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Lines such as "unknown key 'topc' at functions.dispatch.events[0].ckafka.topc (did you mean 'topic'?)".

    What could not be resolved is left out: why it could not has been said.
    """
    by_place: dict[str, list[str]] = {}
    for fault in error.errors(include_url=False):
        if isinstance(fault["input"], Unresolved):
            continue
        parts = [part for part in fault["loc"] if part != "[key]" and not str(part).startswith(_BRANCHES)]
        place = _place(parts)
        if fault["type"] == "extra_forbidden":
            yield f"unknown key {parts[-1]!r} at {place}{_suggestion(parts, model)}"
        elif fault["type"] == "missing":
            yield f"{place} is missing"
        else:
            by_place.setdefault(place or "the whole", []).append(fault["msg"].removeprefix("Value error, "))
    for place, messages in by_place.items():
        yield f"{place}: {', or: '.join(dict.fromkeys(messages))}"


def unknown_keys(error: ValidationError) -> list[tuple[int | str, ...]]:
    """Where each of them is, as a way from the top."""
    return [fault["loc"] for fault in error.errors() if fault["type"] == "extra_forbidden"]


def only_unknown_keys(error: ValidationError) -> bool:
    """All else is in order, so that the rest can be looked at without them."""
    return all(fault["type"] == "extra_forbidden" for fault in error.errors())


def _place(parts: list[int | str]) -> str:
    place = ""
    for part in parts:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    return place


def _suggestion(parts: list[int | str], model: type[BaseModel]) -> str:
    schema: dict[str, Any] = plain(model)
    for part in parts[:-1]:
        schema = _step(schema, part)
    known = get_close_matches(str(parts[-1]), schema.get("properties", {}), n=1)
    return f" (did you mean {known[0]!r}?)" if known else ""


def _step(schema: dict[str, Any], part: int | str) -> dict[str, Any]:
    """The schema of what is at `part` of what `schema` is for."""
    key = "items" if isinstance(part, int) else "properties"
    candidates = [schema, *schema.get("anyOf", [])]
    inner: Any = next((candidate[key] for candidate in candidates if key in candidate), {})
    if isinstance(part, str):
        named = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        inner = inner.get(part) or next((candidate for candidate in named if candidate), {})
    return inner if isinstance(inner, dict) else {}
