"""Control groups: limits that hold, counters that tell, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.cgroups import Group, sweep

MB = 1 << 20
EAT = "b = bytearray(200 << 20); print(len(b))"
FORK = """
import os, time
for n in range(200):
    try:
        if os.fork() == 0: time.sleep(60); os._exit(0)
    except OSError: print(n, flush=True); break
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root")


@pytest.fixture
def prefix() -> Iterator[str]:
    name = f"pm-test-{uuid.uuid4().hex[:8]}-"
    yield name
    sweep(name)


def run(group: Group, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(group.wrap(list(argv)), capture_output=True, text=True, timeout=20)


def test_a_program_runs_with_its_arguments_when_wrapped(prefix: str) -> None:
    group = Group.create(prefix + "a", 64 * MB, 16)
    done = run(group, "printf", "%s|", "a b", "--", "c")
    assert (done.returncode, done.stdout) == (0, "a b|--|c|")


@needs_root
def test_the_kernel_kills_and_counts_when_memory_runs_out(prefix: str) -> None:
    group = Group.create(prefix + "a", 64 * MB, 16)
    done = run(group, sys.executable, "-c", EAT)
    assert done.returncode == -9
    assert group.oom_kills() == 1
    assert 32 * MB < group.peak_bytes() <= 64 * MB


@needs_root
def test_forks_fail_when_the_process_limit_is_reached(prefix: str) -> None:
    group = Group.create(prefix + "a", None, 20)
    assert run_and_kill(group) == 19


def run_and_kill(group: Group) -> int:
    """Forks until it fails; then the group is killed and the number of forks that went well is returned."""
    with subprocess.Popen(group.wrap([sys.executable, "-c", FORK]), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        forks = int(process.stdout.readline())
        group.kill()
    return forks


def test_nothing_is_left_after_remove(prefix: str) -> None:
    group = Group.create(prefix + "a", 64 * MB, 16)
    run(group, "true")
    group.remove()
    assert not any(folder.exists() for folder in group.folders.values())


@needs_root
def test_a_sweep_kills_what_a_crash_left(prefix: str) -> None:
    group = Group.create(prefix + "a", None, None)
    with subprocess.Popen(group.wrap(["sleep", "60"]), stdout=subprocess.PIPE) as process:
        while not all((folder / "cgroup.procs").read_text() for folder in group.folders.values()):
            time.sleep(0.01)
        sweep(prefix)
        assert process.wait(5) == -9
    sweep(prefix)
    assert not any(folder.exists() for folder in group.folders.values())


def test_a_group_of_the_same_name_is_used_again(prefix: str) -> None:
    Group.create(prefix + "a", 64 * MB, 16)
    again = Group.create(prefix + "a", 128 * MB, 16)
    assert run(again, "true").returncode == 0


@pytest.mark.parametrize("kinds", [(), ("memory",), ("pids",), ("memory", "pids"), ("",)])
@pytest.mark.parametrize("place", ["ordinary", "missing"])  # an ordinary folder has none of a group's files
def test_no_limit_and_no_error_where_groups_cannot_be_made(tmp_path: Path, kinds: tuple[str, ...], place: str) -> None:
    (tmp_path / "ordinary").mkdir()
    group = Group.create("pm-test-none", 64 * MB, 16, roots=dict.fromkeys(kinds, tmp_path / place))
    assert not group.enforced
    assert group.wrap(["true"]) == ["true"]
    assert (group.oom_kills(), group.peak_bytes()) == (0, 0)
    group.kill()
    group.remove()
