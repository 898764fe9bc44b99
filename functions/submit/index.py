"""Submit: the first stage of the road. HTTP requests and dropped ZIPs in, tasks QUEUED in MySQL and on Kafka out.

in   Function URL (or an old API Gateway) event, a COS event below drops/, or, where it is wanted, the canary's timer
out  an HTTP response; for the others nothing
"""

from __future__ import annotations

from functools import cache
from typing import Any

from patchmill import events, log
from patchmill.errors import SettingsError, Unavailable
from patchmill.instance import Instance
from patchmill.services import Services
from submit import canary, drops, problems, wsgi
from submit.api import App

instance = Instance(needs=("PATCHMILL_API_KEYS",))


def main_handler(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Any] | None:
    with instance.event(event, context):
        return _handle(event, context)


def _handle(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Any] | None:
    if events.is_http(event):
        return _answer(event, context)
    if events.is_cos(event):
        services = instance.services(context)
        for record in events.cos_records(event):
            drops.accept(record, services)
        return None
    if canary.is_canary(event):
        canary.run(event, instance.services(context))
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
    request = events.HttpEvent(event)
    answer = wsgi.respond(_app(services).wsgi, request)
    log.note(method=request.method, path=request.path, status=answer["statusCode"])
    return answer


@cache
def _app(services: Services) -> App:
    return App(services)
