"""What an instance sees of code: a function's folder or its merged layers, copied, compiled, named by content.

Copies, because a change in the source tree must not reach a running function; compiled, because the platform mounts
both read-only and sets PYTHONDONTWRITEBYTECODE. Bytecode that is there already (set-up compiles the vendored packages)
is taken along with the times that make it valid.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from emulator.scf import limits
from emulator.scf.declaration import DeclarationError

_LEFT_OUT = (".git", ".pytest_cache", ".mypy_cache", ".ruff_cache")


class CodeError(DeclarationError):
    """A function's or layer's folder can't be used."""


def stage(sources: Sequence[Path], target: Path, python: Path) -> Path:
    """Merge folders in order (a later one wins) into `target`/<digest>, compile, and return that folder.

    Raises CodeError for a folder that is missing or cannot be read, or for more than the platform's 500 MB.
    """
    for source in sources:
        if not source.is_dir():
            raise CodeError(f"{source} is no folder")
    try:
        files = {file.relative_to(source): file for source in sources for file in _files(source)}
        size = sum(file.stat().st_size for file in files.values())
        if size > limits.CODE_BYTES:
            raise CodeError(f"{', '.join(map(str, sources))}: more than {limits.CODE_BYTES // limits.MB} MB")
        place = target / _digest(files, python)
        if not place.exists():
            _fill(place, files, python)
    except OSError as error:
        raise CodeError(f"{error.filename}: {error.strerror}") from error
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
    """Of names, sizes and times: reading 60 MB at each start would cost more than it finds."""
    digest = hashlib.sha256(str(python.resolve()).encode())
    for name, file in sorted(files.items()):
        if name.suffix == ".pyc":
            continue  # made of the others
        stat = file.stat()
        digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _fill(place: Path, files: dict[Path, Path], python: Path) -> None:
    fresh = place.with_name(f"{place.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, file in files.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, fresh / name)
    _compile(fresh, python)
    fresh.rename(place)


def _compile(folder: Path, python: Path) -> None:
    command = [str(python), "-m", "compileall", "-q", "-j", "0", str(folder)]
    # A vendored file that is not for this version of Python may fail to compile; it would fail to import, too.
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
