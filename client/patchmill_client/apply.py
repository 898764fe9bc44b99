"""A task's patch onto a folder, by `git apply`: all of it or nothing, in a Git checkout or out of one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from patchmill_client.errors import PatchmillError, UsageError
from patchmill_client.text import clean


def apply_patch(patch: bytes, folder: Path) -> bool:
    """Apply the patch; False when the folder holds its changes already.

    Raises UsageError when there is no such folder or no git, PatchmillError when the patch does not fit: then nothing
    was changed.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.")
    if shutil.which("git") is None:
        raise UsageError("git is needed to apply a patch, and it is not installed.")
    trouble = _git_apply(patch, folder, "--check")
    if trouble is None:
        trouble = _git_apply(patch, folder)
        if trouble is None:
            return True
    elif _git_apply(patch, folder, "--check", "--reverse") is None:
        return False
    raise PatchmillError(
        f"The patch does not apply to {folder}; nothing was changed. Is it the folder, and the state of it, that was "
        f"submitted? git says:\n{clean(trouble, colours=False).rstrip()}"
    )


def _git_apply(patch: bytes, folder: Path, *options: str) -> str | None:
    """None when git is content, else what it says."""
    # The patch's names start at the folder, wherever it lies. In a subfolder of a checkout git would take them from the
    # checkout's top, and skip them all without a word: so it must not look above the folder.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent), "LC_ALL": "C"}
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", *options, "-"],
        cwd=folder.resolve(),
        env={name: value for name, value in environment.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")},
        input=patch,
        capture_output=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stderr.decode(errors="replace")
