"""Timer trigger: waits for the next time of an expression and hands the documented event on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from emulator.scf.cron import next_time

log = logging.getLogger(__name__)
_NAP_S = 30.0  # the clock may be set, or the machine may sleep, while we wait


async def run(name: str, cron: str, argument: str, put: Callable[[dict[str, Any]], None]) -> None:
    """Until cancelled. A time that passes while the emulator is down is not made up for."""
    now = datetime.now(timezone.utc)
    while (due := next_time(cron, now)) is not None:
        while (left := (due - datetime.now(timezone.utc)).total_seconds()) > 0:
            await asyncio.sleep(min(left, _NAP_S))
        try:
            put(event(name, argument, due))
        except Exception:  # a full disk, say: the next time may go better
            log.exception("timer %s", name)
        now = max(due, datetime.now(timezone.utc))


def event(name: str, argument: str, due: datetime) -> dict[str, Any]:
    """cloud.tencent.com/document/product/583/9708; the time is in UTC, although the expression is in UTC+8."""
    return {
        "Type": "Timer",
        "TriggerName": name,
        "Time": due.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Message": argument,
    }
