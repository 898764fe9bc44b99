"""A second implementation of Patchmill's HTTP API, in memory: what the client's tests talk to.

A task's state follows from the time since its creation (`Road`), its log grows while the agent runs. There is one
tenant, and no agent: the outcome is what the test asked for. What `/v1/ops` says is what the test put there.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.fake_reports import OPS, timeline

KEY = "pm_test_key"
PATCH = b"""diff --git a/greet.py b/greet.py
--- a/greet.py
+++ b/greet.py
@@ -1 +1 @@
-print("helo")
+print("hello")
"""


@dataclass
class Road:
    """What a task meets: when each state begins (seconds after creation), what the agent writes, how it ends."""

    states: tuple[tuple[float, str], ...] = (
        (0.0, "QUEUED"),
        (0.1, "DISPATCHED"),
        (0.2, "DOWNLOADING_CODE"),
        (0.3, "RUNNING_AGENT"),
        (0.9, "UPLOADING"),
        (1.2, "COMPLETED"),
    )
    log: bytes = b"reading\nwriting\ndone\n"
    reason: str | None = None
    files: Mapping[str, bytes] = field(default_factory=lambda: {"diff.patch": PATCH, "result.json": b"{}\n"})


DONE = Road(states=((0.0, "COMPLETED"),))
ENDLESS = Road(states=((0.0, "QUEUED"), (0.1, "RUNNING_AGENT")))


class FakeApi:
    """The server's whole state, open to the test: set `road` before a task is submitted."""

    def __init__(self) -> None:
        self.road = Road()
        self.tasks: dict[str, dict[str, Any]] = {}
        self.roads: dict[str, Road] = {}
        self.uploads: dict[str, bytes] = {}
        self.bodies: list[dict[str, Any]] = []
        self.seen: list[Request] = []
        self.failures: list[int] = []
        """Statuses for the next requests to be answered with instead; 0 breaks the connection off."""
        self.by_key: dict[str, str] = {}
        self.max_bytes = 10_000_000
        self.page_size = 3  # small, so that clients must turn pages
        self.admin = True
        self.canaries: set[str] = set()
        self.ops: dict[str, Any] = dict(OPS)
        self.url = ""

    async def answer(self, request: Request) -> Response:
        """Every request comes here first."""
        self.seen.append(request)
        if self.failures:
            status = self.failures.pop(0)
            if status == 0:
                raise ConnectionAbortedError
            return problem(status, "out of order")
        path, method = request.url.path, request.method
        if path.startswith("/store/"):
            return await self._store(request, path.removeprefix("/store/"))
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return problem(401, "unknown key")
        if (method, path) == ("POST", "/v1/uploads"):
            name = f"up{len(self.uploads)}"
            self.uploads[name] = b""
            body = {"upload_id": name, "headers": {"X-Must": "yes"}, "method": "PUT", "max_bytes": self.max_bytes}
            return JSONResponse(body, 201, {"Location": f"{self.url}/store/{name}?sign=s3cret"})
        if path in ("/v1/me", "/v1/ops"):
            return self._report(request, path)
        if path == "/v1/tasks":
            return await (self._create(request) if method == "POST" else self._list(request))
        task_id, _, rest = path.removeprefix("/v1/tasks/").partition("/")
        if task_id not in self.tasks:
            return problem(404, "no such task")
        if rest == "retry":
            return self._retry(request, task_id)
        return self._task(request, task_id, rest)

    def _report(self, request: Request, path: str) -> Response:
        if path == "/v1/me":
            return JSONResponse({"tenant": "acme", "admin": self.admin, "agents": ["command", "mini"]})
        if not self.admin:
            return problem(403, "This needs a key of an administrator.")
        hops = request.query_params.get("hops") == "true"
        return JSONResponse({name: value for name, value in self.ops.items() if hops or name != "hops"})

    def _retry(self, request: Request, task_id: str) -> Response:
        if self.state(task_id)["status"] in ("QUEUED", "PROCESSING"):
            return problem(409, "The task has not ended yet; cancel it, or wait.")
        key = request.headers["Idempotency-Key"]
        if key not in self.by_key:
            self.by_key[key] = self.add({**self.tasks[task_id], "retry_of": task_id})
        return JSONResponse(self.state(self.by_key[key]), 202, {"Location": f"/v1/tasks/{self.by_key[key]}"})

    async def _store(self, request: Request, name: str) -> Response:
        """The object store: presigned, so it must never see the key."""
        if "Authorization" in request.headers or request.query_params["sign"] != "s3cret":
            return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
        if request.method == "PUT":
            body = await request.body()
            if request.headers["X-Must"] != "yes" or int(request.headers["Content-Length"]) != len(body):
                return Response("<Error><Code>BadRequest</Code></Error>", 400, media_type="application/xml")
            self.uploads[name] = body
            return Response()
        task_id, _, file = name.partition("/")
        return Response(self.roads[task_id].files[file])

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        key = request.headers.get("Idempotency-Key", "")
        if key not in self.by_key:
            self.bodies.append(body)
            if body.get("agent") not in (None, "command", "mini"):
                return problem(422, "", [{"field": "agent", "message": "must be command or mini"}])
            upload = body["source"].get("upload_id")
            if upload is not None and not self.uploads.get(upload):
                return problem(422, "", [{"field": "source.upload_id", "message": "nothing was uploaded"}])
            self.by_key[key] = self.add(body)
        task_id = self.by_key[key]
        return JSONResponse(self.state(task_id), 202, {"Location": f"/v1/tasks/{task_id}"})

    def add(self, body: Mapping[str, Any], road: Road | None = None) -> str:
        """Create a task; returns its id."""
        task_id = f"01TASK{len(self.tasks):04}"
        self.roads[task_id] = road or self.road
        fields = {"agent": body.get("agent", "command"), "model": body.get("model"), "source": body.get("source")}
        fields |= {"labels": body.get("labels", {}), "retry_of": body.get("retry_of"), "prompt": body.get("prompt", "")}
        self.tasks[task_id] = {"id": task_id, "created": time.time(), **fields}
        return task_id

    async def _list(self, request: Request) -> Response:
        query, limit = request.query_params, int(request.query_params["limit"])
        start = int(query.get("cursor", "0"))
        canary = query.get("canary") == "true"
        if canary and not self.admin:
            return problem(403, "This needs a key of an administrator.")
        found = [self.state(each) for each in reversed(self.tasks) if (each in self.canaries) == canary]
        for name in ("status", "agent", "reason"):
            found = [each for each in found if query.get(name) in (None, each[name])]
        found = [each for each in found if query.get("q", "") in self.tasks[each["id"]]["prompt"]]
        found = [each for each in found if each["created_at"] >= query.get("since", "")]
        size = min(limit, self.page_size)
        cursor = str(start + size) if len(found) > start + size else None
        answer = JSONResponse({"tasks": found[start : start + size], "next_cursor": cursor})
        answer.headers["ETag"] = etag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return answer

    def _task(self, request: Request, task_id: str, rest: str) -> Response:
        state, road = self.state(task_id), self.roads[task_id]
        if rest == "cancel":
            if state["status"] in ("COMPLETED", "FAILED", "CANCELLED"):
                return problem(409, f"the task is {state['status']} already")
            self.tasks[task_id]["cancelled"] = True
            return JSONResponse(self.state(task_id))
        if rest == "logs":
            return self._log(task_id, state, int(request.query_params["offset"]))
        if rest == "timeline":
            return JSONResponse(timeline(state))
        if rest == "artifacts":
            return JSONResponse({"artifacts": state["artifacts"]})
        if rest:
            name = rest.removeprefix("artifacts/")
            return RedirectResponse(f"{self.url}/store/{task_id}/{name}?sign=s3cret", 302)
        etag = f'"{state["status"]}-{state["phase"]}"'
        if request.headers.get("If-None-Match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return JSONResponse(state, headers={"ETag": etag, "X-Road": str(len(road.states))})

    def _log(self, task_id: str, state: Mapping[str, Any], offset: int) -> Response:
        road, age = self.roads[task_id], time.time() - self.tasks[task_id]["created"]
        begins = next((at for at, name in road.states if name == "RUNNING_AGENT"), age)
        ended = state["status"] in ("COMPLETED", "FAILED", "CANCELLED")
        written = road.log if ended else road.log[: max(0, int((age - begins) / 0.5 * len(road.log)))]
        chunk = written[offset : offset + 10]  # small pieces cut lines and characters
        at_end = offset + len(chunk) == len(written)
        headers = {"Patchmill-Log-Offset": str(offset + len(chunk))}
        return Response(chunk, headers=headers | {"Patchmill-Log-Complete": str(ended and at_end).lower()})

    def state(self, task_id: str) -> dict[str, Any]:
        """The task's JSON as of now."""
        task, road = self.tasks[task_id], self.roads[task_id]
        age = time.time() - task["created"]
        began, name = [each for each in road.states if each[0] <= age][-1]
        if task.get("cancelled"):
            name = "CANCELLED"
        status = name if name in ("QUEUED", "COMPLETED", "FAILED", "CANCELLED") else "PROCESSING"
        ended = status not in ("QUEUED", "PROCESSING")
        files = road.files if ended else {}
        artifacts = [{"name": n, "size": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in files.items()]
        return {
            "id": task_id,
            "status": status,
            "phase": name if status == "PROCESSING" else None,
            "reason": road.reason if status == "FAILED" else None,
            "message": "the command ended with 3" if status == "FAILED" else "",
            "agent": task["agent"],
            "model": task["model"],
            "scripted": str(task["model"]).startswith("scripted/"),
            "source": task["source"],
            "labels": task["labels"],
            "retry_of": task["retry_of"],
            "attempt": 1,
            "created_at": moment(task["created"]),
            "updated_at": moment(task["created"] + began),
            "duration_s": began if ended else None,
            "patch": {"files": 1, "insertions": 1, "deletions": 1} if ended else None,
            "artifacts": artifacts,
        }


Api = TypeVar("Api", bound=FakeApi)


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def problem(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> Response:
    body = {"type": "about:blank", "title": "Problem", "status": status, "detail": detail}
    return JSONResponse(body | ({"errors": errors} if errors else {}), status, media_type="application/problem+json")


@contextmanager
def serving(api: Api, port: int = 0) -> Iterator[Api]:
    """The API on 127.0.0.1, at `api.url`. `port` 0 takes a free one."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    methods = ["GET", "POST", "PUT"]
    app = Starlette(routes=[Route("/{path:path}", api.answer, methods=methods)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    api.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    try:
        yield api
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        sock.close()
