"""`patchmill timeline`: where a task's time went."""

from __future__ import annotations

from rich.console import Console

from patchmill_client.commands.common import JsonOption, TaskId, UrlOption, connect
from patchmill_client.output import print_json
from patchmill_client.views.timeline import TimelineView


def timeline(task_id: TaskId, json: JsonOption = False, url: UrlOption = None) -> None:
    """Show where a task's time went: its trace, as bars."""
    with connect(url) as client:
        found = client.timeline(task_id)
    if json:
        print_json(found.raw)
    else:
        Console(highlight=False).print(TimelineView(found))
