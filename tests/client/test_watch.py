from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from patchmill_client import Client, TaskFilter, UnreachableError
from patchmill_client.live import on_terminal, polls
from tests.client.conftest import Run
from tests.client.terminal import terminal
from tests.support.fake_api import DONE, ENDLESS, FakeApi, Road, serving

Started = Callable[..., subprocess.Popen[bytes]]
GIT = {"git": {"url": "https://git.example/team/app.git", "ref": "main"}}
FAILED = Road(states=((0.0, "FAILED"),), reason="TIMEOUT")


@pytest.fixture(autouse=True)
def whole_pages(api: FakeApi) -> None:
    api.page_size = 200


def test_once_shows_state_age_source_and_result(api: FakeApi, patchmill: Run) -> None:
    ids = [api.add({"source": GIT}, road) for road in (DONE, FAILED, ENDLESS)]
    ran = patchmill("watch", "--once")
    head, ended, names, *lines = ran.out.splitlines()
    assert "COMPLETED 1" in head and "FAILED 1" in head
    assert "91 in 60 min" in ended and "waiting 3, oldest 12.5 s" in ended
    assert names.split() == ["ID", "STATE", "AGE", "AGENT", "SOURCE", "RESULT"]
    assert [line.split()[0] for line in lines] == ids[::-1]
    assert "TIMEOUT: the command ended with 3" in lines[1] and "git.example/team/app main" in lines[2]


def test_once_as_json_gives_the_tasks_and_asks_for_nothing_else(api: FakeApi, patchmill: Run) -> None:
    ids = [api.add({}, DONE), api.add({}, DONE)]
    ran = patchmill("watch", "--once", "--json", "--limit", "1")
    assert [json.loads(line)["id"] for line in ran.out.splitlines()] == ids[1:]
    assert [request.url.path for request in api.seen] == ["/v1/tasks"]


def test_who_is_no_administrator_sees_the_tasks_alone(api: FakeApi, patchmill: Run) -> None:
    api.admin = False
    task_id = api.add({}, DONE)
    ran = patchmill("watch", "--once")
    assert ran.code == 0 and task_id in ran.out and "ended" not in ran.out
    assert "/v1/ops" not in [request.url.path for request in api.seen]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--status", "failed"), "FAILED"),
        (("--reason", "timeout"), "FAILED"),
        (("--agent", "mini"), "mini"),
        (("--search", "needle"), "needle"),
        (("--since", "2h", "--agent", "mini"), "mini"),
    ],
)
@pytest.mark.parametrize("command", [("watch", "--once"), ("list",)])
def test_filters_choose(
    api: FakeApi, patchmill: Run, command: tuple[str, ...], options: tuple[str, ...], expected: str
) -> None:
    api.add({}, DONE)
    ids = {"FAILED": api.add({}, FAILED), "mini": api.add({"agent": "mini"}, DONE)}
    ids["needle"] = api.add({"prompt": "a needle in hay"}, DONE)
    ran = patchmill(*command, *options, "--json")
    assert [json.loads(line)["id"] for line in ran.out.splitlines()] == [ids[expected]]


@pytest.mark.parametrize("command", [("watch", "--once"), ("list",)])
def test_an_administrator_sees_the_canarys_tasks(api: FakeApi, patchmill: Run, command: tuple[str, ...]) -> None:
    api.add({}, DONE)
    canary = api.add({}, FAILED)
    api.canaries.add(canary)
    ran = patchmill(*command, "--canary", "--json")
    assert [json.loads(line)["id"] for line in ran.out.splitlines()] == [canary]
    api.admin = False
    ran = patchmill(*command, "--canary")
    assert (ran.code, ran.out) == (4, "") and "administrator" in ran.err


@pytest.mark.parametrize("time", ["soon", "0s", "-1h", "1x", "9" * 30])
def test_a_time_that_is_none_ends_with_2(patchmill: Run, time: str) -> None:
    ran = patchmill("watch", "--once", "--since", time)
    assert ran.code == 2 and "--since" in ran.err and "7d" in ran.err


def test_a_page_is_asked_for_again_only_when_it_changed(api: FakeApi, client: Client) -> None:
    api.add({}, DONE)
    first = client.newest(TaskFilter(), 50)
    again = client.newest(TaskFilter(), 50, first)
    assert again.tasks is first.tasks and again.at >= first.at
    api.add({}, DONE)
    assert len(client.newest(TaskFilter(), 50, again).tasks) == 2
    assert [request.headers.get("If-None-Match") for request in api.seen] == [None, first.etag, first.etag]


def test_hostile_words_do_not_reach_the_terminal(api: FakeApi, patchmill: Run) -> None:
    url = "https://a/\x1b]52;c;ZXZpbA==\x07b\n[red]c"
    api.add({"agent": "x\x1b[2Jy", "source": {"git": {"url": url}}}, DONE)
    out = patchmill("watch", "--once").out
    assert "\x1b" not in out and "\x07" not in out and "xy" in out and "a/b [red]c" in out


def test_a_pipe_gets_a_line_for_each_change(api: FakeApi, started: Started) -> None:
    done = api.add({}, DONE)
    process = started("watch")
    assert process.stdout is not None
    assert process.stdout.readline().split()[1:3] == [done.encode(), b"COMPLETED"]
    changing = api.add({}, Road(states=((0.0, "QUEUED"), (3.0, "FAILED")), reason="TIMEOUT"))
    lines = [process.stdout.readline() for _ in range(2)]
    assert [line.split()[1:3] for line in lines] == [[changing.encode(), b"QUEUED"], [changing.encode(), b"FAILED"]]
    assert b"TIMEOUT" in lines[1] and b"\x1b" not in b"".join(lines)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and b"Traceback" not in err


def test_json_lines_follow_the_changes(api: FakeApi, started: Started) -> None:
    api.add({}, Road(states=((0.0, "QUEUED"), (3.0, "COMPLETED"))))
    process = started("watch", "--json")
    assert process.stdout is not None
    states = [json.loads(process.stdout.readline())["status"] for _ in range(2)]
    assert states == ["QUEUED", "COMPLETED"]


def test_a_reader_that_leaves_ends_it_quietly(api: FakeApi, started: Started) -> None:
    api.add({}, DONE)
    process = started("watch")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    api.add({}, DONE)
    assert process.wait(20) != 0
    assert process.stderr is not None and b"Traceback" not in process.stderr.read()


def test_a_terminal_shows_the_table_until_q(api: FakeApi, started: Started) -> None:
    api.add({"source": GIT}, ENDLESS)
    with terminal() as screen:
        process = screen.start(started, "watch")
        screen.wait_for("01TASK0000")
        screen.wait_for("q ends")
        assert not screen.echoes()
        api.add({}, DONE)
        screen.wait_for("01TASK0001")
        screen.press(b"xq")
        assert process.wait(5) == 0
        assert screen.echoes()
    assert screen.shown.count("\x1b[?1049h") == screen.shown.count("\x1b[?1049l") == 1
    assert "\x1b[?25h" in screen.shown  # the cursor is shown again


def test_a_small_terminal_says_how_many_it_leaves_out(api: FakeApi, started: Started) -> None:
    for _ in range(30):
        api.add({}, DONE)
    with terminal(rows=12) as screen:
        process = screen.start(started, "watch")
        screen.wait_for("and 23 more")
        screen.press(b"q")
        assert process.wait(5) == 0
    assert "01TASK0029" in screen.shown and "01TASK0001" not in screen.shown


def test_a_terminal_without_cursor_moves_gets_lines(api: FakeApi, started: Started) -> None:
    task_id = api.add({}, DONE)
    with terminal() as screen:
        process = screen.start(lambda *a, **o: started(*a, **o, env={"TERM": "dumb"}), "watch")
        screen.wait_for(task_id)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert "\x1b" not in screen.shown


def test_a_server_that_restarts_is_waited_for_on_the_screen(started: Started) -> None:
    api = FakeApi()
    with terminal() as screen:
        with serving(api):
            api.add({}, DONE)
            process = screen.start(started, "watch", "--url", api.url)
            screen.wait_for("01TASK0000")
        screen.wait_for("trying again")
        api.add({}, DONE)
        with serving(api, urlsplit(api.url).port or 0):
            screen.wait_for("01TASK0001")
            screen.press(b"q")
            assert process.wait(5) == 0


def test_a_key_that_is_refused_ends_it_with_words(api: FakeApi, started: Started) -> None:
    api.failures = [401] * 9
    with terminal() as screen:
        process = screen.start(started, "watch")
        assert process.wait(20) == 4
        screen.wait_for("does not accept the key")
        assert screen.echoes()


def test_a_server_that_stays_away_ends_it(client: Client) -> None:
    def ask() -> int:
        raise UnreachableError("nobody there")

    with pytest.raises(UnreachableError):
        list(polls(ask, 0.02, patience_s=0.1))
    with pytest.raises(UnreachableError):
        on_terminal(ask, lambda _, __: "", 0.02, patience_s=0.1)
