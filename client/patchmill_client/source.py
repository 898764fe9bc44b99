"""A local folder in, a ZIP of what belongs to it out: the first step of `patchmill submit --repo DIR`.

In a Git checkout Git itself says what belongs (tracked, or new and not ignored); elsewhere the folder's .gitignore
files do. The same files give the same bytes: names sorted, no times, of the mode only whether it is executable.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pathspec import GitIgnoreSpec

from patchmill_client.errors import UsageError

Warn = Callable[[str], None]
# Neither control characters, nor bytes that are no UTF-8 (surrogates), nor what some unpackers take for a separator.
_PORTABLE = re.compile(r"[^\x00-\x1f\x7f\\\ud800-\udfff]+")


@dataclass(frozen=True)
class Source:
    """A ZIP: the open file, its size in bytes, and the number of files in it."""

    file: IO[bytes]
    size: int
    files: int


@contextmanager
def pack(folder: Path, warn: Warn) -> Iterator[Source]:
    """ZIP the folder into a temporary file without a name. `warn` is told what was left out.

    Raises UsageError when there is nothing to send or a file can't be read.
    """
    files = list(_sendable(folder, sorted(_names(folder)), warn))
    if not files:
        raise UsageError(f"{folder} holds no file to send (ignored ones don't count).")
    with tempfile.TemporaryFile(prefix="patchmill-", suffix=".zip") as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                for name in files:
                    _add(archive, folder, name)
        except OSError as e:
            raise UsageError(f"{e.filename or folder} can't be read: {e.strerror}.") from e
        yield Source(file, file.tell(), len(files))


@contextmanager
def open_zip(path: Path) -> Iterator[Source]:
    """A ZIP that the user made. Raises UsageError when it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            count = sum(not info.is_dir() for info in archive.infolist())
        file = path.open("rb")
    except zipfile.BadZipFile as e:
        raise UsageError(f"{path} is not a ZIP file: {e}.") from e
    except OSError as e:
        raise UsageError(f"{path} can't be read: {e.strerror}.") from e
    with file:
        yield Source(file, path.stat().st_size, count)


def _names(folder: Path) -> Iterable[str]:
    from_git = _git_files(folder)
    return _walk(folder, []) if from_git is None else from_git


def _git_files(folder: Path) -> list[str] | None:
    """What Git counts to the folder; None where Git has no say: no checkout, or a folder that is ignored as a whole."""
    if shutil.which("git") is None or _git(folder, "check-ignore", "-q", ".") is not None:
        return None
    listed = _git(folder, "ls-files", "-co", "--exclude-standard", "-z")
    if listed is None:
        return None
    names: set[str] = set()
    for name in filter(None, map(os.fsdecode, listed.split(b"\0"))):
        path = folder / name
        if path.is_dir() and not path.is_symlink():  # a submodule, or another checkout inside this one
            inside = _names(path) if (path / ".git").exists() else _walk(path, [])
            names.update(f"{name.rstrip('/')}/{each}" for each in inside)
        else:
            names.add(name)
    return sorted(names)


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Git's output, None when it fails. The checkout's file system monitor is a command of its own: it is not run."""
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _walk(folder: Path, rules: list[tuple[str, GitIgnoreSpec]], base: str = "") -> Iterator[str]:
    """Names below the folder, by its .gitignore files; `rules` are those of the folders above, outermost first."""
    ignore_file = folder / ".gitignore"
    if ignore_file.is_file():
        lines = ignore_file.read_text("utf-8", errors="surrogateescape").splitlines()
        rules = [*rules, (base, GitIgnoreSpec.from_lines(lines))]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as e:
        raise UsageError(f"{folder} can't be read: {e.strerror}.") from e
    for entry in entries:
        is_folder = entry.is_dir(follow_symlinks=False)
        name = base + entry.name + ("/" if is_folder else "")
        if entry.name == ".git" or _ignored(name, rules):
            continue
        if is_folder:
            yield from _walk(Path(entry.path), rules, name)
        else:
            yield name


def _ignored(name: str, rules: Iterable[tuple[str, GitIgnoreSpec]]) -> bool:
    """The last matching rule decides; a deeper .gitignore comes after those above it."""
    for base, spec in reversed(list(rules)):
        verdict = spec.check_file(name[len(base) :]).include
        if verdict is not None:
            return verdict
    return False


def _sendable(folder: Path, names: Iterable[str], warn: Warn) -> Iterator[str]:
    """Leave out what a ZIP can't carry or the server would refuse."""
    for name in names:
        try:
            mode = (folder / name).lstat().st_mode
        except FileNotFoundError:
            continue  # tracked, but deleted in the working tree
        if stat.S_ISLNK(mode):
            warn(f"{name!r} is a symbolic link: left out")
        elif not stat.S_ISREG(mode):
            warn(f"{name!r} is not a file: left out")
        elif not _PORTABLE.fullmatch(name):
            warn(f"{name!r} has a name that a ZIP can't carry: left out")
        else:
            yield name


def _add(archive: zipfile.ZipFile, folder: Path, name: str) -> None:
    with (folder / name).open("rb") as content:
        status = os.fstat(content.fileno())
        info = zipfile.ZipInfo(name)  # dated 1980-01-01
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3  # Unix: the mode below counts
        info.external_attr = (stat.S_IFREG | (0o755 if status.st_mode & 0o111 else 0o644)) << 16
        info.file_size = status.st_size  # lets zipfile choose ZIP64 for large ones
        with archive.open(info, "w") as target:
            shutil.copyfileobj(content, target, 1024 * 1024)
