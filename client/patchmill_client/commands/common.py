"""What the commands share: the options they all take, the connection, a new task, and watching one to its end."""

from __future__ import annotations

import os
from typing import Annotated, NoReturn

import typer

from patchmill_client.api import Client
from patchmill_client.errors import UnreachableError, UsageError
from patchmill_client.follow import WAITING_PATIENCE_S, JsonLines, Screen, follow
from patchmill_client.model import Task
from patchmill_client.output import print_json, say

UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The server; instead of the environment variable PATCHMILL_URL."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout, and nothing else there.")]
TaskId = Annotated[str, typer.Argument(metavar="ID", help="The task's id.", show_default=False)]

EXIT_CODES = {"COMPLETED": 0, "FAILED": 1, "CANCELLED": 3}
INTERRUPTED = 130


def connect(url: str | None) -> Client:
    """The client for the user's server. Raises UsageError that says what to set."""
    url = url or os.environ.get("PATCHMILL_URL")
    key = os.environ.get("PATCHMILL_API_KEY")
    missing = [name for name, value in (("PATCHMILL_URL", url), ("PATCHMILL_API_KEY", key)) if not value]
    if missing or not url or not key:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. Set PATCHMILL_URL to the server's"
            " address and PATCHMILL_API_KEY to your key; for the server that `make up` starts, type: . .local/env"
        )
    return Client(url, key, notice=say)


def watch(
    client: Client,
    task: Task,
    *,
    json: bool,
    log: bool = True,
    log_only: bool = False,
    states: bool = True,
    patience_s: float = WAITING_PATIENCE_S,
) -> Task:
    """Follow the task to its end, for a person or as JSON; Ctrl-C ends the watching, not the task."""
    try:
        if json:
            return follow(client, task, JsonLines(states=states), log=log, patience_s=patience_s)
        with Screen(log_only=log_only) as screen:
            return follow(client, task, screen, log=log, patience_s=patience_s)
    except KeyboardInterrupt:
        say(
            f"\nStopped watching; task {task.id} goes on.\n"
            f"  watch it again:  patchmill logs -f {task.id}\n"
            f"  cancel it:       patchmill cancel {task.id}"
        )
        raise typer.Exit(INTERRUPTED) from None
    except UnreachableError as e:
        raise UnreachableError(f"{e}\nThe task goes on without us; later: patchmill wait {task.id}") from e


def announce(task: Task, *, json: bool) -> None:
    """A task that has just been made: its id, and what can be done now."""
    if json:
        print_json(task.raw)
        return
    typer.echo(task.id)
    say(f"Queued. Watch it:  patchmill logs -f {task.id}    wait for it:  patchmill wait {task.id}")


def to_its_end(client: Client, task: Task, *, json: bool) -> NoReturn:
    """Watch a new task; its outcome becomes the exit code."""
    if not json:
        say(f"Task {task.id}", "bold")
    task = watch(client, task, json=json)
    if not json and task.status == "COMPLETED" and task.patch and task.patch.files:
        say(f"The patch:  patchmill diff {task.id}   (--apply puts it into the folder you are in)")
    raise typer.Exit(EXIT_CODES[task.status])
