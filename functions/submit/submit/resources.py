"""What the API's resources share: the caller's key, a task by its id, conditional answers, how parameters are read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import falcon

from patchmill import keys, log
from patchmill.services import Services
from patchmill.settings import ApiKey
from patchmill.task import CANARY_TENANT, Task, public
from submit import requests
from submit.problems import Problem, field_problem


class Resource:
    def __init__(self, services: Services) -> None:
        self.services = services

    def view_of(self, request: falcon.Request, task_id: str) -> dict[str, Any]:
        """The public task, from the cache or MySQL. Raises Problem 404, also for another tenant's."""
        view = self.services.cache.get(task_id) or self._read(task_id)
        if view is None or not _may_see(request, view["tenant"]):
            raise Problem(404, "There is no such task.")
        log.note(task=task_id)
        return view

    def _read(self, task_id: str) -> dict[str, Any] | None:
        task = self.services.tasks.get(task_id) if keys.is_id(task_id) else None
        if task is None:
            return None
        self.services.cache.put(task)
        return public(task)

    def task_of(self, request: falcon.Request, task_id: str) -> Task:
        """The whole task, always from MySQL. Raises Problem 404 as `view_of`."""
        task = self.services.tasks.get(task_id) if keys.is_id(task_id) else None
        if task is None or not _may_see(request, task.tenant):
            raise Problem(404, "There is no such task.")
        log.note(task=task_id)
        return task


def key_of(request: falcon.Request) -> ApiKey:
    key: ApiKey = request.context.key
    return key


def tenant_of(request: falcon.Request) -> str:
    return key_of(request).tenant


def _may_see(request: falcon.Request, tenant: str) -> bool:
    key = key_of(request)
    return tenant == key.tenant or (key.admin and tenant == CANARY_TENANT)


def need_admin(request: falcon.Request) -> None:
    """Raises Problem 403."""
    if not key_of(request).admin:
        raise Problem(403, "This needs a key of an administrator.")


def body_of(request: falcon.Request) -> bytes:
    return request.bounded_stream.read(requests.MAX_BODY + 1)


def etag_of(version: int) -> str:
    return f'"{version}"'


def unchanged(request: falcon.Request, response: falcon.Response, etag: str) -> bool:
    """Sets the ETag; True, with 304, when the client has that already."""
    response.set_header("ETag", etag)
    known = [tag.strip().removeprefix("W/") for tag in (request.get_header("If-None-Match") or "").split(",")]
    if etag not in known:
        return False
    response.status = falcon.HTTP_304
    return True


def answer(request: falcon.Request, response: falcon.Response, value: dict[str, Any]) -> None:
    """JSON with an ETag of its content."""
    text = json.dumps(value, ensure_ascii=False)
    if not unchanged(request, response, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'):
        response.content_type = falcon.MEDIA_JSON
        response.text = text


def whole_number(request: falcon.Request, name: str, default: int, low: int, high: int) -> int:
    text = request.get_param(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and low <= int(text) <= high):
        raise field_problem(name, f"must be a whole number from {low} to {high}")
    return int(text)


def yes_or_no(request: falcon.Request, name: str, default: bool) -> bool:
    text = request.get_param(name) or ("true" if default else "false")
    if text not in ("true", "false"):
        raise field_problem(name, "must be true or false")
    return text == "true"


def idempotency_key(request: falcon.Request) -> str | None:
    key = request.get_header("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise field_problem("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    return key
