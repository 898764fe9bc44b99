"""One record of codex-tasks → one Job. Safe to repeat: the claim is a compare-and-set, the Job bears its name."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone

from dispatch.urls import presign
from patchmill import job, keys, log, relay, tracing, wire
from patchmill.errors import BadRecord, ClusterBusy, ClusterError, Unavailable
from patchmill.events import CkafkaRecord
from patchmill.services import Services
from patchmill.task import Reason, Task, failed

_DENIED = "denied the request"  # an admission policy speaks of this one object, not of us


def dispatch(record: CkafkaRecord, services: Services) -> None:
    """Raises Unavailable when MySQL or the cluster is down."""
    started = datetime.now(timezone.utc).replace(tzinfo=None)
    try:
        message = wire.parse_task_message(record.body)
        task = _claim(message, services)
    except BadRecord as error:
        park(record, str(error), services)
        return
    if task is None:
        log.info("nothing_to_do", task=message.task_id, attempt=message.attempt)
        return
    with log.bind(task=task.id, attempt=task.attempt, tenant=task.tenant, trace_id=tracing.trace_id_of(task)):
        log.debug("claimed", prompt=task.prompt)
        _start(task, started, services)


def _claim(message: wire.TaskMessage, services: Services) -> Task | None:
    settings = services.settings
    start, rest = settings.start_timeout_s, settings.start_timeout_s + settings.deliver_timeout_s
    task = services.tasks.claim(message.task_id, message.attempt, start, rest)
    if task is None and not services.tasks.exists(message.task_id):
        raise BadRecord("no such task")
    return task


def _start(task: Task, started: datetime, services: Services) -> None:
    urls = presign(task, services)
    try:
        uid = services.cluster.create_job(
            job.job(task, urls, services.settings), job.secret(task, urls, services.settings)
        )
    except ClusterBusy as error:
        # A full cluster is no fault of the task: it waits in MySQL and comes again with the sweep.
        services.tasks.put_back(task.id, task.attempt)
        log.warning("put_back", error=error.message)
        return
    except ClusterError as error:
        if error.status in (401, 403, 404) and _DENIED not in error.message:
            # Token, role or namespace: an operator has to mend it, and then every task can go on.
            raise Unavailable(f"the cluster refuses us: {error}") from error
        services.traces.dispatched(task, started)
        _refused(task, error, services)
        return
    services.tasks.job_created(task.id, task.attempt, uid)
    services.cache.put(task)
    services.traces.dispatched(task, started)
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    log.info(
        "job_created",
        job_uid=uid,
        waited_s=round((started - task.created_at).total_seconds(), 3),
        duration_s=round((now - started).total_seconds(), 3),
    )


def _refused(task: Task, error: ClusterError, services: Services) -> None:
    outcome = failed(Reason.INTERNAL, f"The cluster refused the Job: {error.message}")
    if ended := services.tasks.finish(task.id, task.attempt, outcome):
        relay.announce(ended, services)
    log.error("job_refused", status=error.status, error=error.message)


def park(record: CkafkaRecord, cause: str, services: Services) -> None:
    """Into the table, once, and onto the dead-letter topic, where operators' own tools may look."""
    new = services.dead_letters.park(record.topic, f"{record.partition}/{record.offset}", cause, record.body)
    log.warning("record_parked", topic=record.topic, partition=record.partition, offset=record.offset, cause=cause)
    if new:
        letter = {"topic": record.topic, "partition": record.partition, "offset": record.offset, "cause": cause}
        with suppress(Unavailable):
            services.producer.send(keys.TOPIC_DEAD, record.key or "", wire.dump({**letter, "body": record.body}))
