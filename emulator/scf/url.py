"""Function URL: an HTTP request in, the documented event to the function, its answer as HTTP out.

Event and answer: cloud.tencent.com/document/product/583/96099. Not documented, and assumed here: a repeated query name
gives a list; repeated headers are joined; a body that is no UTF-8 has replacement characters; when the function fails,
the platform's code is the HTTP status and the body its JSON without the traceback. How requests for authType CAM are
signed is not documented either: they are all refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.scf import limits
from emulator.scf.invocation import Invocation

Invoke = Callable[[dict[str, Any]], Awaitable[Invocation]]
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}
_BODILESS = {204, 304}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def app(invoke: Invoke, desc: Mapping[str, Any]) -> Starlette:
    """The app behind one function's URL, as the trigger's description wants it."""
    auth_type = desc["AuthType"]

    async def answer(request: Request) -> Response:
        if auth_type != "NONE":
            return _error(Invocation(401, "", error="InvalidCredentials: the emulator knows no CAM signature"))
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _error(Invocation(406, "", error="RequestTooLarge: the request is larger than 6 MB"))
        invocation = await invoke(event(request, body))
        return _response(invocation) if invocation.ok else _error(invocation)

    middleware = [_cors(desc["CorsConfig"])] if desc.get("CorsConfig", {}).get("Enable") else []
    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)], middleware=middleware)


def _cors(config: Mapping[str, Any]) -> Middleware:
    """The platform answers a browser's preflights itself."""
    return Middleware(
        CORSMiddleware,
        allow_origins=config.get("Origins", []),
        allow_methods=config.get("Methods", []),
        allow_headers=config.get("Headers", []),
        expose_headers=config.get("ExposeHeaders", []),
        allow_credentials=bool(config.get("Credentials")),
        max_age=config.get("MaxAge", 0),
    )


async def _body(request: Request) -> bytes | None:
    """None when it is longer than the platform takes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limits.SYNC_EVENT_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def event(request: Request, body: bytes) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    headers["x-scf-remote-addr"] = request.client.host if request.client else ""
    query: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        query[name] = value if name not in query else [*_listed(query[name]), value]
    raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return {
        "body": body.decode("utf-8", "replace"),
        "headers": headers,
        "httpMethod": request.method,
        "path": raw_path.split(b"?")[0].decode("latin-1"),
        "queryString": query,
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _response(invocation: Invocation) -> Response:
    """JSON without statusCode is the body of a 200, as documented for API Gateway and inferred for Function URLs."""
    result, request_id = invocation.result, {"x-scf-request-id": invocation.request_id}
    if not (isinstance(result, dict) and "statusCode" in result):
        return Response(json.dumps(result), 200, request_id, "application/json")
    status, headers, body = result["statusCode"], _headers(result.get("headers") or {}), result.get("body", "")
    if not (type(status) is int and 200 <= status <= 599 and headers is not None and isinstance(body, str)):
        return _error(Invocation(403, invocation.request_id, error="Invalid scf response format"))
    content = b"" if status in _BODILESS else body.encode("utf-8", "replace")
    return Response(content, status, {**headers, **request_id})


def _headers(given: Any) -> dict[str, str] | None:
    """Those that HTTP allows, without what is the server's business; None when one is malformed."""
    if not isinstance(given, dict):
        return None
    own: dict[str, str] = {}
    for name, value in given.items():
        if not (_NAME.fullmatch(name) and isinstance(value, (str, int, float)) and _VALUE.fullmatch(str(value))):
            return None
        if name.lower() not in _HOP_BY_HOP:
            own[name] = str(value)
    return own


def _error(invocation: Invocation) -> Response:
    headers = {"x-scf-request-id": invocation.request_id}
    return Response(invocation.failure(with_trace=False), invocation.status, headers, "application/json")
