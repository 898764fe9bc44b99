"""The agent's log of an attempt that delivered nothing: from the cluster into COS, before the pod is removed."""

from __future__ import annotations

import hashlib
from typing import Any

from patchmill import keys, log
from patchmill.errors import PatchmillError
from patchmill.services import Services

_MAX_BYTES = 10 << 20
_NOTHING: dict[str, Any] = {"artifacts": []}


def save_log(task_id: str, attempt: int, services: Services) -> dict[str, Any]:
    """The `result` of an attempt that ends without a manifest, with agent.log if it could be saved. Never raises."""
    try:
        pod = services.hasty_cluster.pod_of(keys.job_name(task_id, attempt))
        text = _read(pod, services) if pod else None
        if not text:
            return _NOTHING
        services.logs.put(
            keys.artifact(task_id, attempt, "agent.log", salvaged=True), text, "text/plain; charset=utf-8"
        )
    except PatchmillError as error:
        log.warning("log_not_saved", task=task_id, attempt=attempt, error=str(error))
        return _NOTHING
    artifact = {
        "name": "agent.log",
        "size": len(text),
        "sha256": hashlib.sha256(text).hexdigest(),
        "md5": hashlib.md5(text, usedforsecurity=False).hexdigest(),  # COS's ETag
    }
    return {"artifacts": [artifact], "salvaged": True}


def _read(pod: dict[str, Any], services: Services) -> bytes | None:
    """The agent's own log; where the pod did not get that far, what came before it said."""
    name = pod["metadata"]["name"]
    cluster = services.hasty_cluster
    return cluster.log(name, "agent", _MAX_BYTES) or cluster.log(name, "fetch", _MAX_BYTES)
