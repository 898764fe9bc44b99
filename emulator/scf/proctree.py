"""The processes below one process, from /proc: to stop, continue, kill and weigh an instance as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROUNDS = 10  # a process may fork while it is being stopped: its child shows up in the next round


def below(pid: int) -> list[int]:
    """Every descendant of `pid`, parents first. Any thread may have made one, and /proc lists them by thread."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (thread / "children").read_text().split():
                    found += [int(child), *below(int(child))]
    return found


def send(pid: int, number: signal.Signals) -> None:
    """Signal every descendant of `pid`, also those that are made meanwhile."""
    reached: set[int] = set()
    for _ in range(_ROUNDS):
        new = [child for child in below(pid) if child not in reached]
        if not new:
            return
        for child in new:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, number)
        reached.update(new)


def resident_bytes(pid: int) -> int:
    """Memory of all descendants of `pid`; what they share counts for each."""
    total = 0
    for child in below(pid):
        with contextlib.suppress(OSError, IndexError):
            total += int(Path(f"/proc/{child}/statm").read_text().split()[1]) * _PAGE
    return total
