"""Packages that are kept: one folder each, named by the digest of all that it was made from, so it is never stale.

An entry is made beside its place and renamed, so it is there whole or not at all, also with two builders at once. What
nobody has used for a while is removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from deployer.packaging.model import Package, PackageKind, content_digest

_RECORD = "package.json"
_UNUSED_S = 24 * 3600.0
_KEPT = 3  # of one package, however old
_DRAFT_S = 3600.0  # no build takes that long: what is older was left by one that was killed


class Cache:
    """The folder <project>/.local/packages. Several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, kind: PackageKind, name: str, key: str) -> Package | None:
        """The entry, marked as used now; None when there is none (or half of one, as no builder leaves it)."""
        entry = self._place(kind, name, key)
        try:
            values = json.loads((entry / _RECORD).read_text())
            package = Package(**{**values, "zip": entry / values["zip"], "notes": tuple(values["notes"])})
            if package.zip.stat().st_size != package.zip_bytes:
                return None
            os.utime(entry)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return package

    def put(self, kind: PackageKind, name: str, key: str, make: Callable[[Path], Package]) -> Package:
        """Let `make` write a zip into the folder that it is given, and keep that. The first of two builders wins."""
        self._folder.mkdir(parents=True, exist_ok=True)
        entry = self._place(kind, name, key)
        draft = Path(tempfile.mkdtemp(prefix=".building-", dir=self._folder))
        try:
            package = make(draft)
            values = {**asdict(package), "zip": package.zip.name}
            (draft / _RECORD).write_text(json.dumps(values, indent=1))
            draft.chmod(0o755)
            if self.get(kind, name, key) is None:
                shutil.rmtree(entry, ignore_errors=True)  # a damaged one
                with suppress(OSError):  # another builder was faster, and its entry is as good
                    draft.rename(entry)
            return replace(package, zip=entry / package.zip.name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One builder at a time: the second waits and finds the work done. The kernel ends a killed builder's turn."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def clean(self) -> None:
        """Remove drafts of killed builders, and entries that nobody has used for a day but the latest few."""
        now = time.time()
        for draft in self._folder.glob(".building-*"):
            if now - _used(draft) > _DRAFT_S:
                shutil.rmtree(draft, ignore_errors=True)
        groups: dict[str, list[Path]] = {}
        for entry in self._folder.glob("*-*-*"):
            groups.setdefault(entry.name.rpartition("-")[0], []).append(entry)
        for entries in groups.values():
            for entry in sorted(entries, key=_used, reverse=True)[_KEPT:]:
                if now - _used(entry) > _UNUSED_S:
                    shutil.rmtree(entry, ignore_errors=True)

    def _place(self, kind: PackageKind, name: str, key: str) -> Path:
        return self._folder / f"{kind}-{name}-{key[:16]}"


def _used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:  # just removed by another
        return 0.0


@cache
def builder_digest() -> str:
    """Of the code that builds: packages made by other code than this count as other packages."""
    folder = Path(__file__).parent
    return content_digest({path.name: path.read_bytes() for path in folder.glob("*.py")})
