"""Cross-origin rules: a bucket's CORS document and what a browser says of itself in, the headers of the answer out.

A preflight (OPTIONS) carries no signature and is answered from the rules alone; a real request is answered as always,
and gets the headers when a rule fits, or none, and then the browser keeps the answer from the page.
https://cloud.tencent.com/document/product/436/8288
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from emulator.cos.call import Call
from emulator.cos.errors import CosError
from emulator.cos.reply import reply

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


async def preflight(call: Call) -> Response:
    """May this page send such a request? Raises CosError AccessForbidden when no rule says so."""
    document = await call.run(lambda: call.store.setting(call.bucket, "cors"))
    origin, method = call.headers.get("origin"), call.headers.get("access-control-request-method")
    if not origin or not method:
        raise CosError("AccessForbidden", "A preflight needs Origin and Access-Control-Request-Method.")
    asked = [name.strip() for name in call.headers.get("access-control-request-headers", "").split(",")]
    headers = _answer(document, origin, method, [name for name in asked if name])
    if headers is None:
        raise CosError("AccessForbidden", "No CORS rule of the bucket allows this request.")
    return reply(headers=headers)


async def headers_for(call: Call) -> Mapping[str, str]:
    """What a real request's answer carries for the browser; empty without Origin or without a rule that fits."""
    origin = call.headers.get("origin")
    if not origin or not call.bucket:
        return {}
    try:
        document = await call.run(lambda: call.store.setting(call.bucket, "cors"))
    except CosError:
        return {}  # no such bucket: the answer says so already
    return _answer(document, origin, call.method, []) or {}


def _answer(document: Any, origin: str, method: str, asked: list[str]) -> dict[str, str] | None:
    """The headers by the first rule that fits."""
    for name, content in document or []:
        if name != "CORSRule":
            continue
        rule: dict[str, list[str]] = {}
        for field, value in content:
            rule.setdefault(field, []).append(value)
        if _fits(rule, origin, method, asked):
            return _headers(rule, origin, asked)
    return None


def _fits(rule: Mapping[str, list[str]], origin: str, method: str, asked: list[str]) -> bool:
    allowed = [name.lower() for name in rule.get("AllowedHeader", [])]
    return (
        any(_like(origin, pattern) for pattern in rule["AllowedOrigin"])
        and method in rule["AllowedMethod"]
        and all(any(_like(name.lower(), pattern) for pattern in allowed) for name in asked)
    )


def _like(text: str, pattern: str) -> bool:
    """`*` stands for any characters; nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _headers(rule: Mapping[str, list[str]], origin: str, asked: list[str]) -> dict[str, str]:
    found = {
        "access-control-allow-origin": "*" if "*" in rule["AllowedOrigin"] else origin,
        "access-control-allow-methods": ",".join(rule["AllowedMethod"]),
        "vary": _VARY,
    }
    if asked:
        found["access-control-allow-headers"] = ",".join(asked)
    if exposed := rule.get("ExposeHeader"):
        found["access-control-expose-headers"] = ",".join(exposed)
    if age := rule.get("MaxAgeSeconds"):
        found["access-control-max-age"] = age[0]
    return found
