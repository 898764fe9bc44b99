"""GET and POST /v1/tasks: the list, and a new task."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import falcon
from ulid import ULID

from patchmill import keys, tracing
from patchmill.task import CANARY_TENANT, Limits, NewTask, public
from submit import listquery, requests
from submit.accept import accept
from submit.problems import OTHER_REQUEST, Problem, field_problem
from submit.resources import (
    Resource,
    answer,
    body_of,
    etag_of,
    idempotency_key,
    need_admin,
    tenant_of,
    whole_number,
    yes_or_no,
)

MAX_PAGE = 200


class TaskList(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        wanted = listquery.read(request)
        limit = whole_number(request, "limit", 50, 1, MAX_PAGE)
        tenant = tenant_of(request)
        if yes_or_no(request, "canary", False):
            need_admin(request)
            tenant = CANARY_TENANT
        tasks = self.services.tasks.page(tenant, wanted, limit + 1)
        more = len(tasks) > limit
        value = {
            "tasks": [public(task, brief=True) for task in tasks[:limit]],
            "next_cursor": listquery.cursor_of(tasks[limit - 1].id) if more else None,
        }
        answer(request, response, value)

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        wanted = requests.parse(requests.TaskRequest, body_of(request))
        context = tracing.of(request.get_header("traceparent"))
        new = self._new_task(wanted, tenant_of(request), idempotency_key(request), context)
        task, created = accept(new, self.services)
        if not created and task.request_hash != new.request_hash:
            raise Problem(422, "This Idempotency-Key was used with another request.", [OTHER_REQUEST])
        response.status = falcon.HTTP_202
        response.set_header("Location", f"/v1/tasks/{task.id}")
        response.set_header("ETag", etag_of(task.version))
        response.media = public(task)

    def _new_task(
        self, wanted: requests.TaskRequest, tenant: str, key: str | None, context: tracing.Context
    ) -> NewTask:
        settings = self.services.settings
        agent = wanted.agent or settings.default_agent
        if agent not in settings.agents:
            raise field_problem("agent", f"must be one of {', '.join(settings.agents)}")
        if problem := requests.check_prompt(wanted.prompt):
            raise field_problem("prompt", problem)
        timeout = wanted.limits.timeout_s or settings.task_timeout_s
        if timeout > settings.max_timeout_s:
            raise field_problem("limits.timeout_s", f"is more than {settings.max_timeout_s}")
        model = None if agent == "command" else wanted.model or settings.model_name
        if agent != "command" and model is None:
            raise field_problem("model", "is required: this installation has no default model")
        source, content = self._source(wanted.source, tenant)
        return NewTask(
            id=str(ULID()),
            tenant=tenant,
            agent=agent,
            model=model,
            prompt=wanted.prompt,
            source=source,
            limits=Limits(timeout, wanted.limits.max_steps or settings.max_steps),
            labels=dict(wanted.labels),
            idempotency_key=key,
            request_hash=_fingerprint(wanted, content) if key else None,
            trace_id=context.trace_id,
            parent_span_id=context.span_id,
        )

    def _source(self, source: requests.Source, tenant: str) -> tuple[dict[str, Any], str | None]:
        """The source as it is stored, and what an upload holds (its ETag)."""
        settings = self.services.settings
        if source.git:
            if problem := requests.check_git(source.git.url, source.git.ref, settings.git_schemes):
                raise field_problem(*problem)
            return {"kind": "git", "url": source.git.url, "ref": source.git.ref}, None
        upload_id = source.upload_id or ""
        head = self.services.code.head(keys.upload(tenant, upload_id))
        if head is None:
            raise field_problem("source.upload_id", "nothing was uploaded under it; PUT the ZIP to its URL first")
        if head.size > settings.max_zip_bytes:
            raise field_problem("source.upload_id", f"the ZIP is {head.size} bytes; at most {settings.max_zip_bytes}")
        return {"kind": "upload", "upload_id": upload_id}, head.etag


def _fingerprint(wanted: requests.TaskRequest, content: str | None) -> str:
    """Equal for requests that mean the same: key order, white space and the id of an equal upload do not count."""
    meaning = wanted.model_dump(mode="json", exclude_unset=True)
    if content is not None:
        meaning["source"] = {"content": content}
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
