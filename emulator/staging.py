"""A folder of the source tree as a container sees it: copied, compiled, named by content.

A copy, because a change in the source tree must not reach what is running; compiled, because a container has nowhere to
keep bytecode.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from emulator.settings import SettingsError

_LEFT_OUT = ("__pycache__",)


def stage(source: Path, target: Path, python: Path) -> Path:
    """Copy `source` to `target`/<digest>, compile it there, and return that folder. Raises SettingsError."""
    if not source.is_dir():
        raise SettingsError(f"{source} is no folder")
    files = {file.relative_to(source): file for file in _files(source)}
    place = target / _digest(files, python)
    if not place.exists():
        _fill(place, files, python)
    for old in target.iterdir():  # this process alone uses them, and it starts with these
        if old != place:
            shutil.rmtree(old, ignore_errors=True)
    return place


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            yield Path(place, name)


def _digest(files: dict[Path, Path], python: Path) -> str:
    digest = hashlib.sha256(str(python.resolve()).encode())
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _fill(place: Path, files: dict[Path, Path], python: Path) -> None:
    fresh = place.with_name(f"{place.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, file in files.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, fresh / name)
    command = [str(python), "-m", "compileall", "-q", "-j", "0", str(fresh)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    fresh.rename(place)
