"""A line around the stand-ins that every request has to cross twice: before it is dealt with, and before its answer.

Somebody may die at any crossing: `Boundaries.kill(pid, n, side)` sends a SIGKILL when the n-th request (from 0) comes
in (side "before": it is never dealt with) or when its answer would go out ("after": it is done, nobody hears of it).
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Side = Literal["before", "after"]


@dataclass
class _Kill:
    pid: int
    number: int
    side: Side


class Boundaries:
    """Counts the requests to every app that it surrounds, in the order in which they come."""

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []
        self._kill: _Kill | None = None

    def kill(self, pid: int, number: int, side: Side) -> None:
        self._kill = _Kill(pid, number, side)

    def reset(self) -> None:
        """Count from 0 again; nobody is killed."""
        self.count, self.names, self._kill = 0, [], None

    def around(self, app: ASGIApp) -> ASGIApp:
        async def crossed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            number, kill = self.count, self._kill
            self.count += 1
            self.names.append(_name(scope))
            dies = kill is not None and kill.number == number
            if kill and dies and kill.side == "before":
                os.kill(kill.pid, signal.SIGKILL)
                return
            held: list[Message] = []

            async def hold(message: Message) -> None:
                held.append(message)

            await app(scope, receive, hold if dies else send)
            if kill and dies:
                os.kill(kill.pid, signal.SIGKILL)

        return crossed


def _name(scope: Scope) -> str:
    action = dict(scope["headers"]).get(b"x-tc-action", b"").decode()
    return action or f"{scope['method']} {scope['path']}"
