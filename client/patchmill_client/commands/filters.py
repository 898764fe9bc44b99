"""The options that choose tasks, for `list` and `watch`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Annotated

import typer

from patchmill_client.errors import UsageError
from patchmill_client.model import TaskFilter

_TIME = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s?)?")

StatusOption = Annotated[
    str | None,
    typer.Option("--status", metavar="STATUS", help="QUEUED, PROCESSING, COMPLETED, FAILED or CANCELLED only."),
]
AgentOption = Annotated[str | None, typer.Option("--agent", metavar="KIND", help="Tasks of this agent only.")]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="REASON", help="Failures with this reason only, such as TIMEOUT.")
]
SearchOption = Annotated[
    str | None, typer.Option("--search", metavar="TEXT", help="Tasks with this in prompt, source or labels.")
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Tasks of the last 90s, 30m, 2h or 7d only.")
]
CanaryOption = Annotated[
    bool, typer.Option("--canary", help="The canary's tasks instead of your own; for administrators.")
]


def task_filter(
    status: str | None, agent: str | None, reason: str | None, search: str | None, since: str | None, canary: bool
) -> TaskFilter:
    """Raises UsageError for a time that is none."""
    return TaskFilter(
        status=status.upper() if status else None,
        agent=agent,
        reason=reason.upper() if reason else None,
        text=search,
        since=datetime.now(timezone.utc) - timedelta(seconds=seconds(since, "--since", days=True)) if since else None,
        canary=canary,
    )


def seconds(text: str, option: str, *, days: bool = False) -> int:
    """Of 90s, 30m, 1h30m, and with `days` also 7d. Raises UsageError that names the option."""
    match = _TIME.fullmatch(text)
    day, hour, minute, second = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    total = day * 86400 + hour * 3600 + minute * 60 + second
    if total <= 0 or (day and not days) or total > 10**9:
        raise UsageError(f"{option} {text!r} is no time: write it like 90s, 30m or 1h30m{', or 7d' * days}.")
    return total
