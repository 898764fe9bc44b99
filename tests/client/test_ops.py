from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from patchmill_client.views.ops import OpsView
from patchmill_client.views.watch import throughput
from tests.client.conftest import Run
from tests.client.terminal import terminal
from tests.support.fake_api import FakeApi
from tests.support.fake_reports import OPS, SLO

Started = Callable[..., subprocess.Popen[bytes]]


def rendered(report: Mapping[str, Any], width: int = 120) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(OpsView(report))
    return capture.get()


def test_once_shows_the_whole_report(patchmill: Run) -> None:
    ran = patchmill("ops", "--once")
    assert ran.code == 0
    for words in (
        "3 waiting, the oldest for 12.5 s",
        "acme 3, globex 2",
        "90 completed, 1 failed, 0 cancelled",
        "98.90%",
        "submit 2",
        "not JSON 4",
        "ran 40.0 s ago",
        "99.50% available (target 99.00%) over 30 days: 199 good, 1 failed, 0 late",
        "p50 2.0 s, p95 1 min 15 s",
        "50.00% left   burning 1 h 0.0x, 72 h 1.2x",
        "mysql ok  3 ms",
        "kafka does not answer  3000 ms  no answer in 3 s",
    ):
        assert words in ran.out
    assert [line.split()[0] for line in ran.out.splitlines() if "1 min 01 s" in line] == list(OPS["phases"])
    assert "dispatch" not in ran.out  # it had no errors


def test_once_as_json_is_the_report(api: FakeApi, patchmill: Run) -> None:
    ran = patchmill("ops", "--once", "--json", "--minutes", "15")
    assert json.loads(ran.out) == api.ops
    assert str(api.seen[-1].query_params) == "minutes=15&hops=true"
    assert "hops" not in json.loads(patchmill("ops", "--once", "--json", "--no-hops").out)


@pytest.mark.parametrize("options", [(), ("--once",), ("--once", "--json"), ("--json",)])
def test_who_is_no_administrator_is_told_so(api: FakeApi, patchmill: Run, options: tuple[str, ...]) -> None:
    api.admin = False
    ran = patchmill("ops", *options)
    assert (ran.code, ran.out) == (4, "")
    assert "administrator" in ran.err and "admin: true" in ran.err and "patchmill watch" in ran.err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sweep": {"last_run": None, "lag_s": None}}, "has never run"),
        ({"function_errors": {}}, "errors        none"),
        ({"success_rate": None}, "success       -"),
        ({"slo": {**SLO, "canary": {"total": 0}}}, "no canary has run"),
        ({"running": {"total": 99, "by_tenant": {f"t{n}": n for n in range(1, 12)}}}, "t4 4, 3 more"),
    ],
)
def test_what_there_is_not_is_said(changes: dict[str, object], words: str) -> None:
    assert words in rendered({**OPS, **changes})


def test_without_canaries_nothing_is_said_of_them() -> None:
    assert "SLO" in rendered(OPS) and "SLO" not in rendered({**OPS, "slo": None})


def test_hostile_words_do_not_reach_the_terminal() -> None:
    causes = [{"cause": "\x1b]0;title\x07bad\x1b[2J\nworse", "count": 1}]
    shown = rendered({**OPS, "dead_letters": {"total": 1, "by_cause": causes}, "at": "\x1b[31m12:00"})
    assert "\x1b" not in shown and "\x07" not in shown and "bad worse 1" in shown


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_fits_the_line(width: int) -> None:
    lines = rendered(OPS, width).splitlines()
    assert max(map(len, lines)) <= width
    assert width == 40 or any(line.startswith("deliver") and "1 min 01 s" in line for line in lines)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*OPS, *SLO]), inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(OPS)), anything))
def test_any_report_can_be_shown(report: dict[str, object]) -> None:
    assert "PHASE" in rendered(report)
    assert throughput(report, 60).plain.startswith("ended ")


def test_a_terminal_shows_it_until_q(api: FakeApi, started: Started) -> None:
    with terminal(rows=40) as screen:
        process = screen.start(started, "ops")
        screen.wait_for("collect")
        screen.wait_for("q ends")
        screen.press(b"q")
        assert process.wait(5) == 0
        assert screen.echoes()
    assert "hops=true" in str(api.seen[0].url)
