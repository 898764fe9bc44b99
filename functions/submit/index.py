"""Submit: the first stage of the road. HTTP requests and dropped ZIPs in, tasks QUEUED in MySQL and on Kafka out.

in   Function URL (or an old API Gateway) event, or a COS event below drops/
out  an HTTP response; for a COS event nothing
"""

from __future__ import annotations

from functools import cache
from typing import Any

from patchmill import events, log
from patchmill.errors import SettingsError, Unavailable
from patchmill.instance import Instance
from patchmill.services import Services
from submit import drops, problems, wsgi
from submit.api import App

instance = Instance(needs=("PATCHMILL_API_KEYS",))


def main_handler(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Any] | None:
    if events.is_http(event):
        return _answer(event, context)
    if events.is_cos(event):
        services = instance.services(context)
        for record in events.cos_records(event):
            drops.accept(record, services)
        return None
    log.error("unknown_event", keys=sorted(event)[:10])
    return None


def _answer(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """A start that fails is told in the API's own words: a handler that raises would be the platform's error page."""
    try:
        services = instance.services(context)
    except (Unavailable, SettingsError) as error:
        log.error("start_failed", error=str(error))
        return problems.response(problems.of_start(error))
    return wsgi.respond(_app(services).wsgi, events.HttpEvent(event))


@cache
def _app(services: Services) -> App:
    return App(services)
