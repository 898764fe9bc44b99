"""`patchmill status`, `list`, `cancel` and `wait`: a task's or all tasks' state."""

from __future__ import annotations

from typing import Annotated

import typer

from patchmill_client.commands.common import EXIT_CODES, JsonOption, TaskId, UrlOption, connect, watch
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
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="STATUS", help="QUEUED, PROCESSING, COMPLETED, FAILED or CANCELLED only."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 20,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """List the newest tasks."""
    with connect(url) as client:
        tasks = list(client.tasks(status=status.upper() if status else None, limit=limit))
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


def wait(task_id: TaskId, json: JsonOption = False, url: UrlOption = None) -> None:
    """Wait until a task has ended, without its log.

    Ends with 0 (completed), 1 (failed) or 3 (cancelled).
    """
    with connect(url) as client:
        task = watch(client, client.task(task_id), json=json, log=False, states=False)
    raise typer.Exit(EXIT_CODES[task.status])
