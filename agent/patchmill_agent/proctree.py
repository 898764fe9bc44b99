"""The descendants of this process, found in /proc, and their end.

A command can leave its process group and its session, but not this tree: orphans come back to the nearest subreaper.
Never kill(-1): outside a container that would end everything the user runs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36  # prctl(2)


def own_orphans() -> None:
    """Make this process the parent of its orphaned descendants, and close its memory and environment to them."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # proc(5): /proc/<pid>/environ and mem of it then belong to root


def processes() -> list[int]:
    """Every process of this pid namespace."""
    with os.scandir("/proc") as entries:
        return [int(entry.name) for entry in entries if entry.name.isdigit()]


def descendants() -> set[int]:
    """Process ids below this process, zombies left out."""
    children: dict[int, list[int]] = {}
    zombies = set()
    for process in processes():
        try:
            status = Path(f"/proc/{process}/stat").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        state, parent = status.rpartition(b")")[2].split()[:2]
        children.setdefault(int(parent), []).append(process)
        if state == b"Z":
            zombies.add(process)
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found - zombies


def more_than(limit: int) -> bool:
    """Whether this process has more than `limit` descendants; cheap while there are few processes at all."""
    return len(processes()) > limit and len(descendants()) > limit


def reap_orphans(child: int) -> None:
    """Collect ended orphans during a run, but leave `child` to whoever waits for it."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == child:
            return
        os.waitpid(ended.si_pid, 0)


def kill_all(patience_s: float = 20.0) -> bool:
    """End every descendant, however fast they multiply; false when some are left. No child may still be waited for."""
    until = time.monotonic() + patience_s
    while found := descendants():
        if time.monotonic() > until:
            return False
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _reap()
        time.sleep(0.002)
    _reap()
    return True


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
