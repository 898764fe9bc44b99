from __future__ import annotations

import json

from tests.client.conftest import Run
from tests.support.fake_api import DONE, ENDLESS, FakeApi, Road


def test_status_shows_the_task(api: FakeApi, patchmill: Run) -> None:
    task_id = api.add({"labels": {"team": "a"}, "source": {"git": {"url": "https://example.com/r"}}}, DONE)
    ran = patchmill("status", task_id)
    assert ran.code == 0
    for words in (task_id, "COMPLETED", "team=a", "https://example.com/r", "1 file changed", "diff.patch result.json"):
        assert words in ran.out
    assert json.loads(patchmill("status", task_id, "--json").out) == json.loads(json.dumps(api.state(task_id)))


def test_status_of_no_task_ends_with_2(patchmill: Run) -> None:
    ran = patchmill("status", "01NONE")
    assert (ran.code, ran.out) == (2, "") and "no such task" in ran.err


def test_hostile_words_do_not_reach_the_terminal(api: FakeApi, patchmill: Run) -> None:
    task_id = api.add({"labels": {"a": "\x1b[2J[bold]b"}, "agent": "x\x1b]0;t\x07y"}, DONE)
    for command in (("status", task_id), ("list",)):
        out = patchmill(*command).out
        assert "\x1b[2J" not in out and "\x07" not in out and "xy" in out
    assert "[bold]b" in patchmill("status", task_id).out


def test_list_shows_the_newest_first(api: FakeApi, patchmill: Run) -> None:
    ids = [api.add({}, DONE), api.add({}, ENDLESS), api.add({}, DONE)]
    lines = patchmill("list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", *reversed(ids)]
    done = patchmill("list", "--status", "completed", "--limit", "1", "--json")
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == [ids[2]]


def test_an_empty_list_says_so_on_stderr(patchmill: Run) -> None:
    ran = patchmill("list")
    assert (ran.code, ran.out, ran.err) == (0, "", "No tasks.\n")


def test_cancel_ends_a_task_once(api: FakeApi, patchmill: Run) -> None:
    task_id = api.add({}, ENDLESS)
    ran = patchmill("cancel", task_id)
    assert ran.code == 0 and "CANCELLED" in ran.err
    ran = patchmill("cancel", task_id)
    assert ran.code == 2 and "CANCELLED already" in ran.err


def test_wait_ends_with_the_outcome(api: FakeApi, patchmill: Run) -> None:
    assert patchmill("wait", api.add({}, DONE)).code == 0
    failed = patchmill("wait", api.add({}, Road(((0.0, "QUEUED"), (0.3, "FAILED")))), "--json")
    assert failed.code == 1 and json.loads(failed.out)["status"] == "FAILED"


def test_logs_print_what_there_is(api: FakeApi, patchmill: Run) -> None:
    done, queued = api.add({}, DONE), api.add({}, Road(((0.0, "QUEUED"),)))
    assert patchmill("logs", done).out == "reading\nwriting\ndone\n"
    ran = patchmill("logs", queued)
    assert (ran.code, ran.out) == (0, "") and "nothing yet (the task is QUEUED)" in ran.err


def test_logs_as_json_hold_text_and_offset(api: FakeApi, patchmill: Run) -> None:
    lines = [json.loads(line) for line in patchmill("logs", api.add({}, DONE), "--json").out.splitlines()]
    assert "".join(line["log"] for line in lines) == "reading\nwriting\ndone\n"
    assert [line["offset"] for line in lines] == [0, 10, 20]


def test_logs_follow_to_the_end(api: FakeApi, patchmill: Run) -> None:
    ran = patchmill("logs", "-f", api.add({}))
    assert (ran.code, ran.out) == (0, "reading\nwriting\ndone\n")
    assert "COMPLETED" in ran.err


def test_help_and_version_are_there(patchmill: Run) -> None:
    assert patchmill("--version").out.startswith("patchmill 0.")
    for command in (
        "submit",
        "status",
        "list",
        "logs",
        "diff",
        "artifacts",
        "cancel",
        "wait",
        "retry",
        "watch",
        "ops",
        "timeline",
    ):
        assert command in patchmill("--help").out
        assert "--json" in patchmill(command, "--help").out


def test_retry_makes_a_new_task_and_prints_its_id(api: FakeApi, patchmill: Run) -> None:
    old = api.add({"labels": {"team": "a"}}, Road(states=((0.0, "FAILED"),)))
    api.failures = [503]  # an answer that is lost makes no second task
    ran = patchmill("retry", old)
    assert (ran.code, ran.out) == (0, "01TASK0001\n") and len(api.tasks) == 2
    assert "retry of" in patchmill("status", "01TASK0001").out
    assert json.loads(patchmill("retry", old, "--json").out)["retry_of"] == old


def test_retry_can_be_followed_to_the_outcome(api: FakeApi, patchmill: Run) -> None:
    api.road = Road(states=((0.0, "QUEUED"), (0.2, "FAILED")))
    ran = patchmill("retry", api.add({}, DONE), "--follow")
    assert (ran.code, ran.out) == (1, "reading\nwriting\ndone\n") and "FAILED" in ran.err


def test_a_task_that_runs_is_not_repeated(api: FakeApi, patchmill: Run) -> None:
    ran = patchmill("retry", api.add({}, ENDLESS))
    assert (ran.code, ran.out) == (2, "") and "not ended yet" in ran.err and len(api.tasks) == 1
