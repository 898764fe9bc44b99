"""Dispatch: the second stage of the road. Records of codex-tasks in, Kubernetes Jobs out.

in   CKafka event, a batch of records; any may come again, late, or be garbage
out  Job pm-<task>-<attempt>; the task PROCESSING

A bad record is parked and never raises: the trigger would bring the whole batch again, and again. Only when nothing can
be done (MySQL or the cluster is down) is the event given back.
"""

from __future__ import annotations

from typing import Any

from dispatch.dispatch import dispatch, park
from patchmill import events, log
from patchmill.errors import SettingsError, Unavailable
from patchmill.instance import Instance

instance = Instance(needs=("PATCHMILL_PODS_ROLE",))


def main_handler(event: dict[str, Any], context: dict[str, Any]) -> None:
    with instance.event(event, context):
        _handle(event, context)


def _handle(event: dict[str, Any], context: dict[str, Any]) -> None:
    if not events.is_ckafka(event):
        log.error("unknown_event", keys=sorted(event)[:10])
        return
    services = instance.services(context)
    for record in events.ckafka_records(event):
        try:
            dispatch(record, services)
        except (Unavailable, SettingsError):
            raise
        except Exception as error:  # a fault of ours with this record must not hold up those behind it
            park(record, f"fault: {type(error).__name__}", services)
            services.stats.fault("dispatch")
