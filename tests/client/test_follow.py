from __future__ import annotations

import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from patchmill_client import Client, NotFoundError, UnreachableError
from patchmill_client.commands.common import watch
from patchmill_client.follow import Log, events
from patchmill_client.model import Task
from tests.support.fake_api import ENDLESS, FakeApi, Road, serving

Started = Callable[..., subprocess.Popen[bytes]]


def test_events_come_in_order(api: FakeApi, client: Client) -> None:
    seen = list(events(client, client.task(api.add({}))))
    states = [event.state for event in seen if isinstance(event, Task)]
    assert states[0] == "QUEUED" and states[-2:] == ["UPLOADING", "COMPLETED"] and states.count("RUNNING_AGENT") == 1
    kinds = ["LOG" if isinstance(event, Log) else event.state for event in seen]
    first, last = kinds.index("LOG"), len(kinds) - 1 - kinds[::-1].index("LOG")
    assert kinds.index("RUNNING_AGENT") < first and last < kinds.index("UPLOADING")
    assert b"".join(event.data for event in seen if isinstance(event, Log)) == b"reading\nwriting\ndone\n"


def test_an_ended_task_shows_its_log_before_its_outcome(api: FakeApi, client: Client) -> None:
    seen = list(events(client, client.task(api.add({}, Road(((0.0, "FAILED"),))))))
    assert isinstance(seen[0], Log) and isinstance(seen[-1], Task) and seen[-1].status == "FAILED"


def test_a_quiet_task_is_asked_ever_more_rarely(api: FakeApi, client: Client) -> None:
    pauses: list[float] = []

    class Enough(Exception):
        pass

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            raise Enough

    with pytest.raises(Enough):
        list(events(client, client.task(api.add({}, Road(((0.0, "QUEUED"),)))), sleep=sleep))
    assert pauses[0] <= 0.3 and pauses == sorted(pauses) and pauses[-1] == 2.0


def test_a_server_that_restarts_is_waited_for(started: Started) -> None:
    api = FakeApi()
    with serving(api):
        task_id = api.add({}, Road(states=((0.0, "QUEUED"), (2.0, "RUNNING_AGENT"), (2.5, "COMPLETED"))))
        process = started("wait", task_id, "--url", api.url)
        while not api.seen:
            time.sleep(0.02)
    assert process.stderr is not None
    while b"trying again" not in process.stderr.readline():
        assert process.poll() is None
    with serving(api, urlsplit(api.url).port or 0):
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert b"COMPLETED" in err


def test_contact_lost_for_good_ends_with_the_next_command(api: FakeApi, client: Client) -> None:
    task = client.task(api.add({}, ENDLESS))
    api.failures = [503] * 99
    with pytest.raises(UnreachableError, match=f"(?s)503.*goes on without us.*patchmill wait {task.id}"):
        watch(client, task, json=True, patience_s=0.3)


def test_a_refusal_while_watching_is_no_outage(api: FakeApi, client: Client) -> None:
    task = client.task(api.add({}, ENDLESS))
    api.failures = [404]
    with pytest.raises(NotFoundError, match="out of order"):
        watch(client, task, json=True)
    assert len(api.seen) == 2


def test_ctrl_c_stops_watching_and_says_how_to_cancel(api: FakeApi, started: Started) -> None:
    task_id = api.add({}, ENDLESS)
    process = started("logs", "-f", task_id)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"patchmill cancel {task_id}".encode() in err and b"Traceback" not in err
    assert api.state(task_id)["status"] == "PROCESSING"


def test_a_terminal_shows_a_spinner_and_whole_lines(api: FakeApi, started: Started) -> None:
    task_id = api.add({})
    terminal, inside = pty.openpty()
    process = started("submit", "--repo", "https://example.com/r.git", "x", "-f", stdout=inside, stderr=inside)
    os.close(inside)
    shown = bytearray()
    reader = threading.Thread(target=_drain, args=(terminal, shown), daemon=True)
    reader.start()
    assert process.wait(20) == 0
    reader.join(5)
    os.close(terminal)
    text = shown.decode()
    assert task_id not in text and "01TASK0001" in text
    assert "\r\nwriting\r\n" in text or "\x1b[2Kwriting\r\n" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") > 0  # the cursor is shown again


def _drain(terminal: int, into: bytearray) -> None:
    try:
        while data := os.read(terminal, 4096):
            into.extend(data)
    except OSError:  # Linux: the other end has closed
        return
