"""`patchmill status`, `list`, `cancel`, `retry` and `wait`: a task's or all tasks' state."""

from __future__ import annotations

from typing import Annotated

import typer

from patchmill_client.commands.common import (
    EXIT_CODES,
    JsonOption,
    TaskId,
    UrlOption,
    announce,
    connect,
    to_its_end,
    watch,
)
from patchmill_client.commands.filters import (
    AgentOption,
    CanaryOption,
    ReasonOption,
    SearchOption,
    SinceOption,
    StatusOption,
    task_filter,
)
from patchmill_client.output import print_json, print_task, print_tasks, say


def status(task_id: TaskId, json: JsonOption = False, url: UrlOption = None) -> None:
    """Show a task: its state, reason, patch and artifacts."""
    with connect(url) as client:
        task = client.task(task_id)
    if json:
        print_json(task.raw)
    else:
        print_task(task)


def list_tasks(
    status: StatusOption = None,
    agent: AgentOption = None,
    reason: ReasonOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    canary: CanaryOption = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 20,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """List the newest tasks."""
    wanted = task_filter(status, agent, reason, search, since, canary)
    with connect(url) as client:
        tasks = list(client.tasks(wanted, limit=limit))
    if json:
        for task in tasks:
            print_json(task.raw)
    elif tasks:
        print_tasks(tasks)
    else:
        say("No tasks.")


def cancel(task_id: TaskId, json: JsonOption = False, url: UrlOption = None) -> None:
    """Cancel a task that has not ended yet."""
    with connect(url) as client:
        task = client.cancel(task_id)
    if json:
        print_json(task.raw)
    else:
        say(f"Task {task.id} is {task.status}.")


def retry(
    task_id: TaskId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it; the exit code is the outcome.")] = False,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """Repeat a task that has ended, as a new task with the same source, prompt and limits.

    Prints the new task's id. With --follow, as submit.
    """
    with connect(url) as client:
        task = client.retry(task_id)
        if not follow:
            announce(task, json=json)
            return
        to_its_end(client, task, json=json)


def wait(task_id: TaskId, json: JsonOption = False, url: UrlOption = None) -> None:
    """Wait until a task has ended, without its log.

    Ends with 0 (completed), 1 (failed) or 3 (cancelled).
    """
    with connect(url) as client:
        task = watch(client, client.task(task_id), json=json, log=False, states=False)
    raise typer.Exit(EXIT_CODES[task.status])
