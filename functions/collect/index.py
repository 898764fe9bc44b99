"""Collect: the last stage of the road. What pods wrote to COS in, final states in MySQL, Redis and on Kafka out.

in   COS events on logs/<task>/<attempt>/manifest.json and phases/<task>/<attempt>/<PHASE>; a timer for the sweep;
     the deployer's {"patchmill": "migrate"}, before a release gets any traffic
out  COMPLETED or FAILED, a message on codex-results, copies of a drop's results; the database on this release's level
"""

from __future__ import annotations

from typing import Any

from collect.results import collect
from collect.sweep import sweep
from patchmill import events, log
from patchmill.adapters.migrations import migrate
from patchmill.instance import Instance

instance = Instance()


def main_handler(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Any] | None:
    with instance.event(event, context):
        return _handle(event, context)


def _handle(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Any] | None:
    if events.is_migrate(event):
        return {"applied": migrate(instance.services(context).settings.mysql_url)}
    if events.is_cos(event):
        services = instance.services(context)
        for record in events.cos_records(event):
            collect(record, services)
    elif events.is_timer(event):
        sweep(instance.services(context))
    else:
        log.error("unknown_event", keys=sorted(event)[:10])
    return None
