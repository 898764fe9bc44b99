"""`patchmill logs`: what the agent wrote, so far or as it comes."""

from __future__ import annotations

from typing import Annotated

import typer

from patchmill_client.commands.common import JsonOption, TaskId, UrlOption, connect, watch
from patchmill_client.follow import JsonLines, Log, Screen
from patchmill_client.output import outcome, say


def logs(
    task_id: TaskId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the task has ended.")] = False,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """Print a task's agent log.

    Control sequences other than colours are left out; patchmill artifacts ID --download DIR saves the very bytes.
    """
    with connect(url) as client:
        task = client.task(task_id)
        if follow:
            task = watch(client, task, json=json, log_only=True)
            if not json:
                say(f"Task {task.id}: {outcome(task)}")
            return
        with Screen(log_only=True) as screen:
            show = JsonLines().log if json else screen.log
            offset = 0
            while True:
                chunk = client.log(task_id, offset)
                if not chunk.data:
                    break
                show(Log(chunk.data, offset))
                offset = chunk.offset
    if offset == 0 and not task.ended:
        say(f"The agent has written nothing yet (the task is {task.state}).")
