"""What the API's resources share: the caller's key, a task by its id, and how numbers and bodies are read."""

from __future__ import annotations

from typing import Any

import falcon

from patchmill import keys
from patchmill.services import Services
from patchmill.settings import ApiKey
from patchmill.task import public
from submit import requests
from submit.problems import Problem, field_problem


class Resource:
    def __init__(self, services: Services) -> None:
        self.services = services

    def view_of(self, request: falcon.Request, task_id: str) -> dict[str, Any]:
        """The public task, from the cache or MySQL. Raises Problem 404, also for another tenant's."""
        view = self.services.cache.get(task_id) or self._read(task_id)
        if view is None or view["tenant"] != tenant_of(request):
            raise Problem(404, "There is no such task.")
        return view

    def _read(self, task_id: str) -> dict[str, Any] | None:
        task = self.services.tasks.get(task_id) if keys.is_id(task_id) else None
        if task is None:
            return None
        self.services.cache.put(task)
        return public(task)


def tenant_of(request: falcon.Request) -> str:
    key: ApiKey = request.context.key
    return key.tenant


def body_of(request: falcon.Request) -> bytes:
    return request.bounded_stream.read(requests.MAX_BODY + 1)


def etag_of(version: int) -> str:
    return f'"{version}"'


def whole_number(request: falcon.Request, name: str, default: int, low: int, high: int) -> int:
    text = request.get_param(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and low <= int(text) <= high):
        raise field_problem(name, f"must be a whole number from {low} to {high}")
    return int(text)
