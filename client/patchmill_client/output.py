"""What the commands print: results on stdout, everything said to a person on stderr.

Text from the server or an agent passes `text.clean` first, and never counts as rich's markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from patchmill_client.model import Patch, Task
from patchmill_client.text import clean, clean_line

STYLES = {"COMPLETED": "green", "FAILED": "red", "CANCELLED": "yellow"}
_WORDS = {
    "QUEUED": "queued",
    "DISPATCHED": "dispatched, waiting for its pod",
    "DOWNLOADING_CODE": "fetching the code",
    "RUNNING_AGENT": "agent running",
    "UPLOADING": "delivering the result",
}


def say(message: str, style: str = "") -> None:
    """A line for the person, on stderr."""
    text = Text(clean(message, colours=False), style=style)
    Console(stderr=True).print(text, soft_wrap=True, highlight=False)


def warn(message: str) -> None:
    say(f"warning: {message}", "yellow")


def print_json(value: Mapping[str, Any]) -> None:
    """One object on one line of stdout; ASCII only, so that no terminal obeys what is in it."""
    sys.stdout.write(json.dumps(value, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def state_words(task: Task) -> Text:
    """A task's state as a person would say it."""
    return Text(_WORDS.get(task.state, clean_line(task.state)), style=STYLES.get(task.status, ""))


def outcome(task: Task) -> str:
    """One sentence on a task that has ended."""
    took = f" after {duration(task.duration_s)}" if task.duration_s is not None else ""
    if task.status == "COMPLETED":
        return f"COMPLETED{took}: {changes(task.patch)}" + (" (scripted model)" if task.scripted else "")
    reason = f" ({task.reason})" if task.reason else ""
    return f"{task.status}{took}{reason}" + (f": {clean_line(task.message)}" if task.message else "")


def changes(patch: Patch | None) -> str:
    """What the patch changes, in words."""
    if patch is None or patch.files == 0:
        return "no changes"
    return f"{patch.files} file{'s' * (patch.files != 1)} changed, +{patch.insertions} -{patch.deletions}"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def size(count: int) -> str:
    """Bytes in the unit that suits them."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def print_task(task: Task) -> None:
    """A task's whole state, one name and value per line."""
    source = task.raw.get("source")
    rows: list[tuple[str, str | Text]] = [
        ("task", task.id),
        ("status", Text(task.status, style=STYLES.get(task.status, ""))),
        ("phase", task.phase if not task.ended and task.phase else ""),
        ("reason", task.reason or ""),
        ("message", clean_line(task.message)),
        ("retry of", clean_line(str(task.raw.get("retry_of") or ""))),
        ("source", clean_line(json.dumps(source, ensure_ascii=False)) if source else ""),
        ("agent", clean_line(task.agent)),
        ("model", clean_line(task.model or "") + (" (scripted, no live model)" if task.scripted else "")),
        ("labels", clean_line(" ".join(f"{k}={v}" for k, v in (task.raw.get("labels") or {}).items()))),
        ("created", _clock(task.created_at)),
        ("took", duration(task.duration_s) if task.duration_s is not None else ""),
        ("patch", changes(task.patch) if task.ended else ""),
        ("artifacts", clean_line(" ".join(each.name for each in task.artifacts))),
        ("summary", clean_line(task.summary)),
    ]
    console = Console(highlight=False)
    for name, value in rows:
        if value:
            console.print(Text(f"{name:<10}", style="bold") + value, soft_wrap=True)


def print_tasks(tasks: Iterable[Task]) -> None:
    rows = [
        (
            task.id,
            Text(task.state, style=STYLES.get(task.status, "")),
            task.agent,
            _clock(task.created_at),
            duration(task.duration_s) if task.duration_s is not None else "",
            changes(task.patch) if task.status == "COMPLETED" else clean_line(task.reason or ""),
        )
        for task in tasks
    ]
    print_table(("ID", "STATE", "AGENT", "CREATED", "TOOK", "RESULT"), rows)


def print_table(header: tuple[str, ...], rows: Iterable[tuple[str | Text, ...]]) -> None:
    """Aligned columns, as wide as they need: an id or a digest that is cut off is of no use."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(clean_line(cell)) for cell in row))
    Console(highlight=False, width=1000).print(table)


def _clock(time: datetime | None) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else ""


def age_s(task: Task) -> float:
    """Seconds from the task's creation to its last change, by the server's clock."""
    if task.created_at is None or task.updated_at is None:
        return 0.0
    return max(0.0, (task.updated_at - task.created_at).total_seconds())
