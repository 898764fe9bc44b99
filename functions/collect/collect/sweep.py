"""The sweep, once a minute: what events did not settle. Every part is bounded, and two sweeps at once do no harm.

1  send what the outbox still owes
2  open attempts: wake those without a Job, settle those whose Job has ended or is gone, enforce deadlines
3  remove Jobs of tasks that have ended (cancelled while the cluster did not answer)
4  let idempotency keys expire
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

from collect import verdict
from patchmill import job as jobs
from patchmill import keys, log, relay
from patchmill.errors import ClusterError, Unavailable
from patchmill.podstate import ended
from patchmill.services import Services
from patchmill.task import Status, Task

Obj = dict[str, Any]

_OUTBOX_BATCH = 200
_ATTEMPT_PAGE = 200
_TIME_S = 40  # a sweep that takes longer leaves the rest to the next one
_KEY_LIFE_S = 24 * 3600
_ENDING = timedelta(seconds=30)  # from manifest.json to the end of the Job


def sweep(services: Services) -> None:
    """Raises Unavailable when MySQL is down: nothing can be done then."""
    started = time.monotonic()
    sent = services.outbox.send_due(_OUTBOX_BATCH, lambda row: relay.send(row, services))
    settled = removed = 0
    try:
        known = {job["metadata"]["name"]: job for job in services.cluster.jobs()}
    except (Unavailable, ClusterError) as error:
        log.error("cluster_unavailable", error=str(error))
        settled = _overdue_only(services, started)
    else:
        settled, open_jobs = _attempts(known, services, started)
        removed = _leftovers({name: job for name, job in known.items() if name not in open_jobs}, services)
    services.tasks.forget_idempotency_keys(_KEY_LIFE_S, 500)
    log.info("swept", sent=sent, settled=settled, removed=removed, duration_s=round(time.monotonic() - started, 3))


def _attempts(known: dict[str, Obj], services: Services, started: float) -> tuple[int, set[str]]:
    """(attempts that were settled, names of the Jobs of all attempts that were open)."""
    settled, after, names = 0, "", set[str]()
    while page := services.tasks.open_attempts(after, _ATTEMPT_PAGE):
        for attempt in page:
            name = keys.job_name(attempt.task_id, attempt.number)
            names.add(name)
            if time.monotonic() - started < _TIME_S:
                settled += verdict.settle(attempt, known.get(name), services)
        after = page[-1].task_id
    return settled, names


def _overdue_only(services: Services, started: float) -> int:
    """With the cluster away, a task's own deadline still holds."""
    settled, after = 0, ""
    while page := services.tasks.open_attempts(after, _ATTEMPT_PAGE):
        for attempt in page:
            if attempt.overdue and time.monotonic() - started < _TIME_S:
                settled += verdict.time_out(attempt, services)
        after = page[-1].task_id
    return settled


def _leftovers(unclaimed: dict[str, Obj], services: Services) -> int:
    """Running Jobs whose attempt is over. Jobs that have ended are left to their TTL: people may look at them."""
    removed = 0
    for name, job in unclaimed.items():
        parsed = keys.parse_job(name)
        if parsed is None or ended(job) or job["metadata"].get("deletionTimestamp"):
            continue
        task = services.tasks.get(parsed[0])
        if task is None:
            log.warning("foreign_job", job=name, label=jobs.SELECTOR)
        elif task.attempt > parsed[1] or (task.status.terminal and not _is_ending(task)):
            removed += services.cluster.delete_job(name)
    return removed


def _is_ending(task: Task) -> bool:
    """The task has just ended by its pod's manifest, so the pod is about to end too, and its Job may be looked at."""
    delivered = "base" in task.result  # only a manifest says what the agent started from
    age = datetime.now(timezone.utc) - task.updated_at.replace(tzinfo=timezone.utc)
    return delivered and task.status is not Status.CANCELLED and age < _ENDING
