"""The API's JSON as typed values.

Only what the client uses is named; `Task.raw` keeps the whole object, so that `--json` prints what the server sent and
a newer server's fields are not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
    # Python 3.10 reads neither the "Z" nor any number of decimals but 3 and 6.
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if value else None
