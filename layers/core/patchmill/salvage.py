"""The agent's log of an attempt that delivered nothing: from the cluster into COS, before the pod is removed."""

from __future__ import annotations

import hashlib
from typing import Any

from patchmill import keys, log
from patchmill.errors import PatchmillError
from patchmill.services import Services

_MAX_BYTES = 10 << 20


def save_log(task_id: str, attempt: int, services: Services) -> list[dict[str, Any]]:
    """The artifacts that could be saved, in a manifest's form: agent.log, or none. Never raises."""
    try:
        pod = services.cluster.pod_of(keys.job_name(task_id, attempt))
        text = _read(pod, services) if pod else None
        if not text:
            return []
        services.logs.put(keys.artifact(task_id, attempt, "agent.log"), text, "text/plain; charset=utf-8")
    except PatchmillError as error:
        log.warning("log_not_saved", task=task_id, attempt=attempt, error=str(error))
        return []
    return [
        {
            "name": "agent.log",
            "size": len(text),
            "sha256": hashlib.sha256(text).hexdigest(),
            "md5": hashlib.md5(text, usedforsecurity=False).hexdigest(),  # COS's ETag
        }
    ]


def _read(pod: dict[str, Any], services: Services) -> bytes | None:
    """The agent's own log; where the pod did not get that far, what came before it said."""
    name = pod["metadata"]["name"]
    return services.cluster.log(name, "agent", _MAX_BYTES) or services.cluster.log(name, "fetch", _MAX_BYTES)
