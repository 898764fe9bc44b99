"""The canary: a tiny task through the whole road every few minutes, so that we know before a user does.

in   a timer event with the Message "canary <minutes until the next>"
out  a task of the tenant `canary`: a ZIP below tmp_zips/canary/, as a user's upload, and the command `true`

How it ended is seen by `slo` in GET /v1/ops and by GET /v1/tasks?canary=true. Never two at a time: while one has not
ended, none is made; what is not made for one that is late, the SLO counts as missed.
"""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta, timezone

from ulid import ULID

from patchmill import events, keys, log, slo, tracing
from patchmill.services import Services
from patchmill.task import CANARY_TENANT, Limits, NewTask, Task
from submit.accept import accept

AGENT = "command"
COMMAND = "true"
UPLOAD_ID = "0" * 20 + "CANARY"
TIMEOUT_S = 60
_LOOKED_BACK = timedelta(days=slo.WINDOW_DAYS)


def is_canary(event: events.Raw) -> bool:
    return events.is_timer(event) and str(event.get("Message", "")).split()[:1] == ["canary"]


def run(event: events.Raw, services: Services) -> Task | None:
    """The new task, or None when none was made. Raises Unavailable when MySQL or COS is."""
    if AGENT not in services.settings.agents:
        log.error("canary_impossible", reason=f"the agent {AGENT} is not among PATCHMILL_AGENTS")
        return None
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    newest = services.tasks.canaries(now - _LOOKED_BACK, 1)
    if newest and not newest[0].status.terminal:
        age_s = round((now - newest[0].created_at).total_seconds(), 3)
        log.warning("canary_skipped", task=newest[0].id, age_s=age_s)
        return None
    services.code.put(keys.upload(CANARY_TENANT, UPLOAD_ID), _zip(), "application/zip")
    task, _ = accept(_new_task(event), services)
    services.stats.beat("canary")
    log.note(task=task.id, tenant=task.tenant)
    return task


def _new_task(event: events.Raw) -> NewTask:
    return NewTask(
        id=str(ULID()),
        tenant=CANARY_TENANT,
        agent=AGENT,
        model=None,
        prompt=COMMAND,
        source={"kind": "upload", "upload_id": UPLOAD_ID},
        limits=Limits(TIMEOUT_S, 1),
        labels=_labels(event),
        idempotency_key=_tick(event),
        trace_id=tracing.new().trace_id,
        canary=True,
    )


def _labels(event: events.Raw) -> dict[str, str]:
    """When the next one is due, for the SLO."""
    words = str(event.get("Message", "")).split()
    return {slo.EVERY_MINUTES: words[1]} if len(words) == 2 and words[1].isdecimal() else {}


def _tick(event: events.Raw) -> str | None:
    """The timer's time: an event that the platform repeats makes no second task, not even at the same moment."""
    moment = str(event.get("Time", ""))
    return f"canary {moment}"[:255] if moment.isascii() and moment.isprintable() and moment else None


def _zip() -> bytes:
    """One small file. The same bytes each time, put each time: what lies below tmp_zips/ is deleted after some days."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("canary.txt"), "Patchmill's canary.\n")
    return buffer.getvalue()
