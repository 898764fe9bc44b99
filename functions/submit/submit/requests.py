"""Bodies of requests: JSON text in, checked values out, or a Problem that names each wrong field. Pure."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from patchmill import keys
from submit.problems import Problem

MAX_BODY = 256 * 1024
MAX_PROMPT = 64 * 1024

_URL = re.compile(r"[\x21-\x7e]+")
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*")

Label = Annotated[str, StringConstraints(max_length=200)]
LabelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$")]
M = TypeVar("M", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Git(_Strict):
    url: str = Field(min_length=1, max_length=2000)
    ref: str | None = Field(default=None, min_length=1, max_length=255)


class Source(_Strict):
    """Just one of the two."""

    git: Git | None = None
    upload_id: str | None = Field(default=None, pattern=f"^{keys.ULID}$")

    @model_validator(mode="after")
    def _one(self) -> Source:
        if (self.git is None) == (self.upload_id is None):
            raise ValueError("give either git or upload_id")
        return self


class Limits(_Strict):
    timeout_s: int | None = Field(default=None, ge=1)
    max_steps: int | None = Field(default=None, ge=1, le=1000)


class TaskRequest(_Strict):
    """POST /v1/tasks."""

    prompt: str
    source: Source
    agent: str | None = Field(default=None, max_length=32)
    model: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")
    limits: Limits = Limits()
    labels: dict[LabelName, Label] = Field(default={}, max_length=20)


class UploadRequest(_Strict):
    """POST /v1/uploads. `size` in bytes, when the client knows it: the URL then takes just that much."""

    size: int | None = Field(default=None, ge=1)


def parse(model: type[M], body: bytes) -> M:
    """Raises Problem 413 (too long), 400 (no JSON object) or 422 (with every wrong field)."""
    if len(body) > MAX_BODY:
        raise Problem(413, f"The body is longer than {MAX_BODY} bytes. A ZIP goes through POST /v1/uploads.")
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise Problem(400, "The body is not a JSON object.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [_field_error(e) for e in error.errors(include_input=False, include_url=False, include_context=False)]
        fields = ", ".join(dict.fromkeys(e["field"] for e in errors))
        raise Problem(422, f"These fields are wrong: {fields}.", errors[:20]) from None


def _field_error(error: Any) -> dict[str, str]:
    path = ".".join(str(part) for part in error["loc"] if part != "[key]")
    messages = {"extra_forbidden": "unknown field", "missing": "is required"}
    return {"field": path[:200] or "body", "message": messages.get(error["type"], error["msg"])}


def check_prompt(prompt: str) -> str | None:
    """What is wrong with a prompt, or None."""
    if not prompt.strip():
        return "must not be empty"
    if "\x00" in prompt:
        return "must not hold NUL characters"
    try:
        size = len(prompt.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return f"is {size} bytes long; at most {MAX_PROMPT} are taken" if size > MAX_PROMPT else None


def check_git(url: str, ref: str | None, schemes: tuple[str, ...]) -> tuple[str, str] | None:
    """(field, what is wrong), or None. The pod checks again before it runs git, with the same schemes."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "source.git.url", "is not a URL"
    if not _URL.fullmatch(url):
        return "source.git.url", "must not hold spaces, control or non-ASCII characters"
    if parts.scheme not in schemes:
        return "source.git.url", f"must start with {' or '.join(f'{s}://' for s in schemes)}"
    if not host or parts.username is not None or parts.password is not None:
        return "source.git.url", "needs a host and must not hold a user name or password"
    if ref is not None and (not _REF.fullmatch(ref) or ".." in ref or "@{" in ref or ref.endswith((".lock", "/", "."))):
        return "source.git.ref", "is not the name of a branch, tag or commit"
    return None
