"""`patchmill watch`: the newest tasks, live."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from patchmill_client.api import Client
from patchmill_client.commands.common import JsonOption, UrlOption, connect
from patchmill_client.commands.filters import (
    AgentOption,
    CanaryOption,
    ReasonOption,
    SearchOption,
    SinceOption,
    StatusOption,
    task_filter,
)
from patchmill_client.errors import BadRequestError
from patchmill_client.live import is_screen, on_terminal, polls
from patchmill_client.model import Task, TaskFilter
from patchmill_client.output import STYLES, print_json
from patchmill_client.text import clean_line
from patchmill_client.views.watch import Watched, WatchView, result

_EVERY_S = 2.0
_OPS_EVERY_S = 15.0
OnceOption = Annotated[bool, typer.Option("--once", help="Show what there is now, and end.")]


def watch(
    status: StatusOption = None,
    agent: AgentOption = None,
    reason: ReasonOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    canary: CanaryOption = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most this many.")] = 50,
    once: OnceOption = False,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """Watch the newest tasks, live.

    On a terminal, a table that q ends. Into a pipe or file, a line for each change; with --json, each task's object.
    """
    wanted = task_filter(status, agent, reason, search, since, canary)
    with connect(url) as client:
        ask = _Ask(client, wanted, limit, with_ops=not json)
        if once:
            _print_once(ask(), json)
            return
        client.patience_s = 0  # whoever polls, waits for the server itself
        if json:
            for task in _changes(ask):
                print_json(task.raw)
        elif is_screen():
            on_terminal(ask, lambda watched, ago_s: WatchView(watched, ago_s, "q ends"), _EVERY_S)
        else:
            _print_changes(ask)


class _Ask:
    """The page each time, and for an administrator `/v1/ops` now and then."""

    def __init__(self, client: Client, wanted: TaskFilter, limit: int, *, with_ops: bool) -> None:
        self._client, self._wanted, self._limit = client, wanted, limit
        self._watched: Watched | None = None
        self._admin = None if with_ops else False
        self._ops: Mapping[str, Any] | None = None
        self._ops_at = 0.0

    def __call__(self) -> Watched:
        page = self._client.newest(self._wanted, self._limit, self._watched.page if self._watched else None)
        self._watched = Watched(page, self._ask_ops())
        return self._watched

    def _ask_ops(self) -> Mapping[str, Any] | None:
        if self._admin is None:
            self._admin = _is_admin(self._client)
        if self._admin and (self._ops is None or time.monotonic() - self._ops_at > _OPS_EVERY_S):
            self._ops, self._ops_at = self._client.ops(), time.monotonic()
        return self._ops


def _is_admin(client: Client) -> bool:
    try:
        return client.me().admin
    except BadRequestError:  # a server of before there was this question
        return False


def _print_once(watched: Watched, json: bool) -> None:
    if json:
        for task in watched.page.tasks:
            print_json(task.raw)
    else:
        Console(highlight=False, width=1000).print(WatchView(watched, whole=True))


def _changes(ask: _Ask) -> Iterator[Task]:
    """Each task of the page, oldest first, then each that has changed or is new."""
    known: dict[str, Mapping[str, Any]] = {}
    for watched in polls(ask, _EVERY_S):
        tasks = watched.page.tasks
        yield from (task for task in reversed(tasks) if known.get(task.id) != task.raw)
        known = {task.id: task.raw for task in tasks}


def _print_changes(ask: _Ask) -> None:
    """For a pipe, or a terminal that only prints lines."""
    console, shown = Console(highlight=False, width=1000), dict[str, str]()
    for task in _changes(ask):
        if shown.get(task.id) == task.state:
            continue  # its summary or something else that is not shown here
        shown[task.id] = task.state
        state = Text(f"{clean_line(task.state):<16}", style=STYLES.get(task.status, ""))
        line = Text.assemble(f"{_moment(task.updated_at)}  {clean_line(task.id)}  ", state, f"  {result(task)}")
        line.rstrip()
        console.print(line)


def _moment(at: datetime | None) -> str:
    return at.astimezone().strftime("%H:%M:%S") if at else " " * 8
