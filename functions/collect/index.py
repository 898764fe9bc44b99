"""Collect: the last stage of the road. What pods wrote to COS in, final states in MySQL, Redis and on Kafka out.

in   COS events on logs/<task>/<attempt>/manifest.json and phases/<task>/<attempt>/<PHASE>; a timer for the sweep
out  COMPLETED or FAILED, a message on codex-results, copies of a drop's results
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from collect.results import collect
from collect.sweep import sweep
from patchmill import events, log, settings
from patchmill.services import Services, build


@cache
def services() -> Services:
    return build(settings.read(os.environ))


def main_handler(event: dict[str, Any], context: dict[str, Any]) -> None:
    if events.is_cos(event):
        for record in events.cos_records(event):
            collect(record, services())
    elif events.is_timer(event):
        sweep(services())
    else:
        log.error("unknown_event", keys=sorted(event)[:10])
