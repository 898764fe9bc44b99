"""What a pod wrote → the state of its task. An event may be lost, doubled, late or early; the sweep makes up for it."""

from __future__ import annotations

from enum import Enum

from patchmill import keys, log, manifest, relay, tracing
from patchmill.errors import BadRecord
from patchmill.events import CosRecord
from patchmill.services import Services
from patchmill.task import Outcome, Phase


def collect(record: CosRecord, services: Services) -> None:
    """One COS record. Raises Unavailable when a hop is down: the platform brings the event again."""
    parsed = keys.parse_attempt(record.key)
    if record.bucket != services.settings.logs_bucket or parsed is None:
        return
    kind, task_id, attempt, name = parsed
    with log.bind(task=task_id, attempt=attempt):
        if kind == "phases" and name in Phase.__members__:
            _enter(task_id, attempt, Phase(name), services)
        elif kind == "logs" and name == keys.MANIFEST:
            settle(task_id, attempt, services)


def _enter(task_id: str, attempt: int, phase: Phase, services: Services) -> None:
    if task := services.tasks.enter(task_id, attempt, phase):
        services.cache.put(task)
        log.info("phase", phase=phase.value, tenant=task.tenant, trace_id=tracing.trace_id_of(task))


class Delivery(Enum):
    """What stands in the bucket for an attempt."""

    NONE = "none"
    INCOMPLETE = "incomplete"
    COMPLETE = "complete"


def settle(task_id: str, attempt: int, services: Services) -> Delivery:
    """End an attempt by its manifest, when there is a complete one. Whatever an older attempt wrote changes nothing."""
    found = read(task_id, attempt, services)
    if isinstance(found, Outcome):
        finish(task_id, attempt, found, services)
        return Delivery.COMPLETE
    return found


def read(task_id: str, attempt: int, services: Services) -> Outcome | Delivery:
    """The manifest's outcome, if it and everything that it lists is stored as it says."""
    data = services.logs.get(keys.artifact(task_id, attempt, keys.MANIFEST), manifest.MAX_BYTES + 1)
    if data is None:
        return Delivery.NONE
    try:
        parsed = manifest.parse(data, task_id, attempt)
    except BadRecord as error:
        log.error("bad_manifest", task=task_id, attempt=attempt, error=str(error))
        return Delivery.INCOMPLETE
    missing = parsed.missing(services.logs.stored(keys.artifact(task_id, attempt, "")))
    if missing:
        log.warning("incomplete_delivery", task=task_id, attempt=attempt, missing=missing)
        return Delivery.INCOMPLETE
    return parsed.outcome()


def finish(task_id: str, attempt: int, outcome: Outcome, services: Services) -> bool:
    """True when this call made the transition."""
    task = services.tasks.finish(task_id, attempt, outcome)
    if task is None:
        log.info("already_settled", task=task_id, attempt=attempt)
        return False
    relay.announce(task, services)
    return True
