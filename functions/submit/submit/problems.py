"""Errors as application/problem+json (RFC 9457): raised anywhere below the API, rendered in one place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import falcon

from patchmill import log
from patchmill.errors import ClusterError, SettingsError, Unavailable

_TYPE = "application/problem+json"


class Problem(Exception):
    """One refusal. `errors` names the fields that are wrong, with what is wrong about each."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return {**body, "errors": self.errors} if self.errors else body


def field_problem(field: str, message: str) -> Problem:
    """422 for one field."""
    return Problem(422, f"{field}: {message}", [{"field": field, "message": message}])


OTHER_REQUEST = {"field": "Idempotency-Key", "message": "was used with another request"}


def of_start(error: Exception) -> Problem:
    """What a caller is told when this function could not start: try again, or wait until somebody has mended it."""
    if isinstance(error, SettingsError):
        return Problem(500, "This installation is not set up as it should be; it has been logged.")
    return _away()


def _away() -> Problem:
    return Problem(503, "A part that this request needs does not answer; try again.", headers={"Retry-After": "2"})


def response(problem: Problem) -> dict[str, Any]:
    """In the platform's response form, without the app."""
    headers = {"Content-Type": _TYPE, "Cache-Control": "no-store", **problem.headers}
    return {
        "statusCode": problem.status,
        "headers": headers,
        "body": json.dumps(problem.body, ensure_ascii=False),
    }


def install(app: falcon.App[falcon.Request, falcon.Response], count_fault: Callable[[], None]) -> None:
    """Every error that leaves a handler becomes a problem; only a fault of ours is a 500, logged and counted."""

    def on_fault(*arguments: Any) -> None:
        _on_fault(*arguments)
        count_fault()

    app.add_error_handler(Exception, on_fault)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(Unavailable, _on_unavailable)
    app.add_error_handler(ClusterError, _on_unavailable)
    app.add_error_handler(Problem, _on_problem)


def _on_problem(request: falcon.Request, response: falcon.Response, problem: Problem, params: dict[str, Any]) -> None:
    response.status = str(problem.status)
    response.content_type = _TYPE
    response.text = json.dumps(problem.body, ensure_ascii=False)
    for name, value in problem.headers.items():
        response.set_header(name, value)


def _on_http_error(
    request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, params: dict[str, Any]
) -> None:
    status = int(str(error.status).split(" ", 1)[0])
    details = {404: "There is nothing at this path.", 405: "This path does not take that method."}
    detail = error.description or details.get(status) or HTTPStatus(status).description
    headers = dict(error.headers or {})
    _on_problem(request, response, Problem(status, detail, headers=headers), params)


def _on_unavailable(
    request: falcon.Request, response: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    log.error("unavailable", path=request.path, error=str(error))
    _on_problem(request, response, _away(), params)


def _on_fault(request: falcon.Request, response: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
    import traceback

    frames = "".join(traceback.format_tb(error.__traceback__)[-6:])
    log.error("fault", path=request.path, error=type(error).__name__, trace=frames)
    _on_problem(request, response, Problem(500, "An error of ours; it has been logged."), params)
