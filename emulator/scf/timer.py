"""Timer trigger: waits for the next time of an expression and puts the documented event into the asynchronous queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from emulator.scf import schema
from emulator.scf.cron import next_time

_NAP_S = 30.0  # the clock may be set, or the machine may sleep, while we wait


async def run(timer: schema.Timer, name: str, put: Callable[[dict[str, Any]], None]) -> None:
    """Until cancelled. A time that passes while the emulator is down is not made up for."""
    now = datetime.now(timezone.utc)
    while (due := next_time(timer.cron_expression, now)) is not None:
        while (left := (due - datetime.now(timezone.utc)).total_seconds()) > 0:
            await asyncio.sleep(min(left, _NAP_S))
        put(event(timer, name, due))
        now = max(due, datetime.now(timezone.utc))


def event(timer: schema.Timer, name: str, due: datetime) -> dict[str, Any]:
    """cloud.tencent.com/document/product/583/9708; the time is in UTC, although the expression is in UTC+8."""
    return {
        "Type": "Timer",
        "TriggerName": timer.name or name,
        "Time": due.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Message": timer.argument,
    }
