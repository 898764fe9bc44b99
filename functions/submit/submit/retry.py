"""POST /v1/tasks/{id}/retry: a task that has ended, once more, as a new task."""

from __future__ import annotations

import hashlib

import falcon
from ulid import ULID

from patchmill import keys, tracing
from patchmill.task import NewTask, Task, public
from submit import requests
from submit.accept import accept
from submit.problems import OTHER_REQUEST, Problem
from submit.resources import Resource, etag_of, idempotency_key


class Retry(Resource):
    def on_post(self, request: falcon.Request, response: falcon.Response, task_id: str) -> None:
        old = self.task_of(request, task_id)
        key = idempotency_key(request)
        if not old.status.terminal:
            raise Problem(409, "The task has not ended yet; cancel it, or wait.")
        self._check(old)
        task, created = accept(_again(old, tracing.of(request.get_header("traceparent")), key), self.services)
        if not created and task.retry_of != old.id:
            raise Problem(422, "This Idempotency-Key was used with another request.", [OTHER_REQUEST])
        response.status = falcon.HTTP_202
        response.set_header("Location", f"/v1/tasks/{task.id}")
        response.set_header("ETag", etag_of(task.version))
        response.media = public(task)

    def _check(self, old: Task) -> None:
        """What was accepted then may not be today."""
        settings = self.services.settings
        if old.canary:
            raise Problem(409, "A task of the canary is not repeated.")
        if old.agent not in settings.agents:
            raise Problem(409, "This installation does not offer the task's agent any more.")
        if old.limits.timeout_s > settings.max_timeout_s:
            raise Problem(409, f"The task's time limit is more than the {settings.max_timeout_s} s allowed now.")
        if problem := requests.check_prompt(old.prompt):
            raise Problem(409, f"The task's prompt {problem}.")
        if old.source["kind"] == "git":
            return
        key = old.source["key"] if old.source["kind"] == "drop" else keys.upload(old.tenant, old.source["upload_id"])
        head = self.services.code.head(key)
        if head is None:
            raise Problem(410, "The task's ZIP is not stored any more; upload it again, for a new task.")
        if head.size > settings.max_zip_bytes:
            raise Problem(409, f"The task's ZIP is {head.size} bytes; at most {settings.max_zip_bytes} are taken.")


def _again(old: Task, context: tracing.Context, key: str | None) -> NewTask:
    return NewTask(
        id=str(ULID()),
        tenant=old.tenant,
        agent=old.agent,
        model=old.model,
        prompt=old.prompt,
        source=old.source,
        limits=old.limits,
        labels=old.labels,
        drop=old.drop,
        idempotency_key=key,
        request_hash=hashlib.sha256(f"retry {old.id}".encode()).hexdigest() if key else None,
        trace_id=context.trace_id,
        parent_span_id=context.span_id,
        retry_of=old.id,
    )
