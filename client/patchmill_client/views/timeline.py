"""`patchmill timeline`: a task's spans as bars below each other, each indented below the one that it is part of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from patchmill_client.model import Span, Timeline
from patchmill_client.output import duration
from patchmill_client.text import clean_line
from patchmill_client.views.bars import bar

_BAR_WIDTHS = (10, 60)  # the least and the most
_OTHERS = 50  # characters of a line that are not the bar's
_STYLES = {"ERROR": "red", "OK": "green"}


@dataclass(frozen=True)
class TimelineView:
    timeline: Timeline

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        timeline = self.timeline
        yield Text(f"task {clean_line(timeline.task_id)}   trace {clean_line(timeline.trace_id)}", style="bold")
        if not timeline.spans:
            yield Text("no spans", style="dim")
            return
        begin = min(span.start for span in timeline.spans)
        end = max(span.end or max(timeline.at, span.start) for span in timeline.spans)
        total = (end - begin).total_seconds()
        width = min(max(options.max_width - _OTHERS, _BAR_WIDTHS[0]), _BAR_WIDTHS[1])
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("SPAN", no_wrap=True)
        table.add_column("FROM", no_wrap=True, justify="right")
        table.add_column("TOOK", no_wrap=True, justify="right")
        table.add_column("", no_wrap=True, min_width=width)
        for depth, span in in_order(timeline.spans):
            start = (span.start - begin).total_seconds()
            stop = ((span.end or max(timeline.at, span.start)) - begin).total_seconds()
            line = bar(start, stop, total or 1.0, width, ascii_only=options.ascii_only)
            table.add_row(
                Text("  " * depth + clean_line(span.name)),
                Text(f"{start:.1f} s" if start < 60 else duration(start)),
                Text(took(stop - start) + ("" if span.end else " …")),
                Text(line, style=_STYLES.get(span.status, "cyan")).append(why(span), style="red"),
            )
        yield table


def in_order(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Each span with its depth, below the one that it is part of, by start. None is lost, whatever the parents say."""
    ids = {span.id for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda each: each.start):
        below.setdefault(span.parent if span.parent in ids else None, []).append(span)
    seen: set[int] = set()

    def walk(first: Span) -> Iterator[tuple[int, Span]]:
        stack = [(0, first)]
        while stack:
            depth, span = stack.pop()
            if id(span) in seen:
                continue
            seen.add(id(span))
            yield depth, span
            stack += [(depth + 1, each) for each in reversed(below.get(span.id, []))]

    for root in below.get(None, []):
        yield from walk(root)
    for span in spans:  # what is its own ancestor
        yield from walk(span)


def took(seconds: float) -> str:
    return f"{round(max(0.0, seconds) * 1000)} ms" if seconds < 1 else duration(seconds)


def why(span: Span) -> str:
    kind = span.attributes.get("error.type")
    return f" {clean_line(str(kind))}" if kind else ""
