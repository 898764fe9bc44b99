"""The HTTP API: routes and resources of /v1. Each handler parses, calls and answers."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import falcon
from ulid import ULID

from patchmill import keys, log, relay, salvage
from patchmill.errors import PatchmillError
from patchmill.services import Services
from patchmill.task import Outcome, Status, iso, public
from submit import logs, problems, requests
from submit.auth import caller
from submit.console import Console, is_public
from submit.history import Attempts, Timeline
from submit.me import Me
from submit.metrics import Metrics
from submit.ops import Ops
from submit.problems import Problem, field_problem
from submit.resources import Resource, body_of, etag_of, tenant_of, unchanged, whole_number, yes_or_no
from submit.retry import Retry
from submit.tasklist import TaskList

UPLOAD_URL_S = 900
ARTIFACT_URL_S = 300


class App:
    """`wsgi` is the app. One instance serves one request at a time."""

    def __init__(self, services: Services) -> None:
        app: falcon.App[falcon.Request, falcon.Response] = falcon.App(middleware=[_Guard(services)])
        problems.install(app, lambda: services.stats.fault("submit"))
        console = Console(services)
        app.add_route("/", console)
        app.add_route("/favicon.svg", console, suffix="favicon")
        app.add_route("/assets/{name}", console, suffix="asset")
        app.add_route("/healthz", Health(services))
        app.add_route("/metrics", Metrics(services))
        app.add_route("/v1/me", Me(services))
        app.add_route("/v1/ops", Ops(services))
        app.add_route("/v1/uploads", Uploads(services))
        app.add_route("/v1/tasks", TaskList(services))
        app.add_route("/v1/tasks/{task_id}", TaskItem(services))
        app.add_route("/v1/tasks/{task_id}/artifacts", Artifacts(services))
        app.add_route("/v1/tasks/{task_id}/artifacts/{name}", ArtifactItem(services))
        app.add_route("/v1/tasks/{task_id}/logs", Logs(services))
        app.add_route("/v1/tasks/{task_id}/timeline", Timeline(services))
        app.add_route("/v1/tasks/{task_id}/attempts", Attempts(services))
        app.add_route("/v1/tasks/{task_id}/cancel", Cancel(services))
        app.add_route("/v1/tasks/{task_id}/retry", Retry(services))
        self.wsgi = app


class _Guard:
    """Every path but /healthz and the console's files needs a key; answers are never stored by a proxy."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def process_request(self, request: falcon.Request, response: falcon.Response) -> None:
        response.set_header("Cache-Control", "no-store")
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        if request.path != "/healthz" and not is_public(request.path):
            key = request.context.key = caller(request, self.services.settings.api_keys)
            log.note(tenant=key.tenant)


class Health(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answers by what a submission needs most: MySQL."""
        self.services.tasks.exists("0" * 26)
        response.media = {"status": "ok"}


class Uploads(Resource):
    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        wanted = requests.parse(requests.UploadRequest, body_of(request))
        settings = self.services.settings
        if wanted.size and wanted.size > settings.max_zip_bytes:
            raise field_problem("size", f"is more than {settings.max_zip_bytes} bytes")
        upload_id = str(ULID())
        key = keys.upload(tenant_of(request), upload_id)
        headers = {"Content-Length": str(wanted.size)} if wanted.size else {}
        response.status = falcon.HTTP_201
        # A header, as for any redirect. The platform logs it with the rest of what is returned: hence the short life.
        response.set_header("Location", self.services.code.presign("PUT", key, UPLOAD_URL_S, headers))
        response.media = {
            "upload_id": upload_id,
            "method": "PUT",
            "headers": headers,
            "expires_at": _in(UPLOAD_URL_S),
            "max_bytes": settings.max_zip_bytes,
        }


class TaskItem(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response, task_id: str) -> None:
        view = self.view_of(request, task_id)
        if not unchanged(request, response, etag_of(view["version"])):
            response.media = view


class Artifacts(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response, task_id: str) -> None:
        response.media = {"artifacts": self.view_of(request, task_id)["artifacts"]}


class ArtifactItem(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response, task_id: str, name: str) -> None:
        view = self.view_of(request, task_id)
        if name not in [artifact["name"] for artifact in view["artifacts"]]:
            raise Problem(404, "The task has no such artifact (yet).")
        key = keys.artifact(task_id, view["attempt"], name, view["salvaged"])
        if yes_or_no(request, "redirect", True):
            response.status = falcon.HTTP_302
        else:  # for scripts of a page: a redirect would take the key's header along, or fail for it
            response.media = {"expires_at": _in(ARTIFACT_URL_S)}
        response.set_header("Location", self.services.logs.presign("GET", key, ARTIFACT_URL_S))


def _in(seconds: int) -> str | None:
    return iso(datetime.now(timezone.utc) + timedelta(seconds=seconds))


class Logs(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response, task_id: str) -> None:
        offset = whole_number(request, "offset", 0, 0, 1 << 40)
        chunk = logs.read(self.view_of(request, task_id), offset, self.services)
        response.content_type = "text/plain; charset=utf-8"
        response.text = chunk.text
        response.set_header("Patchmill-Log-Offset", str(chunk.next_offset))
        response.set_header("Patchmill-Log-Complete", "true" if chunk.complete else "false")


class Cancel(Resource):
    def on_post(self, request: falcon.Request, response: falcon.Response, task_id: str) -> None:
        view = self.view_of(request, task_id)
        running = view["status"] == Status.PROCESSING
        saved = salvage.save_log(task_id, view["attempt"], self.services) if running else {}
        outcome = Outcome(Status.CANCELLED, message="Cancelled by a client.", result=saved)
        task = self.services.tasks.finish(task_id, None, outcome)
        if task is None:
            raise Problem(409, "The task has already ended.")
        with suppress(PatchmillError):  # the sweep removes the Jobs of tasks that have ended
            self.services.hasty_cluster.delete_job(keys.job_name(task.id, task.attempt))
        relay.announce(task, self.services)
        response.media = public(task)
