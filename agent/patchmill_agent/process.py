"""Run one shell command with limits; nothing it started is left when this returns.

in   the command, its folder and environment, limits, and where its output goes
out  how it ended
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, NamedTuple

from patchmill_agent import proctree

TICK_MS, ENDING_TICK_MS = 20, 4
COUNT_EVERY_S = 0.05
_READ = 1 << 16
# A command that eats all memory must be the kernel's first choice, never the runner beside it.
_WRAPPER = '{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec "$@"'


class Limits(NamedTuple):
    """timeout_s counts from the start of the command, max_processes all its living descendants."""

    timeout_s: float
    max_processes: int


class Ended(NamedTuple):
    """`exit_code` is negative for a signal; `killed_for` says why we ended it, None when it ended by itself."""

    exit_code: int
    killed_for: Literal["timeout", "processes"] | None

    @property
    def killed_from_outside(self) -> bool:
        """SIGKILL that was not ours: to the shell itself, or to the last command it waited for (128 + 9)."""
        return self.killed_for is None and self.exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def run_command(
    command: str, *, cwd: Path, env: Mapping[str, str], limits: Limits, sink: Callable[[bytes], None]
) -> Ended:
    """Run `command` in bash, stdout and stderr merged into `sink` as they come. Raises OSError if it cannot start."""
    child = subprocess.Popen(
        ["/bin/sh", "-c", _WRAPPER, "sh", "bash", "-c", command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert child.stdout
    with child.stdout as pipe:
        os.set_blocking(pipe.fileno(), False)
        killed_for = None
        try:
            killed_for = _watch(child, pipe, limits, sink)
        finally:
            _end(child)
        while data := _read(pipe):  # what was written before the end; every writer is gone
            sink(data)
    return Ended(child.returncode, killed_for)


def _watch(
    child: subprocess.Popen[bytes], pipe: IO[bytes], limits: Limits, sink: Callable[[bytes], None]
) -> Literal["timeout", "processes"] | None:
    """Pass output on until the command ends (then None), whoever still holds the pipe open, or breaks a limit."""
    until = time.monotonic() + limits.timeout_s
    count_at, tick = 0.0, TICK_MS
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while not _has_ended(child):
        if poll.poll(tick):
            data = _read(pipe)
            if data:
                sink(data)
            elif data == b"":
                poll.unregister(pipe)  # it is ending, or closed its output and goes on
                tick = ENDING_TICK_MS
        proctree.reap_orphans(child.pid)
        now = time.monotonic()
        if now > until:
            return "timeout"
        if now > count_at:
            count_at = now + COUNT_EVERY_S
            if proctree.more_than(limits.max_processes):
                return "processes"
    return None


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Look without reaping: until it is reaped, its process group's number cannot be given to another."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the command's group at once (no fork escapes that), then whatever left the group."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    proctree.kill_all()


def _read(pipe: IO[bytes]) -> bytes | None:
    """The next piece; b"" at the end, None when there is nothing just now."""
    try:
        return os.read(pipe.fileno(), _READ)
    except BlockingIOError:
        return None
