"""Presigned URLs of one attempt: one verb, one key and the attempt's lifetime each. A pod gets nothing else."""

from __future__ import annotations

from patchmill import keys
from patchmill.job import Urls, lifetime_s
from patchmill.services import Services
from patchmill.task import Phase, Task


def presign(task: Task, services: Services) -> Urls:
    seconds = lifetime_s(task, services.settings)
    code, logs = services.code, services.logs
    source = _source_key(task)
    return Urls(
        source=code.presign("GET", source, seconds) if source else None,
        code=code.presign("PUT", keys.processed_code(task.id, task.attempt), seconds),
        phases={
            phase.value: logs.presign("PUT", keys.phase(task.id, task.attempt, phase.value), seconds)
            for phase in (Phase.DOWNLOADING_CODE, Phase.RUNNING_AGENT, Phase.UPLOADING)
        },
        uploads={
            name: logs.presign("PUT", keys.artifact(task.id, task.attempt, name), seconds)
            for name in (*keys.ARTIFACTS, keys.MANIFEST)
        },
    )


def _source_key(task: Task) -> str | None:
    """The ZIP's key in the code bucket; None for a Git URL."""
    kind = task.source["kind"]
    if kind == "upload":
        return keys.upload(task.tenant, task.source["upload_id"])
    return str(task.source["key"]) if kind == "drop" else None
