"""What the services share in reading parameters: ranges, lengths, pages and times, with the platform's refusals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from emulator.api.action import ApiError, Params
from emulator.documents import Documents

T = TypeVar("T")
_BEIJING = timezone(timedelta(hours=8))


def number(params: Params, name: str, low: int, high: int, default: int, *, code: str = "InvalidParameterValue") -> int:
    """The parameter, or `default` when it is not given. Raises ApiError with `code` when it is not within low…high."""
    value: int = params.get(name, default)
    if not low <= value <= high:
        raise ApiError(code, f"The value of parameter `{name}` must be from {low} to {high}.")
    return value


def one_of(params: Params, name: str, values: Sequence[T], default: T, *, code: str = "InvalidParameterValue") -> T:
    """The parameter, or `default`. Raises ApiError when it is none of `values`."""
    value: T = params.get(name, default)
    if value not in values:
        raise ApiError(code, f"The value of parameter `{name}` must be one of {', '.join(map(str, values))}.")
    return value


def named(params: Params, name: str, pattern: str, *, code: str = "InvalidParameterValue") -> str:
    """A text that the whole pattern matches. Raises ApiError with `code`."""
    value: str = params[name]
    if not re.fullmatch(pattern, value):
        raise ApiError(code, f"The value of parameter `{name}` is not valid: it must match {pattern}")
    return value


def refuse(params: Params, *names: str) -> None:
    """What this stand-in does not do must not look done. Raises ApiError UnsupportedOperation for one given."""
    for name in names:
        if name in params:
            raise ApiError("UnsupportedOperation", f"Parameter `{name}` is not supported by this stand-in.")


def tags(given: list[dict[str, str]], key: str, value: str, *, at_most: int, code: str) -> dict[str, str]:
    """Tags as a mapping. Raises ApiError with `code`: too many, or a key given twice."""
    found = {tag[key]: tag[value] for tag in given}
    if len(found) < len(given) or len(found) > at_most:
        raise ApiError(code, f"Tags must have different keys, and be at most {at_most}.")
    return found


def local_time(seconds: float) -> str:
    """As the API writes times: Beijing's, 2026-11-24 20:00:00."""
    return datetime.fromtimestamp(seconds, _BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def next_number(documents: Documents, name: str, start: int) -> int:
    """1 more than the last time, so that an id is never given twice, even after what had it was deleted."""
    last = documents.get("counter", name)
    following = start if last is None else last["value"] + 1
    documents.put("counter", name, {"value": following})
    return following
