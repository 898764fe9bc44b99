"""A folder of strangers' files: walk it without following anything, drop links that lead out, copy it, pack it.

Paths are bytes, relative, with `/`: a file name on Linux is any bytes. Nothing here opens a file's content but `pack`,
which leaves that to tar.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from patchmill_agent.names import is_git_name, printable

REGULAR, EXECUTABLE, LINK = 0o100644, 0o100755, 0o120000
MAX_NOTES = 20


class Entry(NamedTuple):
    """A file or link as git sees it: mode is one of the three above, size in bytes."""

    path: bytes
    mode: int
    size: int


class Notes:
    """What was left out and why, for the log; only the first few, since a stranger decides how many there are."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0

    def add(self, path: bytes | str, why: str) -> None:
        self.count += 1
        if len(self.lines) < MAX_NOTES:
            self.lines.append(f"{printable(path)} {why}")


def walk(root: Path, notes: Notes) -> Iterator[Entry]:
    """Every regular file and symbolic link under `root`, by folder. Anything git would call `.git` is left out."""
    folders = [b""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.fsencode(root) + b"/" + folder) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            notes.add(folder, f"left out: the folder cannot be read ({error.strerror})")
            continue
        for child in children:
            path = folder + b"/" + child.name if folder else child.name
            if is_git_name(os.fsdecode(child.name)):
                if folder:  # the repository's own is expected
                    notes.add(path, "left out: a repository inside the tree")
            elif child.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry := _entry(path, child, notes):
                yield entry


def _entry(path: bytes, child: os.DirEntry[bytes], notes: Notes) -> Entry | None:
    status = child.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return Entry(path, LINK, status.st_size)
    if stat.S_ISREG(status.st_mode):
        return Entry(path, EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR, status.st_size)
    notes.add(path, "left out: neither a file nor a folder nor a link")
    return None


def drop_outside_links(root: Path, entries: Iterable[Entry], notes: Notes) -> set[bytes]:
    """Delete the symbolic links that lead out of `root` or into its `.git`; returns their paths.

    To the pod they are harmless; to a person who unpacks code.tar.gz or applies a patch through one they are not.
    """
    top = root.resolve()
    dropped = set()
    for entry in entries:
        if entry.mode != LINK:
            continue
        place = top / os.fsdecode(entry.path)
        target = place.readlink()
        leads_to = Path(
            os.path.realpath(place)
        )  # unlike Path.resolve, no error in Python 3.10 where links go in circles
        inside = leads_to.is_relative_to(top) and not any(map(is_git_name, leads_to.relative_to(top).parts))
        if target.is_absolute() or not inside:
            place.unlink()
            dropped.add(entry.path)
            notes.add(entry.path, f"left out: a symbolic link to {printable(str(target))}, outside the source")
    return dropped


def copy(source: Path, target: Path) -> None:
    """Copy what is in one folder into another, links as links. Raises OSError."""
    done = subprocess.run(["cp", "-a", "--reflink=auto", "--", f"{source}/.", target], capture_output=True, check=False)
    if done.returncode:
        code = errno.ENOSPC if b"No space left" in done.stderr else errno.EIO
        raise OSError(code, printable(done.stderr[-300:], 300))


def pack(root: Path, paths: Iterable[bytes], target: Path) -> None:
    """Write `paths` of `root` as a .tar.gz whose bytes depend on names, contents and x bits only.

    Raises subprocess.CalledProcessError.
    """
    names = b"\0".join(sorted(paths))
    options = ["--format=gnu", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"]
    listed = ["--null", "--no-recursion", "--files-from=-"]  # --null: a name that starts with "-" is no option
    command = ["tar", "--create", f"--file={target}", f"--directory={root}", "--use-compress-program=gzip -n -1"]
    subprocess.run([*command, *options, *listed], input=names, check=True, stderr=subprocess.PIPE)
