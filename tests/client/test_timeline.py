from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from rich.console import Console

from patchmill_client.model import Timeline
from patchmill_client.views.timeline import TimelineView
from tests.client.conftest import Run
from tests.support.fake_api import DONE, ENDLESS, FakeApi, Road

AT = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


def test_the_spans_stand_below_what_they_are_part_of(api: FakeApi, patchmill: Run) -> None:
    ran = patchmill("timeline", api.add({}, DONE))
    title, _, *lines = ran.out.splitlines()
    assert "trace 4bf92f3577b34da6a3ce929d0e0e4736" in title
    names = [line[: line.index("0.")].rstrip() for line in lines]
    assert names == ["submit", "  task", "    queued", "    attempt 1", "      agent"]
    assert "0.5 s  300 ms" in lines[-1]
    bars = [line[len("      agent  0.5 s  300 ms") :] for line in lines]
    assert bars[1].count("█") == 60 and bars[2].index("█") < bars[3].index("█") < bars[4].index("█")


def test_what_goes_on_is_open(api: FakeApi, patchmill: Run) -> None:
    lines = patchmill("timeline", api.add({}, ENDLESS)).out.splitlines()
    assert [" …" in line for line in lines[2:]] == [False, True, False, True, True]


def test_a_failure_names_its_reason(api: FakeApi, patchmill: Run) -> None:
    task_id = api.add({}, Road(states=((0.0, "FAILED"),), reason="AGENT_ERROR"))
    assert patchmill("timeline", task_id).out.rstrip().endswith("AGENT_ERROR")


def test_json_is_what_the_server_said(api: FakeApi, patchmill: Run) -> None:
    found = json.loads(patchmill("timeline", api.add({}, DONE), "--json").out)
    assert found["task_id"] == "01TASK0000" and len(found["spans"]) == 5


def test_no_task_has_no_timeline(patchmill: Run) -> None:
    assert patchmill("timeline", "01NONE").code == 2


def shown(*spans: dict[str, Any], width: int = 100) -> str:
    timeline = Timeline.from_json({"task_id": "T", "trace_id": "t", "spans": list(spans)}, AT)
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(TimelineView(timeline))
    return capture.get()


def span(number: str, parent: str | None, name: str, start_s: float = 0, **changes: Any) -> dict[str, Any]:
    start = (AT + timedelta(seconds=start_s)).isoformat()
    return {"span_id": number, "parent_span_id": parent, "name": name, "start": start, "end": None, **changes}


def test_spans_that_are_their_own_ancestors_are_shown_once() -> None:
    text = shown(span("a", "b", "one"), span("b", "a", "two"), span("c", "c", "three"), span("d", "gone", "four"))
    assert [text.count(name) for name in ("one", "two", "three", "four")] == [1, 1, 1, 1]


def test_a_time_without_a_zone_is_utc() -> None:
    assert "1 min 00 s" in shown(span("a", None, "a", end="2026-11-24T12:01:00"))


def test_clocks_that_differ_do_not_break_it() -> None:
    early = (AT - timedelta(seconds=5)).isoformat()
    assert "one" in shown(span("a", None, "one", 3, end=early), span("b", None, "two", 90))


def test_hostile_words_do_not_reach_the_terminal() -> None:
    text = shown(span("a", None, "x\x1b[2Jy\n[b]z", attributes={"error.type": "\x1b]0;t\x07boom"}))
    assert "\x1b" not in text and "xy [b]z" in text and "boom" in text


@pytest.mark.parametrize("width", [30, 80])
def test_it_fits_the_line(width: int) -> None:
    assert max(map(len, shown(span("a", None, "a"), width=width).splitlines())) <= width


def test_an_empty_timeline_says_so() -> None:
    assert "no spans" in shown()
