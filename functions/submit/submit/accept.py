"""A checked request becomes a task: one transaction (row and message), then Kafka and the cache. For HTTP and drops."""

from __future__ import annotations

from patchmill import keys, log, tracing, wire
from patchmill.errors import Unavailable
from patchmill.services import Services
from patchmill.task import NewTask, Task


def accept(new: NewTask, services: Services) -> tuple[Task, bool]:
    """The stored task, and whether it is new. Raises Unavailable only when MySQL is: nothing was accepted then.

    When Kafka does not answer, the task is accepted all the same: its message is in the outbox.
    """
    task, created = services.tasks.create(new)
    if not created:
        return task, False
    try:
        services.producer.send(keys.TOPIC_TASKS, task.id, wire.wake_up(task))
    except Unavailable as error:
        log.warning("left_to_the_sweep", task=task.id, error=str(error))
    services.cache.put(task)
    services.traces.submitted(task)
    trace_id, source = tracing.trace_id_of(task), task.source["kind"]
    log.info("task_accepted", task=task.id, tenant=task.tenant, agent=task.agent, source=source, trace_id=trace_id)
    return task, True
