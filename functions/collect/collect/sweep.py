"""The sweep, once a minute: what events did not settle. Every part is bounded, and two sweeps at once do no harm.

1  send what the outbox still owes, and queue anew what is queued without a message
2  open attempts: wake those without a Job, settle those whose Job has ended or is gone, enforce deadlines
3  remove Jobs and Secrets of tasks that have ended (cancelled while the cluster did not answer)
4  let idempotency keys expire; tend the numbers, and say how things stand
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, Literal, TypeVar

from collect import verdict
from patchmill import job as jobs
from patchmill import keys, log, relay
from patchmill.errors import ClusterError, Unavailable
from patchmill.podstate import ended
from patchmill.services import Services
from patchmill.task import Attempt, Status, Task

Obj = dict[str, Any]
T = TypeVar("T")

_OUTBOX_BATCH = 200
_ATTEMPT_PAGE = 200
_TIME_S = 40  # a sweep that takes longer leaves the rest to the next one
_OUTBOX_S = 20
_ENDING = timedelta(seconds=30)  # from manifest.json to the end of the Job


def sweep(services: Services) -> None:
    """Raises Unavailable when MySQL is down: nothing can be done then. Any other fault spoils one thing alone."""
    started = time.monotonic()
    for task in services.tasks.silent(_ATTEMPT_PAGE):
        services.tasks.wake(task)
    sent = services.outbox.send_due(_OUTBOX_BATCH, _OUTBOX_S, lambda row: relay.send(row, services))
    settled = removed = 0
    try:
        known = {job["metadata"]["name"]: job for job in services.hasty_cluster.jobs()}
    except (Unavailable, ClusterError) as error:
        log.error("cluster_unavailable", error=str(error))
        settled = _attempts(lambda attempt: attempt.overdue and verdict.expire(attempt, services), services, started)
    else:
        open_jobs: set[str] = set()

        def settle(attempt: Attempt) -> bool:
            name = keys.job_name(attempt.task_id, attempt.number)
            open_jobs.add(name)
            return verdict.settle(attempt, known.get(name), services)

        settled = _attempts(settle, services, started)
        removed = _leftovers({name: job for name, job in known.items() if name not in open_jobs}, services)
    services.tasks.forget_idempotency_keys(500)
    services.stats.tend()
    queue, running = services.stats.queue(), sum(services.stats.running_by_tenant().values())
    services.stats.beat("sweep")
    log.info(
        "swept",
        sent=sent,
        settled=settled,
        removed=removed,
        queue_depth=queue.depth,
        queue_oldest_s=queue.oldest_s,
        running=running,
        duration_s=log.since(started),
    )


def _attempts(settle: Callable[[Attempt], bool], services: Services, started: float) -> int:
    """Look at every open attempt, as far as the time goes. Returns how many `settle` ended."""
    settled, after = 0, ""
    while time.monotonic() - started < _TIME_S and (page := services.tasks.open_attempts(after, _ATTEMPT_PAGE)):
        for attempt in page:
            if time.monotonic() - started < _TIME_S:
                with log.bind(task=attempt.task_id, attempt=attempt.number):
                    settled += _alone(partial(settle, attempt), attempt.task_id, services)
        after = page[-1].task_id
    return settled


def _leftovers(unclaimed: dict[str, Obj], services: Services) -> int:
    """Running Jobs whose attempt is over, and Secrets that never got a Job. Jobs that have ended have their TTL."""
    removed = 0
    for name, job in unclaimed.items():
        if not ended(job):
            removed += _alone(partial(_remove, name, job, services, "jobs"), name, services)
    for secret in _alone(services.hasty_cluster.secrets, "secrets", services) or []:
        if not secret["metadata"].get("ownerReferences"):
            name = secret["metadata"]["name"]
            removed += _alone(partial(_remove, name, secret, services, "secrets"), name, services)
    return removed


def _remove(name: str, obj: Obj, services: Services, resource: str) -> bool:
    parsed = keys.parse_job(name)
    if parsed is None or obj["metadata"].get("deletionTimestamp"):
        return False
    task = services.tasks.get(parsed[0])
    if task is None:
        log.warning("foreign_object", name=name, resource=resource, label=jobs.SELECTOR)
        return False
    over = task.attempt > parsed[1] or (task.status.terminal and not _is_ending(task))
    return over and services.hasty_cluster.delete(resource, name)


def _alone(work: Callable[[], T], what: str, services: Services) -> T | Literal[0]:
    """One thing's fault must not keep the sweep from all the others."""
    try:
        return work()
    except Exception as error:
        log.error("sweep_fault", about=what, error=f"{type(error).__name__}: {error}"[:300])
        services.stats.fault("collect")
        return 0


def _is_ending(task: Task) -> bool:
    """The task has just ended by its pod's manifest, so the pod is about to end too, and its Job may be looked at."""
    delivered = "base" in task.result  # only a manifest says what the agent started from
    age = datetime.now(timezone.utc) - task.updated_at.replace(tzinfo=timezone.utc)
    return delivered and task.status is not Status.CANCELLED and age < _ENDING
