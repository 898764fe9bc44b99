"""From a committed change to the world: the cache, and what the outbox owes (messages, copies of a drop's results).

Whatever fails here is not lost: the outbox row stays, and the sweep sends it.
"""

from __future__ import annotations

from typing import Any

from patchmill import keys, log, tracing
from patchmill.adapters.outbox import Row, SendFailed
from patchmill.errors import Unavailable
from patchmill.services import Services
from patchmill.task import Task, public


def announce(task: Task, services: Services) -> None:
    """After a commit that ended a task: one line, its spans, and whoever waits for it. Never raises."""
    log.info("task_ended", **_about(task))
    services.traces.ended(task)
    services.cache.put(task)
    try:
        services.outbox.send_of(task.id, lambda row: send(row, services))
    except Unavailable as error:
        log.warning("left_to_the_sweep", task=task.id, error=str(error))


def _about(task: Task) -> dict[str, Any]:
    """What alarms and reports are made of."""
    usage = task.result.get("usage") or {}
    ended = task.finished_at or task.updated_at
    return {
        "task": task.id,
        "attempt": task.attempt,
        "tenant": task.tenant,
        "trace_id": tracing.trace_id_of(task),
        "agent": task.agent,
        "model": task.model,
        "source": task.source["kind"],
        "status": task.status.value,
        "reason": task.reason.value if task.reason else None,
        "duration_s": round((ended - task.created_at).total_seconds(), 3),
        "to_start_s": round((task.started_at - task.created_at).total_seconds(), 3) if task.started_at else None,
        **{name: usage.get(name, 0) for name in ("model_calls", "input_tokens", "output_tokens")},
    }


def send(row: Row, services: Services) -> None:
    """One row of the outbox. Raises SendFailed when it has to be tried again."""
    try:
        _SENDERS[row.kind](row, services)
    except Unavailable as error:
        log.warning("send_failed", kind=row.kind, task=row.task_id, attempt=row.attempt, error=str(error))
        raise SendFailed from error


def _send_task(row: Row, services: Services) -> None:
    services.producer.send(keys.TOPIC_TASKS, row.task_id, row.payload)


def _send_result(row: Row, services: Services) -> None:
    services.producer.send(keys.TOPIC_RESULTS, row.task_id, row.payload)


def _copy_drop(row: Row, services: Services) -> None:
    """Results of a dropped ZIP go beside where it came from; task.json last, as the sign that all is there."""
    task = services.tasks.get(row.task_id)
    if task is None or task.drop is None:
        return
    for artifact in task.result.get("artifacts", []):
        source = keys.artifact(task.id, task.attempt, artifact["name"], bool(task.result.get("salvaged")))
        services.logs.copy(source, keys.result(task.tenant, task.drop, artifact["name"]))
    services.logs.put_json(keys.result(task.tenant, task.drop, "task.json"), public(task))


_SENDERS = {"task": _send_task, "result": _send_result, "drop": _copy_drop}
