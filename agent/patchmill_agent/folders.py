"""Where the pod's volumes are mounted, and a private scratch folder for one stage."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Folders(NamedTuple):
    """The three shared volumes. `base` is never mounted into the agent's container."""

    code: Path
    output: Path
    base: Path

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Folders:
        root = Path(env.get("PATCHMILL_APP_ROOT") or "/app")
        return cls(root / "code", root / "output", root / "base")

    @property
    def tree(self) -> Path:
        """The pristine source, as it was before the agent started."""
        return self.base / "tree"

    @property
    def fetch_report(self) -> Path:
        return self.base / "fetch.json"

    @property
    def fetch_failed(self) -> Path:
        """The marker that tells `run` not to start: `fetch` has no other way to reach it."""
        return self.code / ".patchmill-fetch-failed"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A private folder under TMPDIR (or /tmp) that is gone afterwards."""
    path = Path(os.environ.get("TMPDIR") or "/tmp", f"patchmill-{os.urandom(8).hex()}")  # noqa: S108 - random name, mode 0700
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        remove(path)


def remove(*paths: Path) -> None:
    """Delete files and folders with all they hold; what cannot be deleted stays. (rm: shutil costs 7 ms to import.)"""
    if paths:
        subprocess.run(["rm", "-rf", "--", *paths], stderr=subprocess.DEVNULL, check=False)


def clear(folder: Path) -> None:
    """Empty a folder but keep it (a volume's mount point cannot be removed), making it where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries]
    for start in range(0, len(found), 500):  # the kernel limits the length of a command line
        remove(*found[start : start + 500])
