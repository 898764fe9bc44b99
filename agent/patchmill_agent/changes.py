"""What the agent changed: the pristine tree against the worked-on one, by content, trusting no time stamp and no index.

in   /app/base/tree and /app/code, the second as hostile as it likes
out  the files to compare in detail; PatchError (OUTPUT_TOO_LARGE) before any large one is read whole
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from patchmill_agent import gitcmd
from patchmill_agent.errors import PatchError
from patchmill_agent.jsonfile import open_regular
from patchmill_agent.tree import LINK, Entry, Notes, walk

MAX_CHANGED_FILES = 20_000
_CHUNK = 1 << 20

# New files that nobody means to submit, even where the source has no .gitignore. Build outputs have no common names, so
# `build`, `dist` and `target` are left to the source's own rules.
GENERATED = """\
__pycache__/
*.py[cod]
.venv/
node_modules/
.pytest_cache/
.mypy_cache/
.ruff_cache/
.hypothesis/
.tox/
.nox/
*.egg-info/
.coverage
.DS_Store
"""


class Change(NamedTuple):
    """One path that differs. `old` is None for a new file, `new` for a deleted one."""

    path: bytes
    old: Entry | None
    new: Entry | None

    @property
    def size(self) -> int:
        return max(self.old.size if self.old else 0, self.new.size if self.new else 0)


def find(base: Path, code: Path, scratch: Path, max_bytes: int, notes: Notes) -> list[Change]:
    """All changes but new files that are ignored. Raises PatchError."""
    old = {entry.path: entry for entry in walk(base, Notes())}
    changes: list[Change] = []
    added: list[Entry] = []
    for entry in walk(code, notes):
        before = old.pop(entry.path, None)
        if before is None:
            added.append(entry)
        elif _differs(before, entry, base, code, notes):
            changes.append(Change(entry.path, before, entry))
    changes += [Change(path, entry, None) for path, entry in old.items() if not _unreadable_parent(code, path)]
    hidden = ignored([entry.path for entry in added], base, scratch)
    new = [Change(entry.path, None, entry) for entry in added if entry.path not in hidden]
    changes += [change for change in new if _readable(code, change, notes)]
    _check_size(changes, max_bytes)
    return sorted(changes)


def ignored(paths: list[bytes], base: Path, scratch: Path) -> set[bytes]:
    """Those of the new paths that the pristine .gitignore files, or our own short list, say are not to be kept.

    The agent's own changes to .gitignore do not count: they could hide what it did.
    """
    if not paths:
        return set()
    git_dir, rules = scratch / "ignore.git", scratch / "generated"
    gitcmd.init(git_dir)
    rules.write_text(GENERATED)
    asked = [path for path in paths if not _passes_link(base, path)]  # git refuses to look through a link
    done = gitcmd.run(
        ["check-ignore", "--no-index", "-z", "--stdin"],
        git_dir=git_dir,
        work_tree=base,
        cwd=base,
        stdin=b"\0".join(asked),
        config=[("core.excludesFile", str(rules))],
    )
    if done.code > 1:  # 0: some are ignored, 1: none
        raise PatchError("INTERNAL", f"git could not read the ignore rules: {done.error.strip()[-200:]}")
    return set(done.output.split(b"\0")) - {b""}


def _differs(old: Entry, new: Entry, base: Path, code: Path, notes: Notes) -> bool:
    if (old.mode, old.size) != (new.mode, new.size):
        return _readable(code, Change(new.path, old, new), notes)
    before, after = base / os.fsdecode(old.path), code / os.fsdecode(new.path)
    if old.mode == LINK:
        return before.readlink() != after.readlink()
    try:
        with open_regular(before) as one, open_regular(after) as other:
            while chunk := one.read(_CHUNK):
                if chunk != other.read(_CHUNK):
                    return True
    except PermissionError:
        return _readable(code, Change(new.path, old, new), notes)
    return False


def _readable(code: Path, change: Change, notes: Notes) -> bool:
    """Whether the new content can be read at all: what the agent locked away is taken as untouched, and noted."""
    if change.new is None or change.new.mode == LINK:
        return True
    try:
        open_regular(code / os.fsdecode(change.path)).close()
    except OSError as error:
        notes.add(change.path, f"left out: it cannot be read ({error.strerror})")
        return False
    return True


def _unreadable_parent(code: Path, path: bytes) -> bool:
    """Whether a missing file may still be there, in a folder that we cannot look into."""
    try:
        (code / os.fsdecode(path)).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    # It is there but was not walked: a folder or something special took its place.
    return False


def _passes_link(base: Path, path: bytes) -> bool:
    parent = base
    for part in os.fsdecode(path).split("/")[:-1]:
        parent /= part
        if parent.is_symlink():
            return True
        if not parent.is_dir():
            return False
    return False


def _check_size(changes: list[Change], max_bytes: int) -> None:
    if len(changes) > MAX_CHANGED_FILES:
        raise PatchError("OUTPUT_TOO_LARGE", f"{len(changes)} files changed, the limit is {MAX_CHANGED_FILES}")
    size = sum(change.size for change in changes)
    if size > max_bytes:
        largest = max(changes, key=lambda change: change.size)
        name = largest.path.decode("utf-8", "replace")[:200]
        message = f"the changed files hold {size} bytes, the limit is {max_bytes}; the largest is {name!r}"
        raise PatchError("OUTPUT_TOO_LARGE", message)
