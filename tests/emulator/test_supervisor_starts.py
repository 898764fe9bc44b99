"""Starts that meet another start, a stop or a signal, and starts that fail."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.small_emulator import Emulator


def test_two_ups_at_once_start_one_emulator_and_both_say_that_it_is_up(emulator: Emulator) -> None:
    starts = [emulator.begin() for _ in range(2)]
    said = [start.communicate(timeout=60)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], said
    assert sum("up after" in text for text in said) == 1
    assert sum("is up (process" in text for text in said) == 1


def test_up_beside_a_stop_starts_again(emulator: Emulator) -> None:
    emulator.up()
    before = emulator.pid()
    os.kill(before, signal.SIGTERM)
    emulator.up()
    assert emulator.status()["state"] == "up"
    assert emulator.pid() != before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_to_a_waiting_up_stops_everything_without_a_traceback(
    emulator: Emulator, number: signal.Signals
) -> None:
    start = emulator.begin()
    assert start.stdout and start.stdout.readline()  # the first line of progress
    for _ in range(2):  # the second one is impatience
        start.send_signal(number)
    said = start.stdout.read()
    start.stdout.close()
    assert start.wait(20) == 1
    assert "stopped before it was up" in said and "Traceback" not in said
    assert emulator.processes() == []


def test_failed_start_shows_no_line_of_an_earlier_one(emulator: Emulator) -> None:
    (emulator.root / "logs").mkdir()
    (emulator.root / "logs" / "emulator.log").write_text("an old story\n")
    (emulator.root / "credentials.json").write_text("{")
    done = emulator.run("up")
    assert done.returncode == 1
    assert "credentials.json holds no credentials" in done.stderr
    assert "an old story" not in done.stderr
