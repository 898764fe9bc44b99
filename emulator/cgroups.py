"""Memory and process limits for a sandbox, by control groups of version 1 (also hybrid) or 2.

A name and limits in, a `Group` out whose `wrap` starts a program inside it. Where control groups cannot be made (no
root, a read-only mount), `enforced` is False and the program runs without limits.

Version 2 groups are made beside the emulator's own, at the root of what it sees, because a group that holds processes
cannot hand controllers to groups below it (kernel Documentation/admin-guide/cgroup-v2.rst, "No Internal Process").
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"'
_UNIFIED = ""  # the key of the version 2 hierarchy in `find_roots`
_MEMORY, _PIDS = "memory", "pids"


@dataclass(frozen=True)
class Group:
    """A control group of one sandbox: `folders` has one folder per hierarchy it is in."""

    folders: dict[str, Path]

    @property
    def enforced(self) -> bool:
        return bool(self.folders)

    @classmethod
    def create(
        cls, name: str, memory_bytes: int | None, pids: int | None, roots: Mapping[str, Path] | None = None
    ) -> Group:
        """A new group (a left-over one of this name is emptied and used again); None means no limit.

        `memory_bytes` counts everything charged to it, files on tmpfs included; swap is not given on top. `roots`: see
        `find_roots`, which is asked when it is None.
        """
        roots = find_roots() if roots is None else roots
        if not (_UNIFIED in roots or {_MEMORY, _PIDS} <= roots.keys()):
            return cls({})
        folders: dict[str, Path] = {}
        try:
            for controller, root in roots.items():
                folders[controller] = folder = root / name
                folder.mkdir(exist_ok=True)
            group = cls(folders)
            group.kill()
            group._limit(memory_bytes, pids)
        except OSError:
            cls(folders).remove()
            return cls({})
        return group

    def wrap(self, argv: list[str]) -> list[str]:
        """The command line that enters the group and then becomes `argv`."""
        return (
            ["/bin/sh", "-c", _SCRIPT, "sh", *map(str, self.folders.values()), "--", *argv] if self.enforced else argv
        )

    def oom_kills(self) -> int:
        """Processes of the group that the kernel has killed for want of memory."""
        return self._counter("memory.oom_control", "memory.events", "oom_kill")

    def peak_bytes(self) -> int:
        """The most memory the group has used; 0 where the kernel does not say (version 2 before Linux 5.19)."""
        folder = self.folders.get(_MEMORY) or self.folders.get(_UNIFIED)
        name = "memory.max_usage_in_bytes" if _MEMORY in self.folders else "memory.peak"
        try:
            return int((folder / name).read_text()) if folder else 0
        except OSError:
            return 0

    def kill(self) -> None:
        """End every process in the group, also one that forks without end."""
        if folder := self.folders.get(_PIDS):
            (folder / "pids.max").write_text("0")  # from here on no fork succeeds
        if (folder := self.folders.get(_UNIFIED)) and (folder / "cgroup.kill").exists():  # since Linux 5.14
            (folder / "cgroup.kill").write_text("1")
        for folder in self.folders.values():
            for _ in range(50):
                pids = (folder / "cgroup.procs").read_text().split()
                if not pids:
                    break
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                time.sleep(0.002)

    def remove(self) -> None:
        """Remove the empty group; one that still holds a dying process is left to `sweep`."""
        for folder in self.folders.values():
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _limit(self, memory_bytes: int | None, pids: int | None) -> None:
        if folder := self.folders.get(_UNIFIED):
            (folder / "memory.max").write_text(str(memory_bytes or "max"))
            (folder / "pids.max").write_text(str(pids or "max"))
            if (folder / "memory.swap.max").exists():
                (folder / "memory.swap.max").write_text("0")
            return
        (self.folders[_PIDS] / "pids.max").write_text(str(pids or "max"))
        _limit_memory_v1(self.folders[_MEMORY], memory_bytes or -1)

    def _counter(self, v1: str, v2: str, key: str) -> int:
        folder = self.folders.get(_MEMORY) or self.folders.get(_UNIFIED)
        if folder is None:
            return 0
        lines = (folder / (v1 if _MEMORY in self.folders else v2)).read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.split()[0] == key), 0)


def available() -> bool:
    """Whether limits are enforced on this machine."""
    group = Group.create(f"pm-probe-{os.getpid()}", None, None)
    group.remove()
    return group.enforced


def sweep(prefix: str) -> None:
    """Remove the groups of this prefix that a crashed emulator left, and end what still runs in them."""
    roots = find_roots()
    names = {path.name for root in roots.values() for path in root.glob(f"{prefix}*") if path.is_dir()}
    for name in names:
        group = Group({key: root / name for key, root in roots.items() if (root / name).is_dir()})
        with contextlib.suppress(OSError):
            group.kill()
        group.remove()


def _limit_memory_v1(folder: Path, limit: int) -> None:
    """Memory and memory-plus-swap; the second may never be below the first, so a rise goes the other way round."""
    names = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    names = [name for name in names if (folder / name).exists()]
    try:
        for name in names:
            (folder / name).write_text(str(limit))
    except OSError:
        for name in reversed(names):
            (folder / name).write_text(str(limit))


def find_roots() -> dict[str, Path]:
    """Where groups can be made: {"memory": …, "pids": …} of version 1, {"": …} of version 2, or nothing."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    v1 = {
        name: Path(where) for _, where, kind, options, *_ in mounts if kind == "cgroup" for name in options.split(",")
    }
    if _MEMORY in v1 and _PIDS in v1:
        own = {name: _own(v1[name], name) for name in (_MEMORY, _PIDS)}
        return own if all(os.access(folder, os.W_OK) for folder in own.values()) else {}
    root = next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)
    return {_UNIFIED: root} if root and _hands_down(root) else {}


def _own(mount: Path, controller: str) -> Path:
    """The emulator's own group in a version 1 hierarchy, so that limits set on the emulator hold for its sandboxes."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(",") and (mount / path.lstrip("/")).is_dir():
            return mount / path.lstrip("/")
    return mount


def _hands_down(root: Path) -> bool:
    """Whether groups below a version 2 root get the memory and pids controllers."""
    control = root / "cgroup.subtree_control"
    try:
        if not {_MEMORY, _PIDS} <= set(control.read_text().split()):
            control.write_text("+memory +pids")
    except OSError:
        return False
    return os.access(root, os.W_OK)
