"""What it costs to have it: the time of `make up` once installed, and the memory and CPU time of everything at rest.

Memory is that of the emulator and all its descendants after one task: engines, function instances, sandboxes. PSS (the
kernel's proportional set size, proc(5) smaps_rollup) counts a page that n processes share as 1/n in each, so its sum is
what would be free without them; the sum of RSS counts such a page n times.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT)]

from bench.support import Emulator, outside, quick, say, show, upload, within  # noqa: E402  (found by the line above)
from emulator.settings import Settings  # noqa: E402
from emulator.state import holder  # noqa: E402
from patchmill_client.model import TaskRequest  # noqa: E402

UP_S, RESIDENT_MB = 6.0, 500.0
SETTLE_S, WATCH_S, TASKS_S = 3.0, 10.0, 120.0
ENGINES = ("mariadbd", "redis-server", "tansu")
_ANSWERS = re.compile(r"answers after ([0-9.]+) s")


def main() -> None:
    few = quick("the time of `make up`, and what everything holds and does at rest")
    with tempfile.TemporaryDirectory(prefix="pm-bench-") as folder:
        root = Path(folder) / "em"
        first = list(starts(root, 1))
        later = list(starts(root, 1 if few else 5))
        with running(root):
            at_rest = rest(root, 2.0 if few else WATCH_S)
            burst = after_burst(root, 20)
    engines = statistics.median(start.engines for start in later)
    floor = {
        "floor_engines_s": round(engines, 3),
        "ratio": round(statistics.median(start.whole for start in later) / engines, 2),
    }
    up = {"in_a_new_folder": summary(first), "in_a_folder_with_data": {**summary(later), **floor}}
    show({"make_up": up, "at_rest": at_rest, "after_a_burst": burst})


@dataclass(frozen=True)
class Start:
    """Seconds until `make up` returned, and until its slowest engine answered: nothing can be faster than that."""

    whole: float
    engines: float


def starts(root: Path, count: int) -> Iterator[Start]:
    """Start and stop that often."""
    for _ in range(count):
        with running(root) as start:
            yield start


@contextmanager
def running(root: Path) -> Iterator[Start]:
    """`make up`, and `make down` however this ends."""
    say("idle: make up")
    try:
        began = time.monotonic()
        said = make("up", root)
        seconds = time.monotonic() - began
        yield Start(seconds, max(map(float, _ANSWERS.findall(said))))
    finally:
        make("down", root)


def make(target: str, root: Path) -> str:
    """What the target printed. Exits with it when it fails."""
    command = ["make", "--no-print-directory", target, f"ARGS=--root {root}"]
    done = subprocess.run(command, cwd=PROJECT, env=outside(), capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"make {target} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def summary(measured: list[Start]) -> dict[str, Any]:
    seconds = [start.whole for start in measured]
    return {**within(statistics.median(seconds), UP_S), "worst": round(max(seconds), 3), "n": len(seconds)}


def rest(root: Path, seconds: float) -> dict[str, Any]:
    """One task, a pause, then memory by kind of process, and CPU time over `seconds`."""
    run_tasks(root, 1)
    time.sleep(SETTLE_S)
    say(f"idle: at rest for {seconds:g} s")
    pids = tree(holder(root) or 0)
    cpu = cpu_s(pids)
    time.sleep(seconds)
    cpu = max(0.0, cpu_s(pids) - cpu)
    return {**memory(pids), "cpu_percent_of_one_core": round(100 * cpu / seconds, 2)}


def after_burst(root: Path, count: int) -> dict[str, Any]:
    """Memory after `count` tasks at once: more instances, which stay for the emulator's `idle_s`."""
    run_tasks(root, count)
    time.sleep(SETTLE_S)
    return {"tasks": count, "instances_stay_s": Settings.idle_s, **memory(tree(holder(root) or 0))}


def run_tasks(root: Path, count: int) -> None:
    """Submit that many and wait until all have completed. Exits when they do not."""
    say(f"idle: {count} task{'s' * (count > 1)}")
    with Emulator(root).client() as client:
        source = upload(client, {"app.py": "print('hello')\n"})
        request = TaskRequest("echo 1 >> app.py", agent="command", upload_id=source)
        waiting = {client.submit(request).id for _ in range(count)}
        deadline = time.monotonic() + TASKS_S
        while waiting := waiting - {task.id for task in client.tasks(status="COMPLETED", limit=2 * count)}:
            if time.monotonic() > deadline:
                sys.exit(f"{len(waiting)} of {count} tasks had not completed after {TASKS_S:g} s")
            time.sleep(0.2)


def memory(pids: list[int]) -> dict[str, Any]:
    """MB by kind of process and in all."""
    kinds: dict[str, dict[str, float]] = {}
    for pid in pids:
        of_kind = kinds.setdefault(kind(pid), {"processes": 0, "pss_mb": 0.0, "rss_mb": 0.0})
        pss, rss = resident_mb(pid)
        of_kind["processes"] += 1
        of_kind["pss_mb"] += pss
        of_kind["rss_mb"] += rss
    pss, rss = (sum(each[unit] for each in kinds.values()) for unit in ("pss_mb", "rss_mb"))
    engines = sum(each["pss_mb"] for name, each in kinds.items() if name in ENGINES)
    return {
        "sum_of_pss_mb": within(pss, RESIDENT_MB),
        "sum_of_rss_mb": within(rss, RESIDENT_MB),
        "floor_engines_pss_mb": round(engines, 1),
        "ratio": round(pss / engines, 2) if engines else None,
        "by_kind": {name: {unit: round(value, 1) for unit, value in each.items()} for name, each in kinds.items()},
    }


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    try:
        # A child belongs to the thread that started it.
        children = [c for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(below for child in children for below in tree(int(child)))]


def kind(pid: int) -> str:
    """mariadbd, redis-server, tansu, emulator, function instance or sandbox (bubblewrap around an instance)."""
    try:
        program = Path(f"/proc/{pid}/comm").read_text().strip()
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    if program.startswith("python"):
        return "emulator" if b"emulator" in arguments else "function instance"
    return "sandbox" if program == "bwrap" else program


def resident_mb(pid: int) -> tuple[float, float]:
    """(PSS, RSS)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    found = dict(re.findall(r"^(Pss|Rss):\s+(\d+) kB", text, re.MULTILINE))
    return int(found.get("Pss", 0)) / 1024, int(found.get("Rss", 0)) / 1024


def cpu_s(pids: list[int]) -> float:
    """Seconds of CPU that these processes have used so far."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
