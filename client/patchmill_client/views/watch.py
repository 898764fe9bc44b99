"""`patchmill watch` as a table: one task a line, with its age, and for an administrator how much is getting done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from patchmill_client.model import Task, TaskPage
from patchmill_client.output import STYLES, changes, duration
from patchmill_client.text import clean_line
from patchmill_client.views.bars import sparkline, squeeze
from patchmill_client.views.values import mapping, mappings, number

_SPARK_WIDTHS = (10, 60)  # the least and the most
_BESIDE_SPARK = 45
_LINES_AROUND = 5  # head, table's head, and what is said below


@dataclass(frozen=True)
class Watched:
    """What was asked: the tasks, and for an administrator `/v1/ops`."""

    page: TaskPage
    ops: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class WatchView:
    """`ago_s`: seconds since the server answered; ages go on in between. `keys`: what is said of the keyboard."""

    watched: Watched
    ago_s: float = 0.0
    keys: str = ""
    whole: bool = False
    """All tasks, however many lines that takes; else as many as the terminal has room for."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        page = self.watched.page
        now = page.at + timedelta(seconds=self.ago_s)
        yield head(page.tasks, now)
        if self.watched.ops:
            yield throughput(self.watched.ops, options.max_width - _BESIDE_SPARK, ascii_only=options.ascii_only)
        room = len(page.tasks) if self.whole else max(1, options.size.height - _LINES_AROUND)
        yield table(page.tasks[:room], now)
        left = len(page.tasks) - room
        below = [f"and {left} more" if left > 0 else "", "older ones are not shown" if page.more else "", self.keys]
        if any(below):
            yield Text(" · ".join(filter(None, below)), style="dim", no_wrap=True, overflow="ellipsis")


def head(tasks: Sequence[Task], now: datetime) -> Text:
    """How many of the tasks shown are in each state."""
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.state] = counts.get(task.state, 0) + 1
    text = Text(now.astimezone().strftime("%H:%M:%S"), style="bold", no_wrap=True, overflow="ellipsis")
    for state, count in sorted(counts.items()):
        text.append(f"  {clean_line(state)} {count}", style=STYLES.get(state, "none"))
    return text if tasks else text.append("  no tasks", style="dim")


def throughput(ops: Mapping[str, Any], room: int, *, ascii_only: bool = False) -> Text:
    """Tasks that ended, minute by minute, and what waits. `room`: characters for the line, within reason."""
    width = min(max(room, _SPARK_WIDTHS[0]), _SPARK_WIDTHS[1])
    ended = ("completed", "failed")
    points = [sum(number(point.get(end)) or 0 for end in ended) for point in mappings(ops.get("throughput"))]
    queue = mapping(ops.get("queue"))
    line = sparkline(squeeze(points, width, sum), ascii_only=ascii_only)
    text = Text("ended ", no_wrap=True, overflow="ellipsis").append(line, style="cyan")
    text.append(f"  {round(sum(points))} in {len(points)} min")
    waiting = round(number(queue.get("depth")) or 0)
    oldest = f", oldest {duration(number(queue.get('oldest_s')) or 0)}" if waiting else ""
    return text.append(f"   waiting {waiting}{oldest}")


def table(tasks: Sequence[Task], now: datetime) -> Table:
    """An id is never cut off; other columns are, where the line is too short."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for name, least in (("ID", 26), ("STATE", 16), ("AGE", 8), ("AGENT", 7), ("SOURCE", 0), ("RESULT", 0)):
        found.add_column(name, no_wrap=True, overflow="ellipsis", min_width=least or None)
    for task in tasks:
        found.add_row(
            Text(clean_line(task.id), overflow="ignore"),
            Text(clean_line(task.state), style=STYLES.get(task.status, "cyan" if task.phase else "")),
            Text(age(task, now)),
            Text(clean_line(task.agent)),
            Text(source(task)),
            Text(result(task)),
        )
    return found


def age(task: Task, now: datetime) -> str:
    """How long it took; of a task that has not ended, since when it is there."""
    if task.duration_s is not None:
        return duration(task.duration_s)
    return duration(max(0.0, (now - task.created_at).total_seconds())) if task.created_at else ""


def source(task: Task) -> str:
    """Where the code comes from, in few words."""
    raw = task.raw.get("source")
    if not isinstance(raw, Mapping):
        return ""
    git = raw.get("git") if isinstance(raw.get("git"), Mapping) else raw
    if isinstance(git, Mapping) and git.get("url"):
        address = str(git["url"]).split("://", 1)[-1].removesuffix(".git")
        return clean_line(f"{address} {git['ref']}" if git.get("ref") else address)
    return clean_line(str(task.raw.get("drop") or "") or "ZIP")


def result(task: Task) -> str:
    if task.status == "COMPLETED":
        return changes(task.patch)
    return clean_line(": ".join(filter(None, (task.reason, task.message)))) if task.ended else ""
