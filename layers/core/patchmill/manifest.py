"""manifest.json: what `deliver` writes last and `collect` reads first. A result without it is no result. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from patchmill import keys
from patchmill.errors import BadRecord
from patchmill.task import Outcome, Reason, Status

MAX_BYTES = 256 * 1024


class Artifact(BaseModel):
    """One uploaded file. md5 equals the ETag that COS gives to a simple PUT."""

    model_config = ConfigDict(extra="ignore")

    name: Literal["diff.patch", "agent.log", "prompt.txt", "result.json", "output.tar.gz"]
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    md5: str = Field(pattern="^[0-9a-f]{32}$")


class Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    model_calls: int = Field(default=0, ge=0)
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)


class Patch(BaseModel):
    model_config = ConfigDict(extra="ignore")

    files: int = Field(default=0, ge=0)
    insertions: int = Field(default=0, ge=0)
    deletions: int = Field(default=0, ge=0)


class Base(BaseModel):
    model_config = ConfigDict(extra="ignore")

    commit: str | None = Field(default=None, max_length=64)
    files: int = Field(default=0, ge=0)


class Stage(BaseModel):
    """When a container's work began and ended, by the pod's clock."""

    model_config = ConfigDict(extra="ignore")

    started_at: AwareDatetime
    finished_at: AwareDatetime


class Manifest(BaseModel):
    """The whole file. Strings that an agent may have chosen are cut by their max_length at the writer."""

    model_config = ConfigDict(extra="ignore")

    v: Literal[1]
    task_id: str = Field(pattern=f"^{keys.ULID}$")
    attempt: int = Field(ge=1)
    status: Literal["COMPLETED", "FAILED"]
    reason: Reason | None = None
    message: str = Field(default="", max_length=1000)
    exit_code: int | None = None
    scripted: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    usage: Usage = Usage()
    summary: str = Field(default="", max_length=4000)
    base: Base = Base()
    patch: Patch = Patch()
    stages: dict[Literal["fetch", "agent", "deliver"], Stage] = {}
    artifacts: list[Artifact] = Field(max_length=len(keys.ARTIFACTS))

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        if (self.status == "FAILED") != (self.reason is not None):
            raise ValueError("a FAILED manifest has a reason, a COMPLETED one has none")
        if len({a.name for a in self.artifacts}) != len(self.artifacts):
            raise ValueError("an artifact is listed twice")
        return self

    def outcome(self) -> Outcome:
        result = self.model_dump(
            mode="json", include={"summary", "exit_code", "usage", "patch", "artifacts", "scripted", "base", "stages"}
        )
        delivered = self.stages.get("deliver")
        return Outcome(
            Status(self.status),
            self.reason,
            self.message or None,
            result,
            self.started_at,
            finished_at=self.finished_at,
            delivered_at=delivered.finished_at if delivered else None,
        )

    def missing(self, stored: Mapping[str, tuple[int, str]]) -> list[str]:
        """Artifacts that are not stored as listed; `stored` maps a name to (size in bytes, ETag without quotes)."""
        return [a.name for a in self.artifacts if stored.get(a.name) != (a.size, a.md5)]


def parse(data: bytes, task_id: str, attempt: int) -> Manifest:
    """Raises BadRecord when it is no manifest, or one of another attempt."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BadRecord(f"{'.'.join(map(str, first['loc'])) or 'manifest'}: {first['msg']}") from None
    if (manifest.task_id, manifest.attempt) != (task_id, attempt):
        raise BadRecord("the manifest names another attempt than its key")
    return manifest
