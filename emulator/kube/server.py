"""The Kubernetes API as an ASGI app: who may ask, which route answers, and how an error looks on the wire.

Not there: anything but the kinds of resources.py, exec and port-forward, server-side apply, JSON patch, admission
plug-ins but those of admission.py, tokens of ServiceAccounts, impersonation, protobuf (but for the reviews of
reviews.py). Whatever it does not know it refuses, with a `Status`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from emulator.kube import discovery, reviews, routes
from emulator.kube.deletion import Deleter
from emulator.kube.errors import ApiError, BadRequest, MethodNotAllowed, PathNotFound
from emulator.kube.guard import Guard
from emulator.kube.render import answer
from emulator.kube.store import Store

_log = logging.getLogger(__name__)


def create_app(store: Store, deleter: Deleter, logs_root: Path, token: str) -> ASGIApp:
    """`logs_root` holds <pod uid>/<container>.log; `token` is the administrator's bearer token.

    Everybody else comes with a client certificate (listen.py) and may what his roles allow.
    """
    app = Starlette(
        routes=[*discovery.routes(), *reviews.routes(store), *routes.routes(store, deleter, logs_root)],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _no_route,
            RecursionError: _too_deep,
            Exception: _fault,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, store, token)


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
