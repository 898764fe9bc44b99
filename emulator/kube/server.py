"""The Kubernetes API as an ASGI app: who may ask, which route answers, and how an error looks on the wire.

Not there: anything but the kinds of resources.py, exec and port-forward, server-side apply, JSON patch, admission
plug-ins, RBAC (one token may do everything), protobuf. Whatever it does not know it refuses, with a `Status`.
"""

from __future__ import annotations

import hmac
import logging
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.kube import discovery, routes
from emulator.kube.deletion import Deleter
from emulator.kube.errors import ApiError, BadRequest, MethodNotAllowed, PathNotFound, Unauthorized
from emulator.kube.render import answer
from emulator.kube.store import Store

_log = logging.getLogger(__name__)
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version")  # as the role system:public-info-viewer


def create_app(store: Store, deleter: Deleter, logs_root: Path, token: str) -> ASGIApp:
    """`logs_root` holds <pod uid>/<container>.log; `token` is the bearer token that every request has to bring."""
    app = Starlette(
        routes=[*discovery.routes(), *routes.routes(store, deleter, logs_root)],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _no_route,
            RecursionError: _too_deep,
            Exception: _fault,
        },
    )
    app.router.redirect_slashes = False
    return _Authenticated(app, token)


class _Authenticated:
    """Lets only the bearer of the token through."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._may_pass(scope):
            await answer(Unauthorized("Unauthorized").status(), 401)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            return scope["path"] in _PUBLIC
        scheme, _, secret = given[0].partition(b" ")
        return len(given) == 1 and hmac.compare_digest(scheme.title() + b" " + secret.strip(), self._expected)


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return answer(error.status(), error.code)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused: ApiError = MethodNotAllowed() if error.status_code == 405 else PathNotFound()
    headers = dict(error.headers or {}) if error.status_code == 405 else None
    return answer(refused.status(), refused.code, headers)


async def _too_deep(request: Request, error: Exception) -> Response:
    refused = BadRequest("the object is nested too deep")
    return answer(refused.status(), refused.code)


async def _fault(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    fault = ApiError("an error of the emulator; its log says more")
    return answer(fault.status(), fault.code)
