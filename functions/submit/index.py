"""Submit: the first stage of the road. HTTP requests and dropped ZIPs in, tasks QUEUED in MySQL and on Kafka out.

in   Function URL (or an old API Gateway) event, or a COS event below drops/
out  an HTTP response; for a COS event nothing
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from patchmill import events, log, settings
from patchmill.services import Services, build
from submit import drops, wsgi
from submit.api import App


@cache
def services() -> Services:
    return build(settings.read(os.environ))


@cache
def app() -> App:
    return App(services())


def main_handler(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Any] | None:
    if events.is_http(event):
        return wsgi.respond(app().wsgi, events.HttpEvent(event))
    if events.is_cos(event):
        for record in events.cos_records(event):
            drops.accept(record, services())
        return None
    log.error("unknown_event", keys=sorted(event)[:10])
    return None
