"""Errors of the Kubernetes API: raised anywhere below the routes, rendered once, in server.py, as `Status` JSON.

Codes, reasons and texts follow k8s.io/apimachinery/pkg/api/errors, which clients match on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.kube.resources import KINDS, resource_of


@dataclass(frozen=True)
class Cause:
    """One thing wrong with one field: `field` is a path such as spec.template.spec.containers[0].name."""

    reason: str  # FieldValueInvalid, FieldValueRequired, FieldValueNotSupported, FieldValueDuplicate, …
    field: str
    message: str


class ApiError(Exception):
    """Carries what the `Status` needs: HTTP code, machine-readable reason, sentence, details."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        """The `Status` object that goes over the wire."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        body.update(message=self.message, reason=self.reason)
        if self.details:
            body["details"] = self.details
        body["code"] = self.code
        return body


def _about(kind: str, name: str) -> dict[str, Any]:
    resource = resource_of(kind)
    details: dict[str, Any] = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return details


def _qualified(kind: str) -> str:
    resource = resource_of(kind)
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


class BadRequest(ApiError):
    """400: the request cannot be understood."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """401: no token, or a wrong one."""

    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    """403: understood and not allowed, such as writing into a namespace that is going away."""

    code, reason = 403, "Forbidden"

    def __init__(self, kind: str, name: str, why: str) -> None:
        super().__init__(f'{_qualified(kind)} "{name}" is forbidden: {why}', _about(kind, name))


class AccessRefused(ApiError):
    """403: the identity's roles do not allow it."""

    code, reason = 403, "Forbidden"


class PathNotFound(ApiError):
    """404 for a path that leads to nothing."""

    code, reason = 404, "NotFound"

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource")


class NotFound(ApiError):
    """404: no object of this name."""

    code, reason = 404, "NotFound"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f'{_qualified(kind)} "{name}" not found', _about(kind, name))


class MethodNotAllowed(ApiError):
    """405: the path exists, the verb does not."""

    code, reason = 405, "MethodNotAllowed"

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource")


class NotAcceptable(ApiError):
    """406: the client asks for an encoding that is not served."""

    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    """409: the name is taken."""

    code, reason = 409, "AlreadyExists"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f'{_qualified(kind)} "{name}" already exists', _about(kind, name))


class Conflict(ApiError):
    """409: the object has changed since it was read, or is not the one that was meant."""

    code, reason = 409, "Conflict"

    def __init__(self, kind: str, name: str, why: str = "") -> None:
        why = why or "the object has been modified; please apply your changes to the latest version and try again"
        super().__init__(f'Operation cannot be fulfilled on {_qualified(kind)} "{name}": {why}', _about(kind, name))


class Expired(ApiError):
    """410: the changes since this resourceVersion are no longer known; list again."""

    code, reason = 410, "Expired"

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")


class TooLarge(ApiError):
    """413: the body is larger than the server takes."""

    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """415: a body in a form that is not understood."""

    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    """422: well formed, but some fields are wrong; each cause names one."""

    code, reason = 422, "Invalid"

    def __init__(self, kind: str, name: str, causes: Sequence[Cause]) -> None:
        texts = [f"{cause.field}: {cause.message}" for cause in causes]
        listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        group = KINDS[kind].group if kind in KINDS else ""  # DeleteOptions is no kind of the table
        details: dict[str, Any] = {"name": name, "kind": kind}
        if group:
            details["group"] = group
        details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
        qualified = f"{kind}.{group}" if group else kind
        super().__init__(f'{qualified} "{name}" is invalid: {listed}', details)
        self.causes = tuple(causes)
