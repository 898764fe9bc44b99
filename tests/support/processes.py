"""Processes of this machine as /proc shows them: who runs below whom, what they are called with, what is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process; `started` (clock ticks since boot) tells it from a later one with its number."""

    pid: int
    parent: int
    state: str
    """R, S, D, T (stopped: a frozen instance), Z … as in proc(5)"""
    started: int
    argv: str

    @property
    def alive(self) -> bool:
        """Whether it still runs. A zombie has ended: it only waits for its parent."""
        now = look(self.pid)
        return now is not None and now.started == self.started and now.state != "Z"


def look(pid: int) -> Process | None:
    """The process, or None when it has ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return None
    return Process(pid, int(words[1]), words[0], int(words[19]), argv)


def running() -> dict[int, Process]:
    """Every process that can be seen, by its number."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {pid: process for pid in pids if (process := look(pid))}


def below(pid: int) -> list[Process]:
    """The descendants of a process."""
    everything = running()
    children: dict[int, list[Process]] = {}
    for process in everything.values():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [pid]
    while waiting:
        direct = children.get(waiting.pop(), [])
        found += direct
        waiting += [process.pid for process in direct]
    return found


def instances(emulator: int, function: str) -> list[Process]:
    """The Python processes of one function's instances, below the emulator's own process."""
    everything = {process.pid: process for process in below(emulator)}
    return [
        process
        for process in everything.values()
        if "bwrap" not in process.argv.split(" ", 1)[0]
        and "/var/runtime/bootstrap.py" in process.argv
        and f"--hostname scf-{function} " in getattr(everything.get(process.parent), "argv", "")
    ]
