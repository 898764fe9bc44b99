"""One open attempt and what the cluster shows of it → go on, wake, retry, or end."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from collect.results import Delivery, finish
from collect.results import settle as settle_by_manifest
from patchmill import keys, log, podstate
from patchmill.errors import PatchmillError
from patchmill.salvage import save_log
from patchmill.services import Services
from patchmill.task import Attempt, Outcome, Phase, Reason, failed

Obj = dict[str, Any]


def settle(attempt: Attempt, job: Obj | None, services: Services) -> bool:
    """True when the attempt was ended by this call."""
    if job is None:
        # The list of Jobs is older than the list of attempts: look again before calling one lost.
        job = services.cluster.job(keys.job_name(attempt.task_id, attempt.number))
    if job is None and attempt.job_uid is None and not attempt.overdue:
        return _wake(attempt, services)
    if job is not None and attempt.job_uid is None:
        # Dispatch died between making the Job and noting it; from now on its absence means that it was lost.
        uid = job["metadata"]["uid"]
        services.cluster.adopt(keys.job_name(attempt.task_id, attempt.number), uid)
        services.tasks.job_created(attempt.task_id, attempt.number, uid)
    if job is None or podstate.ended(job):
        return _over(attempt, job, services)
    if attempt.overdue:
        return _time_out(attempt, services)
    if attempt.start_overdue:
        return _never_started(attempt, services)
    return False


_TOO_LATE = failed(Reason.TIMEOUT, "The task was not over when its time was up; its Job was removed.")


def expire(attempt: Attempt, services: Services) -> bool:
    """The deadline of the whole attempt has passed, and the cluster does not answer: nothing is asked of it."""
    if settle_by_manifest(attempt.task_id, attempt.number, services) is Delivery.COMPLETE:
        return True
    return finish(attempt.task_id, attempt.number, _TOO_LATE, services)


def _time_out(attempt: Attempt, services: Services) -> bool:
    """The deadline of the whole attempt has passed, whatever the cluster thinks of it."""
    if settle_by_manifest(attempt.task_id, attempt.number, services) is Delivery.COMPLETE:
        return True
    return _give_up(attempt, _TOO_LATE, services)


def _wake(attempt: Attempt, services: Services) -> bool:
    """Claimed, but the function died before it had made the Job: its message is sent once more."""
    if attempt.age_s > services.settings.requeue_after_s and (task := services.tasks.get(attempt.task_id)):
        services.tasks.wake(task)
        log.warning("woken", task=attempt.task_id, attempt=attempt.number)
    return False


def _over(attempt: Attempt, job: Obj | None, services: Services) -> bool:
    delivery = settle_by_manifest(attempt.task_id, attempt.number, services)
    if delivery is Delivery.COMPLETE:
        return True
    pod = services.cluster.pod_of(keys.job_name(attempt.task_id, attempt.number))
    outcome = podstate.explain(job, pod)
    if outcome.reason and outcome.reason.retryable and attempt.number < services.settings.max_attempts:
        return _retry(attempt, outcome, services)
    return _give_up(attempt, outcome, services)


def _retry(attempt: Attempt, outcome: Outcome, services: Services) -> bool:
    task = services.tasks.retry(attempt.task_id, attempt.number, outcome)
    if task is None:
        return False
    services.cache.put(task)
    log.warning("retried", task=task.id, attempt=task.attempt, reason=outcome.reason)
    _remove_job(attempt, services)
    return True


def _never_started(attempt: Attempt, services: Services) -> bool:
    """No phase came from the pod in time. Phases are best effort, so the pod itself is asked before it is given up."""
    pod = services.cluster.pod_of(keys.job_name(attempt.task_id, attempt.number))
    if podstate.started(pod, "agent"):
        if task := services.tasks.enter(attempt.task_id, attempt.number, Phase.RUNNING_AGENT):
            services.cache.put(task)
        return False
    if settle_by_manifest(attempt.task_id, attempt.number, services) is Delivery.COMPLETE:
        return True
    slow = failed(Reason.TIMEOUT, f"The agent had not started within {services.settings.start_timeout_s} seconds.")
    return _give_up(attempt, podstate.not_started(pod) or slow, services)


def _give_up(attempt: Attempt, outcome: Outcome, services: Services) -> bool:
    saved = save_log(attempt.task_id, attempt.number, services)
    whole = Outcome(outcome.status, outcome.reason, outcome.message, {**outcome.result, **saved})
    done = finish(attempt.task_id, attempt.number, whole, services)
    _remove_job(attempt, services)
    return done


def _remove_job(attempt: Attempt, services: Services) -> None:
    with suppress(PatchmillError):  # what stays is removed by a later sweep, or by its TTL
        services.cluster.delete_job(keys.job_name(attempt.task_id, attempt.number))
