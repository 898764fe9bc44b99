"""The Patchmill API as Python calls: one method per route, typed values out, `PatchmillError` on trouble.

with Client(url, key) as client:
    task = client.submit(TaskRequest("fix the tests", git_url="https://example.com/repo.git"))
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import IO, Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from patchmill_client.errors import BadRequestError, DamagedError, PatchmillError, UnreachableError, UsageError
from patchmill_client.model import Artifact, LogChunk, Me, Task, TaskFilter, TaskPage, TaskRequest, Timeline, Upload
from patchmill_client.transport import Http, Notice

T = TypeVar("T")
_BLOCK = 256 * 1024
_AS_IS = {"Accept-Encoding": "identity"}  # the promised SHA-256 is that of the stored bytes


class Client:
    """A connection to one Patchmill server.

    `patience_s` is how long calls that are safe to repeat go on trying while the server does not answer; `notice` is
    told in one line each time. Raises UsageError for a URL or a key that can't be one.
    """

    def __init__(self, url: str, key: str, *, patience_s: float = 2.0, notice: Notice = lambda _: None) -> None:
        try:
            parts = httpx.URL(url)
        except httpx.InvalidURL as e:
            raise UsageError(f"The server's URL {url!r} is no URL: {e}.") from e
        if parts.scheme not in ("http", "https") or not parts.host or not 0 < (parts.port or 80) < 65536:
            raise UsageError(f"The server's URL must be like https://host or http://host:port, and {url!r} is not.")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError("The key in PATCHMILL_API_KEY holds characters that no key has.")
        self._notice = notice
        self._http = Http(url.rstrip("/"), key, patience_s=patience_s, notice=notice)
        self.url = url.rstrip("/")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def patience_s(self) -> float:
        return self._http.patience_s

    @patience_s.setter
    def patience_s(self, seconds: float) -> None:
        self._http.patience_s = seconds

    def create_upload(self, size: int) -> Upload:
        """Ask for a place for a ZIP of `size` bytes."""
        answer = self._http.request("POST", "/v1/uploads", json={"size": size})
        return _read(answer, lambda raw: Upload.from_answer(raw, answer.headers["Location"]))

    def send_upload(self, upload: Upload, file: IO[bytes], size: int, progress: Callable[[int], None]) -> None:
        """Stream the file's `size` bytes to the upload's place; `progress` is told the bytes sent so far."""
        if upload.max_bytes is not None and size > upload.max_bytes:
            raise UsageError(f"The ZIP has {size:,} bytes; this server takes at most {upload.max_bytes:,}.")

        def blocks() -> Iterator[bytes]:
            file.seek(0)
            while block := file.read(_BLOCK):
                yield block
                progress(file.tell())

        headers = {**upload.headers, "Content-Length": str(size)}
        with closing(self._bare(upload.url, patience_s=30)) as bare:
            try:
                bare.request("PUT", upload.url, repeat=True, content=blocks, headers=headers)
            except BadRequestError as e:
                raise UnreachableError("The object store refused the upload; the task was not submitted.") from e

    def submit(self, request: TaskRequest, idempotency_key: str | None = None) -> Task:
        """Create a task. Without a key of the caller's one is made, so that a lost answer can't make two tasks."""
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        if not key or not key.isascii() or not key.isprintable():
            raise UsageError("An idempotency key consists of printable ASCII characters.")
        headers = {"Idempotency-Key": key}
        return _task(self._http.request("POST", "/v1/tasks", repeat=True, json=request.to_json(), headers=headers))

    def task(self, task_id: str) -> Task:
        return _task(self._http.request("GET", _path(task_id)))

    def task_if_changed(self, known: Task) -> Task | None:
        """The task as it is now, or None when it is still as `known`."""
        headers = {"If-None-Match": known.etag} if known.etag else {}
        response = self._http.request("GET", _path(known.id), headers=headers)
        return None if response.status_code == 304 else _task(response)

    def tasks(self, wanted: TaskFilter | None = None, *, status: str | None = None, limit: int = 20) -> Iterator[Task]:
        """At most `limit` tasks, newest first, fetched page by page. `status` alone needs no filter."""
        query: dict[str, str | int] = dict((wanted or TaskFilter(status=status)).to_query())
        while limit > 0:
            response = self._http.request("GET", "/v1/tasks", params={**query, "limit": min(limit, 100)})
            page, cursor = _read(response, _page)
            yield from page[:limit]
            limit -= len(page)
            if not cursor or not page:
                return
            query["cursor"] = cursor

    def newest(self, wanted: TaskFilter, limit: int, known: TaskPage | None = None) -> TaskPage:
        """The newest tasks, as many as one page has. `known`: given back, with a new time, while nothing changes."""
        headers = {"If-None-Match": known.etag} if known and known.etag else {}
        query = {**wanted.to_query(), "limit": limit}
        response = self._http.request("GET", "/v1/tasks", params=query, headers=headers)
        if known and response.status_code == 304:
            return TaskPage(known.tasks, _clock(response), known.etag, known.more)
        tasks, cursor = _read(response, _page)
        return TaskPage(tuple(tasks), _clock(response), response.headers.get("ETag"), bool(cursor))

    def cancel(self, task_id: str) -> Task:
        """Cancel a task. Raises ConflictError when it has ended already."""
        return _task(self._http.request("POST", _path(task_id, "cancel")))

    def retry(self, task_id: str) -> Task:
        """A new task that repeats one that has ended. Raises ConflictError while that still runs."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}  # a lost answer must not make two
        return _task(self._http.request("POST", _path(task_id, "retry"), repeat=True, headers=headers))

    def timeline(self, task_id: str) -> Timeline:
        response = self._http.request("GET", _path(task_id, "timeline"))
        return _read(response, lambda raw: Timeline.from_json(raw, _clock(response)))

    def me(self) -> Me:
        return _read(self._http.request("GET", "/v1/me"), Me.from_json)

    def ops(self, *, minutes: int = 60, hops: bool = False) -> dict[str, Any]:
        """How the system is, as the server tells it. Raises UnauthorisedError unless the key is an administrator's."""
        query = {"minutes": minutes} | ({"hops": "true"} if hops else {})
        return _read(self._http.request("GET", "/v1/ops", params=query), lambda raw: {**raw, "at": str(raw["at"])})

    def log(self, task_id: str, offset: int = 0) -> LogChunk:
        """The agent's log from byte `offset` on, as much as the server gives at once."""
        response = self._http.request("GET", _path(task_id, "logs"), params={"offset": offset})
        headers = response.headers
        following = headers.get("Patchmill-Log-Offset", str(offset + len(response.content)))
        if not following.isdigit() or int(following) < offset:
            raise UnreachableError("The server's answer about the log makes no sense: is PATCHMILL_URL right?")
        return LogChunk(response.content, int(following), headers.get("Patchmill-Log-Complete") == "true")

    def artifacts(self, task_id: str) -> tuple[Artifact, ...]:
        response = self._http.request("GET", _path(task_id, "artifacts"))
        return _read(response, lambda raw: tuple(map(Artifact.from_json, raw["artifacts"])))

    def download(self, task_id: str, artifact: Artifact) -> Iterator[bytes]:
        """The artifact's bytes, piece by piece. Raises DamagedError at the end when they are not what was promised."""
        redirect = self._http.request("GET", _path(task_id, "artifacts", artifact.name))
        url = redirect.headers.get("Location", "")
        if not redirect.is_redirect or urlsplit(url).scheme not in ("http", "https"):
            raise UnreachableError(f"The server does not say where {artifact.name} lies: is PATCHMILL_URL right?")
        digest, size = hashlib.sha256(), 0
        # A client of its own: the key must not travel to the object store.
        with closing(self._bare(url, self.patience_s)) as bare, bare.stream("GET", url, headers=_AS_IS) as response:
            for block in response.iter_bytes(_BLOCK):
                digest.update(block)
                size += len(block)
                yield block
        if (size, digest.hexdigest()) != (artifact.size, artifact.sha256):
            raise DamagedError(f"{artifact.name} arrived damaged: its size or SHA-256 is not the one promised.")

    def _bare(self, url: str, patience_s: float) -> Http:
        parts = urlsplit(url)
        return Http(f"{parts.scheme}://{parts.netloc}", None, patience_s=patience_s, notice=self._notice)


def _path(task_id: str, *more: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z_-]+", task_id):
        raise UsageError(f"{task_id!r} is no task id.")
    return "/".join(["/v1/tasks", *(quote(part, safe="") for part in (task_id, *more))])


def _task(response: httpx.Response) -> Task:
    return _read(response, lambda raw: Task.from_json(raw, response.headers.get("ETag")))


def _page(raw: Any) -> tuple[list[Task], str | None]:
    return list(map(Task.from_json, raw["tasks"])), raw["next_cursor"]


def _clock(response: httpx.Response) -> datetime:
    """The server's time; ours where it does not tell."""
    try:
        moment = parsedate_to_datetime(response.headers["Date"])
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (KeyError, ValueError, TypeError):
        return datetime.now(timezone.utc)


def _read(response: httpx.Response, reader: Callable[[Any], T]) -> T:
    try:
        return reader(json.loads(response.content))
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise _not_patchmill(response) from e


def _not_patchmill(response: httpx.Response) -> PatchmillError:
    host = response.request.url.netloc.decode()
    return UnreachableError(f"{host} does not answer like a Patchmill server: is PATCHMILL_URL right?")
