"""What a request asks for: query and body in, plain values out, BadRequest for what cannot be understood."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from emulator.kube.errors import BadRequest, TooLarge, UnsupportedMediaType
from emulator.kube.objects import Obj

BODY_MAX = 3 * 1024 * 1024  # bytes, the API server's own limit for JSON
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def flag(request: Request, name: str) -> bool:
    """A boolean parameter as Go parses it; absent is false."""
    text = request.query_params.get(name, "")
    if text.lower() in ("", "0", "false", "f"):
        return False
    if text.lower() in ("1", "true", "t"):
        return True
    raise BadRequest(f"invalid value for {name}: {text!r} is no boolean")


def number(request: Request, name: str, least: int = 0) -> int | None:
    """A whole number of at least `least`; None when absent or empty."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", text) or int(text) < least:
        raise BadRequest(f"invalid value for {name}: {text!r} is no number of at least {least}")
    return int(text)


def dry_run(request: Request, named: Collection[str] = ()) -> bool:
    """Is everything but the write wanted? `named` is what the body says."""
    given = {*request.query_params.getlist("dryRun"), *named} - {""}
    if given - {"All"}:
        raise BadRequest(f"dryRun: Unsupported value: {sorted(given - {'All'})[0]!r}: supported values: All")
    return bool(given)


async def json_body(request: Request, media_types: Collection[str] = ("application/json",)) -> Obj:
    """The object in the body. Raises UnsupportedMediaType, TooLarge or BadRequest."""
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type not in media_types:
        known = ", ".join(media_types)
        raise UnsupportedMediaType(f"the body of the request was in an unknown format - accepted media types: {known}")
    return _object(await raw_body(request))


async def optional_json_body(request: Request) -> Obj:
    """The same for a delete: no body is an empty object."""
    content = await raw_body(request)
    return _object(content) if content.strip() else {}


async def raw_body(request: Request) -> bytes:
    """Raises TooLarge."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_MAX:
            raise TooLarge(f"Request entity too large: limit is {BODY_MAX}")
        parts.append(part)
    return b"".join(parts)


def _object(content: bytes) -> Obj:
    if _SURROGATE.search(content):
        content = _without_lone_surrogates(content)
    try:
        value = json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise BadRequest("the body of the request is nested too deep") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError too; they show no more than the place
        raise BadRequest(f"the body of the request cannot be decoded as JSON: {_reason(error)}") from None
    if not isinstance(value, dict):
        raise BadRequest("the body of the request is no JSON object")
    return value


def _without_lone_surrogates(content: bytes) -> bytes:
    """Half a surrogate pair is no text and cannot be sent back: it becomes U+FFFD, as in Go."""
    try:
        text = json.dumps(json.loads(content), ensure_ascii=False)
    except (ValueError, RecursionError):
        return content  # the caller finds the same fault
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno} column {error.colno}"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:200]


def _unique(pairs: list[tuple[str, Any]]) -> Obj:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'duplicate field "{twice[:100]}"')
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
