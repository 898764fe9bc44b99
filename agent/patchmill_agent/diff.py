"""diff.patch: made from the two trees by git, in a repository of our own that has seen neither tree's configuration.

Both versions of the changed files go into that repository as they lie on the disk (fast-import: no index, no filter, no
.gitattributes). `git diff-tree` then writes the patch, and `git apply --check` proves it against the pristine tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from patchmill_agent import changes, gitcmd
from patchmill_agent.errors import PatchError
from patchmill_agent.jsonfile import open_regular
from patchmill_agent.tree import LINK, Entry, Notes

_DIFF = ["diff-tree", "-r", "--no-commit-id", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color"]
_PATCH = ["--patch", "--binary", "--full-index", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3"]


class Patch(NamedTuple):
    """A patch file and what it does, counted as `git diff --shortstat` counts (binary files have no lines)."""

    path: Path
    files: int
    insertions: int
    deletions: int


def make(base: Path, code: Path, scratch: Path, max_bytes: int, notes: Notes) -> Patch:
    """Write the patch that turns `base` into `code`. Raises PatchError, also when it would not apply."""
    found = changes.find(base, code, scratch, max_bytes, notes)
    path = scratch / "diff.patch"
    path.touch()
    if not found:
        return Patch(path, 0, 0, 0)
    git_dir = scratch / "diff.git"
    gitcmd.init(git_dir)
    stream = scratch / "stream"
    with stream.open("w+b") as file:
        _write_commit(file, b"base", base, (change.old for change in found))
        _write_commit(file, b"work", code, (change.new for change in found))
        file.flush()
        file.seek(0)
        # fast-import warns on stderr only; HEAD stays unborn, so that no attributes are read from a commit (git 2.43+).
        gitcmd.must(["fast-import", "--quiet", "--force"], git_dir=git_dir, stdin=file)
    stream.unlink()
    revisions = ["refs/heads/base", "refs/heads/work"]
    renames = [("diff.renameLimit", "2000")]
    with path.open("wb") as file:
        gitcmd.must([*_DIFF, *_PATCH, *revisions], git_dir=git_dir, output=file, config=renames)
    size = path.stat().st_size
    if size > max_bytes:
        raise PatchError("OUTPUT_TOO_LARGE", f"the patch is {size} bytes, the limit is {max_bytes}")
    numbers = gitcmd.must([*_DIFF, "--numstat", "-z", *revisions], git_dir=git_dir, config=renames)
    _check(path, base)
    return Patch(path, *count(numbers))


def count(numstat: bytes) -> tuple[int, int, int]:
    """Files, insertions, deletions of `git diff --numstat -z`: "+<TAB>-<TAB>path"; a rename's two paths follow it."""
    files = insertions = deletions = 0
    records = iter(numstat.split(b"\0"))
    for record in records:
        if not record:
            continue
        plus, minus, path = record.split(b"\t", 2)
        if not path:
            next(records), next(records)
        files += 1
        insertions += int(plus) if plus != b"-" else 0
        deletions += int(minus) if minus != b"-" else 0
    return files, insertions, deletions


def _write_commit(stream: BinaryIO, name: bytes, root: Path, entries: Iterable[Entry | None]) -> None:
    """One root commit in git-fast-import(1)'s language."""
    stream.write(b"commit refs/heads/%s\ncommitter Patchmill <patchmill@localhost> 0 +0000\ndata 0\n" % name)
    for entry in entries:
        if entry:
            stream.write(b"M %o inline %s\n" % (entry.mode, quoted(entry.path)))
            _write_content(stream, root / os.fsdecode(entry.path), entry)
    stream.write(b"\n")


def _write_content(stream: BinaryIO, place: Path, entry: Entry) -> None:
    if entry.mode == LINK:
        target = os.fsencode(place.readlink())
        stream.write(b"data %d\n%s\n" % (len(target), target))
        return
    stream.write(b"data %d\n" % entry.size)
    left = entry.size
    with open_regular(place) as file:
        while left and (chunk := file.read(min(left, 1 << 20))):
            stream.write(chunk)
            left -= len(chunk)
    if left:
        raise PatchError("INTERNAL", "a file became shorter while it was read")
    stream.write(b"\n")


def quoted(path: bytes) -> bytes:
    """A path as a C string, as fast-import wants it when it holds anything unusual."""
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped


def _check(patch: Path, base: Path) -> None:
    """The promise is that `git apply` accepts the patch on a clean checkout, so it is tried on the pristine tree."""
    done = gitcmd.run(["apply", "--check", "--whitespace=nowarn", patch], git_dir=None, cwd=base)
    if done.code != 0:
        reason = done.error.strip().splitlines() or ["no reason given"]
        raise PatchError("INTERNAL", f"the patch does not apply to the source: {reason[0][:300]}")
