"""Names of objects, Jobs and topics: one place for every key that two hops must agree on. Pure."""

from __future__ import annotations

import re

ULID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
TENANT = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # it is a label in Kubernetes, too
ARTIFACTS = ("diff.patch", "agent.log", "prompt.txt", "result.json", "output.tar.gz")
MANIFEST = "manifest.json"

TOPIC_TASKS = "codex-tasks"
TOPIC_RESULTS = "codex-results"
TOPIC_DEAD = "codex-tasks-dlq"

_ATTEMPT_KEY = re.compile(rf"(?P<kind>logs|phases)/(?P<task>{ULID})/(?P<attempt>[1-9][0-9]{{0,4}})/(?P<name>[^/]+)")
_DROP_KEY = re.compile(rf"drops/(?P<tenant>{TENANT})/(?P<name>.{{1,200}})\.zip", re.DOTALL)
_JOB_NAME = re.compile(r"pm-(?P<task>[0-9a-z]{26})-(?P<attempt>[1-9][0-9]{0,4})")


def upload(tenant: str, upload_id: str) -> str:
    """Where a client puts its ZIP. The tenant is in the key, so nobody can name another's upload."""
    return f"tmp_zips/{tenant}/{upload_id}/code.zip"


def processed_code(task_id: str, attempt: int) -> str:
    return f"processed_code/{task_id}/{attempt}/code.tar.gz"


def artifact(task_id: str, attempt: int, name: str, salvaged: bool = False) -> str:
    """`salvaged`: saved from the cluster by us, under a key that no pod has a URL for."""
    return f"{'salvaged' if salvaged else 'logs'}/{task_id}/{attempt}/{name}"


def phase(task_id: str, attempt: int, name: str) -> str:
    return f"phases/{task_id}/{attempt}/{name}"


def result(tenant: str, drop: str, name: str) -> str:
    return f"results/{tenant}/{drop}/{name}"


def job_name(task_id: str, attempt: int) -> str:
    """Deterministic, never generated: creating it twice is a 409, not a second Job."""
    return f"pm-{task_id.lower()}-{attempt}"


def parse_attempt(key: str) -> tuple[str, str, int, str] | None:
    """("logs" or "phases", task id, attempt, last name) of a key that a pod wrote, or None."""
    match = _ATTEMPT_KEY.fullmatch(key)
    return (match["kind"], match["task"], int(match["attempt"]), match["name"]) if match else None


def parse_drop(key: str) -> tuple[str, str] | None:
    """(tenant, name) of a dropped ZIP, or None for a key that is no drop."""
    match = _DROP_KEY.fullmatch(key)
    if not match or any(part in ("", ".", "..") for part in match["name"].split("/")):
        return None
    return match["tenant"], match["name"]


def parse_job(name: str) -> tuple[str, int] | None:
    """(task id, attempt) of a Job's name, or None when it is not one of ours."""
    match = _JOB_NAME.fullmatch(name)
    return (match["task"].upper(), int(match["attempt"])) if match else None


def is_id(text: str) -> bool:
    """A task's or upload's id: a ULID in upper case."""
    return re.fullmatch(ULID, text) is not None
