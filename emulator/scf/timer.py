"""Timer trigger: waits for the next time of an expression and puts the documented event into the asynchronous queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from emulator.scf import schema
from emulator.scf.cron import next_time


async def run(timer: schema.Timer, put: Callable[[dict[str, Any]], None]) -> None:
    """Until cancelled. A time that passes while the emulator is down is not made up for."""
    now = datetime.now(timezone.utc)
    while (due := next_time(timer.cron_expression, now)) is not None:
        await asyncio.sleep(max(0.0, (due - datetime.now(timezone.utc)).total_seconds()))
        put(event(timer, due))
        now = max(due, datetime.now(timezone.utc))


def event(timer: schema.Timer, due: datetime) -> dict[str, Any]:
    """cloud.tencent.com/document/product/583/9708; the time is in UTC, although the expression is in UTC+8."""
    return {
        "Type": "Timer",
        "TriggerName": timer.name or "timer",
        "Time": due.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Message": timer.argument,
    }
