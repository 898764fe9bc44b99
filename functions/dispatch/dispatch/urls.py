"""Presigned URLs of one attempt: one verb, one key and the attempt's lifetime each. A pod gets nothing else.

They are signed with keys that live as long: the function's own end when the platform likes.
"""

from __future__ import annotations

from patchmill import keys
from patchmill.adapters.cos import Bucket
from patchmill.job import Urls, lifetime_s
from patchmill.services import Services
from patchmill.task import Phase, Task


def presign(task: Task, services: Services) -> Urls:
    """Raises Unavailable when there are no keys to be had."""
    seconds = lifetime_s(task, services.settings)
    signer = services.pods.keys(seconds)

    def url(bucket: Bucket, method: str, key: str) -> str:
        return bucket.presign(method, key, seconds, signer=signer)

    code, logs = services.code, services.logs
    source = _source_key(task)
    return Urls(
        source=url(code, "GET", source) if source else None,
        code=url(code, "PUT", keys.processed_code(task.id, task.attempt)),
        phases={
            phase.value: url(logs, "PUT", keys.phase(task.id, task.attempt, phase.value))
            for phase in (Phase.DOWNLOADING_CODE, Phase.RUNNING_AGENT, Phase.UPLOADING)
        },
        uploads={
            name: url(logs, "PUT", keys.artifact(task.id, task.attempt, name))
            for name in (*keys.ARTIFACTS, keys.MANIFEST)
        },
    )


def _source_key(task: Task) -> str | None:
    """The ZIP's key in the code bucket; None for a Git URL."""
    kind = task.source["kind"]
    if kind == "upload":
        return keys.upload(task.tenant, task.source["upload_id"])
    return str(task.source["key"]) if kind == "drop" else None
