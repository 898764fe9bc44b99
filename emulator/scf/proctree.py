"""The processes below one process, from /proc: to stop, continue, kill and weigh an instance as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROUNDS = 10  # a process may fork while it is being stopped: its child shows up in the next round
_READ = 1 << 16


def below(pid: int) -> list[int]:
    """Every descendant of `pid`, parents first. Any thread may have made one, and /proc lists them by thread."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.scandir(f"/proc/{pid}/task"):
            for child in map(int, _read(f"{thread.path}/children").split()):
                found += [child, *below(child)]
    return found


def signal_below(pid: int, number: signal.Signals) -> set[int]:
    """Signal every descendant of `pid`, also those that are made meanwhile; returns them."""
    reached: set[int] = set()
    for _ in range(_ROUNDS):
        new = set(below(pid)) - reached
        if not new:
            break
        signal_each(new, number)
        reached |= new
    return reached


def signal_each(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def resident_bytes(pid: int) -> int:
    """Memory of all descendants of `pid`; what they share counts for each."""
    return sum(int((_read(f"/proc/{child}/statm").split() or [b"0"] * 2)[1]) * _PAGE for child in below(pid))


def _read(path: str) -> bytes:
    """Empty when the process is gone. Cheaper than a Path: this happens twice for every event."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _READ)
    except ProcessLookupError:
        return b""
    finally:
        os.close(descriptor)
