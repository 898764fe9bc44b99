"""The API's JSON as typed values.

Only what the client uses is named; `Task.raw` keeps the whole object, so that `--json` prints what the server sent and
a newer server's fields are not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(frozen=True)
class Artifact:
    """A file of a task's result: its name, bytes, and SHA-256 in hex."""

    name: str
    size: int
    sha256: str

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Artifact:
        return cls(str(raw["name"]), int(raw["size"]), str(raw["sha256"]))


@dataclass(frozen=True)
class Patch:
    """How much the patch changes, in files and lines."""

    files: int
    insertions: int
    deletions: int


@dataclass(frozen=True)
class Task:
    """A task as the server last told it. Times are UTC; those not reached yet are None."""

    id: str
    status: str
    phase: str | None
    reason: str | None
    message: str
    agent: str
    model: str | None
    scripted: bool
    created_at: datetime | None
    updated_at: datetime | None
    duration_s: float | None
    summary: str
    patch: Patch | None
    artifacts: tuple[Artifact, ...]
    raw: Mapping[str, Any]
    etag: str | None = None

    @property
    def ended(self) -> bool:
        """True once the status can't change any more."""
        return self.status in TERMINAL

    @property
    def state(self) -> str:
        """The phase while the task runs, else the status."""
        return self.phase if self.status == "PROCESSING" and self.phase else self.status

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], etag: str | None = None) -> Task:
        """Read a task. Raises KeyError, TypeError or ValueError when it is none."""
        patch = raw.get("patch")
        return cls(
            id=str(raw["id"]),
            status=str(raw["status"]),
            phase=raw.get("phase"),
            reason=raw.get("reason"),
            message=raw.get("message") or "",
            agent=raw.get("agent") or "",
            model=raw.get("model"),
            scripted=bool(raw.get("scripted")),
            created_at=_time(raw.get("created_at")),
            updated_at=_time(raw.get("updated_at")),
            duration_s=raw.get("duration_s"),
            summary=raw.get("summary") or "",
            patch=Patch(int(patch["files"]), int(patch["insertions"]), int(patch["deletions"])) if patch else None,
            artifacts=tuple(Artifact.from_json(each) for each in raw.get("artifacts") or ()),
            raw=raw,
            etag=etag,
        )


@dataclass(frozen=True)
class TaskPage:
    """The newest tasks that fit a filter. `at` is the server's clock when it answered."""

    tasks: tuple[Task, ...]
    at: datetime
    etag: str | None = None
    more: bool = False
    """There are older ones."""


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks are listed; all that is set has to fit. `text`: a part of prompt, source or labels.

    `canary`: those of the canary instead of one's own, for an administrator.
    """

    status: str | None = None
    agent: str | None = None
    reason: str | None = None
    text: str | None = None
    since: datetime | None = None
    canary: bool = False

    def to_query(self) -> dict[str, str]:
        since = self.since.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if self.since else None
        query = {"status": self.status, "agent": self.agent, "reason": self.reason, "q": self.text, "since": since}
        query["canary"] = "true" if self.canary else None
        return {name: value for name, value in query.items() if value}


@dataclass(frozen=True)
class Span:
    """One piece of a task's time. `end` None: it is still going on; `status`: OK, ERROR or UNSET."""

    id: str
    parent: str | None
    name: str
    start: datetime
    end: datetime | None
    status: str
    attributes: Mapping[str, Any]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Span:
        start, end, parent = _time(raw["start"]), _time(raw.get("end")), raw.get("parent_span_id")
        if start is None:
            raise ValueError("a span without a start")
        about = raw.get("attributes") or {}
        return cls(
            str(raw["span_id"]), str(parent) if parent else None, str(raw["name"]), start, end,
            str(raw.get("status") or "UNSET"), dict(about),
        )  # fmt: skip


@dataclass(frozen=True)
class Timeline:
    """A task's trace: its spans, each with the span that it is part of. `at`: the server's clock when it answered."""

    task_id: str
    trace_id: str
    spans: tuple[Span, ...]
    raw: Mapping[str, Any]
    at: datetime

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], at: datetime) -> Timeline:
        spans = tuple(map(Span.from_json, raw["spans"]))
        return cls(str(raw["task_id"]), str(raw["trace_id"]), spans, raw, at)


@dataclass(frozen=True)
class Me:
    """Whose key it is."""

    tenant: str
    admin: bool
    raw: Mapping[str, Any]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Me:
        return cls(str(raw["tenant"]), bool(raw.get("admin")), raw)


@dataclass(frozen=True)
class TaskRequest:
    """The body of `POST /v1/tasks`; what is None or empty is left to the server's defaults."""

    prompt: str
    git_url: str | None = None
    git_ref: str | None = None
    upload_id: str | None = None
    agent: str | None = None
    model: str | None = None
    timeout_s: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": self.prompt}
        if self.upload_id is not None:
            body["source"] = {"upload_id": self.upload_id}
        elif self.git_url is not None:
            body["source"] = {"git": {"url": self.git_url} | ({"ref": self.git_ref} if self.git_ref else {})}
        optional = {"agent": self.agent, "model": self.model, "labels": dict(self.labels)}
        body.update({name: value for name, value in optional.items() if value})
        if self.timeout_s is not None:
            body["limits"] = {"timeout_s": self.timeout_s}
        return body


@dataclass(frozen=True)
class Upload:
    """A place for one ZIP: a presigned PUT. `url` is a secret for as long as it is valid."""

    id: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    max_bytes: int | None

    @classmethod
    def from_answer(cls, raw: Mapping[str, Any], location: str) -> Upload:
        """The place is in the answer's Location header."""
        return cls(str(raw["upload_id"]), location, dict(raw.get("headers") or {}), raw.get("max_bytes"))


@dataclass(frozen=True)
class LogChunk:
    """Bytes of the agent's log; `offset` is where the next ones start, `complete` says that none will come."""

    data: bytes
    offset: int
    complete: bool


def _time(value: str | None) -> datetime | None:
    if not value:
        return None
    # Python 3.10 reads neither the "Z" nor any number of decimals but 3 and 6.
    moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
