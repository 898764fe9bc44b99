"""Function URL: an HTTP request in, the documented event to the function, its answer as HTTP out.

Event and answer: cloud.tencent.com/document/product/583/96099. What a URL answers when the function fails is not
documented: here it is the platform's code as the status, with errorCode, errorMessage and requestId as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.scf import limits
from emulator.scf.pool import Invocation

Invoke = Callable[[dict[str, Any]], Awaitable[Invocation]]
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}


def app(invoke: Invoke) -> Starlette:
    async def answer(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _error(Invocation(406, "", error="RequestTooLarge: the request is larger than 6 MB"))
        invocation = await invoke(_event(request, body))
        return _response(invocation) if invocation.ok else _error(invocation)

    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])


async def _body(request: Request) -> bytes | None:
    """None when it is longer than the platform takes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limits.SYNC_EVENT_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _event(request: Request, body: bytes) -> dict[str, Any]:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw}
    headers["x-scf-remote-addr"] = request.client.host if request.client else ""
    query: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        # How the platform gives a repeated name is not documented; a list loses nothing.
        query[name] = value if name not in query else [*_listed(query[name]), value]
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
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
    result, request_id = invocation.result, {"x-scf-request-id": invocation.request_id}
    if not (isinstance(result, dict) and "statusCode" in result):
        # Documented for API Gateway and kept here: JSON without statusCode is the body of a 200.
        return Response(json.dumps(result), 200, request_id, "application/json")
    status, headers, body = result["statusCode"], result.get("headers") or {}, result.get("body", "")
    sound = isinstance(status, int) and 100 <= status <= 599 and isinstance(headers, dict) and isinstance(body, str)
    if not sound or any(not isinstance(value, (str, int, bool)) for value in headers.values()):
        return _error(Invocation(403, invocation.request_id, error="Invalid scf response format"))
    own = {str(k): str(v) for k, v in headers.items() if str(k).lower() not in _HOP_BY_HOP}
    return Response(body.encode("utf-8", "replace"), status, {**own, **request_id})


def _error(invocation: Invocation) -> Response:
    body = {"errorCode": invocation.status, "errorMessage": invocation.error, "requestId": invocation.request_id}
    headers = {"x-scf-request-id": invocation.request_id}
    return Response(json.dumps(body, ensure_ascii=False), invocation.status, headers, "application/json")
