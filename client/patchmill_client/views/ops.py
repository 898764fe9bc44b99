"""`patchmill ops`: `/v1/ops` on one screen: the queue, throughput, phases, what fails, the SLO and each hop.

What a server leaves out is shown as a dash: an older or newer one is no reason to fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from patchmill_client.text import clean_line
from patchmill_client.views.bars import sparkline, squeeze
from patchmill_client.views.timeline import took
from patchmill_client.views.values import mapping, mappings, number

_SPARK_WIDTHS = (8, 30)  # the least and the most
_BESIDE_SPARKS = 34
_LATE_SWEEP_S = 180.0  # it runs every minute
_BAD, _WARN, _GOOD = "bold red", "yellow", "green"
_NAMED = 8  # tenants, causes


@dataclass(frozen=True)
class OpsView:
    """`ago_s`: seconds since the server answered."""

    ops: Mapping[str, Any]
    ago_s: float = 0.0
    keys: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ops, ascii_only = self.ops, options.ascii_only
        width = min(max((options.max_width - _BESIDE_SPARKS) // 2, _SPARK_WIDTHS[0]), _SPARK_WIDTHS[1])
        about = Table(box=None, pad_edge=False, show_header=False)
        about.add_column(no_wrap=True, style="bold")
        about.add_column()
        for name, text in [
            *_load(ops, width * 2, ascii_only),
            *_faults(ops),
            *_slo(mapping(ops.get("slo"))),
            *_hops(ops),
        ]:
            about.add_row(name, text)
        yield about
        yield Text()
        yield _phases(mapping(ops.get("phases")), width, ascii_only)
        below = [
            f"as of {clean_line(str(ops.get('at', '')))}",
            f"{self.ago_s:.0f} s ago" * (self.ago_s >= 1),
            self.keys,
        ]
        yield Text(" · ".join(filter(None, below)), style="dim", no_wrap=True, overflow="ellipsis")


Rows = Iterator[tuple[str, Text]]


def _load(ops: Mapping[str, Any], width: int, ascii_only: bool) -> Rows:
    queue, running, points = mapping(ops.get("queue")), mapping(ops.get("running")), mappings(ops.get("throughput"))
    depth = number(queue.get("depth"))
    oldest = f", the oldest for {_time(queue.get('oldest_s'))}" if depth else ""
    yield "queue", Text(f"{_count(depth)} waiting{oldest}")
    yield (
        "running",
        Text(f"{_count(number(running.get('total')))}   {_named(mapping(running.get('by_tenant')))}".rstrip()),
    )
    ended = [sum(number(point.get(end)) or 0 for end in ("completed", "failed", "cancelled")) for point in points]
    sums = [f"{_count(sum(number(each.get(end)) or 0 for each in points))} {end}" for end in _ENDS]
    line = sparkline(squeeze(ended, width, sum), ascii_only=ascii_only)
    yield "ended", Text.assemble((line, "cyan"), f"  {', '.join(sums)}")
    rate = number(ops.get("success_rate"))
    yield "success", Text(_share(rate), style="" if rate is None or rate >= 0.9 else _WARN)


_ENDS = ("completed", "failed", "cancelled")


def _faults(ops: Mapping[str, Any]) -> Rows:
    errors = {name: count for name, count in mapping(ops.get("function_errors")).items() if number(count)}
    yield "errors", Text(_named(errors), style=_BAD) if errors else Text("none", style=_GOOD)
    dead = mapping(ops.get("dead_letters"))
    total = number(dead.get("total"))
    causes = {str(each.get("cause")): each.get("count") for each in mappings(dead.get("by_cause"))}
    yield "dead letters", Text(f"{_count(total)}   {_named(causes)}".rstrip(), style=_WARN if total else _GOOD)
    lag = number(mapping(ops.get("sweep")).get("lag_s"))
    if lag is None:
        yield "sweep", Text("has never run", style=_BAD)
    else:
        yield "sweep", Text(f"ran {_time(lag)} ago", style=_BAD if lag > _LATE_SWEEP_S else _GOOD)


def _slo(slo: Mapping[str, Any]) -> Rows:
    canary = mapping(slo.get("canary"))
    if not slo:
        return
    if not number(canary.get("total")):
        yield "SLO", Text("no canary has run", style="dim")
        return
    availability, target = number(slo.get("availability")), number(slo.get("availability_target"))
    missed = availability is not None and target is not None and availability < target
    counts = ", ".join(f"{_count(number(canary.get(end)) or 0)} {end}" for end in ("good", "failed", "late"))
    rest = f" available (target {_share(target)}) over {_days(slo)}: {counts}"
    yield "SLO", Text.assemble((_share(availability), _BAD if missed else _GOOD), rest)
    start = mapping(slo.get("time_to_start"))
    p95, wanted = number(start.get("p95_s")), number(start.get("target_s"))
    slow = p95 is not None and wanted is not None and p95 > wanted
    yield "to start", Text(f"p50 {_time(start.get('p50_s'))}, p95 ").append(_time(p95), style=_BAD if slow else _GOOD)
    left = number(mapping(slo.get("error_budget")).get("remaining"))
    rates = [
        f"{_count(number(each.get('hours')))} h {_rate(each.get('rate'))}" for each in mappings(slo.get("burn_rates"))
    ]
    spent = left is not None and left <= 0
    burning = f"   burning {', '.join(rates)}" if rates else ""
    yield "budget", Text.assemble((f"{_share(left)} left", _BAD if spent else ""), burning)


def _hops(ops: Mapping[str, Any]) -> Rows:
    """One line each: what is wrong with one may be a sentence."""
    for place, hop in enumerate(mappings(ops.get("hops"))):
        fine = hop.get("ok") is True
        text = Text(f"{clean_line(str(hop.get('name')))} ")
        text.append("ok" if fine else "does not answer", style=_GOOD if fine else _BAD)
        took_ms, detail = number(hop.get("ms")), clean_line(str(hop.get("detail") or ""))
        text.append(f"  {took_ms:.0f} ms" if took_ms is not None else "").append(f"  {detail}" if detail else "")
        yield ("hops" if place == 0 else ""), text


def _phases(phases: Mapping[str, Any], width: int, ascii_only: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("PHASE", "P50", "", "P95", ""):
        table.add_column(name, no_wrap=True, justify="right" if name in ("P50", "P95") else "left")
    for name, phase in phases.items():
        series = mappings(mapping(phase).get("series"))
        cells: list[Text] = []
        for key in ("p50_s", "p95_s"):
            points = squeeze([number(each.get(key)) for each in series], width, max)
            cells.append(Text(_time(mapping(phase).get(key))))
            cells.append(Text(sparkline(points, ascii_only=ascii_only), style="cyan"))
        table.add_row(Text(clean_line(str(name))), *cells)
    return table


def _named(counts: Mapping[str, Any]) -> str:
    """The largest by name, and how many more there are."""
    found = sorted(counts.items(), key=lambda item: -(number(item[1]) or 0))
    words = [f"{clean_line(str(name))} {_count(number(count))}" for name, count in found[:_NAMED]]
    return ", ".join(words + ([f"{len(found) - _NAMED} more"] if len(found) > _NAMED else []))


def _days(slo: Mapping[str, Any]) -> str:
    return f"{_count(number(slo.get('window_days')))} days"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _time(seconds: Any) -> str:
    known = number(seconds)
    return "-" if known is None else took(known)


def _rate(rate: Any) -> str:
    known = number(rate)
    return "-" if known is None else f"{known:.1f}x"


def _count(count: float | None) -> str:
    return "-" if count is None else f"{count:,.0f}"
