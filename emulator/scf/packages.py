"""Code as it was uploaded: ZIPs in, folders out, each unpacked once and named by the ZIP's digest.

    <root>/packages/<digest>.zip   <root>/code/<digest>/   <root>/layers/<digest of digests>/ (merged layers)

Nothing is compiled and nothing added: an instance sees what was in the ZIP. What nothing refers to is swept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import threading
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emulator.scf import limits

MOST_FILES, MOST_LEVELS = 50_000, 100
"""Our own choice: more would only keep this machine busy, or be too deep to be removed again."""


class PackageError(ValueError):
    """The ZIP cannot be used; the text says why."""


@dataclass(frozen=True)
class Package:
    """Sizes in bytes; `digest` is the SHA-256 of the ZIP in hexadecimal digits."""

    digest: str
    packed_bytes: int
    unpacked_bytes: int


class Packages:
    """Every method blocks and may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._zips, self._code, self._merged = root / "packages", root / "code", root / "layers"
        self._lock = threading.Lock()
        for folder in (self._zips, self._code, self._merged):
            folder.mkdir(parents=True, exist_ok=True)

    def store(self, data: bytes) -> Package:
        """Check a ZIP and unpack it, unless that was done before. Raises PackageError."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            return self._store(digest, data)

    def zip(self, digest: str) -> Path:
        return self._zips / f"{digest}.zip"

    def code(self, digest: str) -> Path:
        return self._code / digest

    def layers(self, digests: Sequence[str]) -> Path:
        """The one folder of several packages."""
        return self._merged / hashlib.sha256("+".join(digests).encode()).hexdigest()

    def merge(self, digests: Sequence[str]) -> Path:
        """Make that folder if it is not there: a later package lies over an earlier one."""
        place = self.layers(digests)
        with self._lock:
            if place.exists():
                os.utime(place)
                return place
            fresh = _empty(place.with_name("new"))
            for digest in digests:
                _merge(self.code(digest), fresh)
            fresh.rename(place)
        return place

    def sweep(self, packages: set[str], layers: Iterable[Sequence[str]], grace_s: float) -> None:
        """Remove what is neither named here nor younger than `grace_s`: a call may not have written its record yet."""
        merged = {self.layers(digests) for digests in layers}
        with self._lock:
            for path in [*self._zips.iterdir(), *self._code.iterdir(), *self._merged.iterdir()]:
                kept = path in merged if path.parent == self._merged else path.name.removesuffix(".zip") in packages
                if not kept and time.time() - path.stat().st_mtime >= grace_s:
                    _remove(path)

    def _store(self, digest: str, data: bytes) -> Package:
        target, kept = self.code(digest), self.zip(digest)
        try:
            _write_zip(kept, data)
            with zipfile.ZipFile(kept) as archive:
                entries = list(_entries(archive))
                size = sum(entry.file_size for entry, _ in entries)
                if target.exists():
                    os.utime(target)
                else:
                    _unpack(archive, entries, target)
        except PackageError:
            kept.unlink(missing_ok=True)
            raise
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
            kept.unlink(missing_ok=True)
            raise PackageError(f"it is no ZIP that can be unpacked: {error}") from error
        return Package(digest, len(data), size)


def _write_zip(path: Path, data: bytes) -> None:
    if path.exists():
        os.utime(path)
        return
    fresh = path.with_name("new")
    fresh.write_bytes(data)
    fresh.rename(path)


def _entries(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files, each with its place. Nothing is written before all of this is checked. Raises PackageError."""
    total, seen = 0, set()
    if len(archive.infolist()) > MOST_FILES:
        raise PackageError(f"it has more than {MOST_FILES} files and folders")
    for entry in archive.infolist():
        path = _place(entry)
        if entry.is_dir():
            continue
        if path in seen:
            raise PackageError(f"{entry.filename!r} is there twice")
        seen.add(path)
        total += entry.file_size
        if total > limits.CODE_BYTES:
            raise PackageError(f"unpacked it has more than {limits.CODE_BYTES // limits.MB} MB")
        yield entry, path


def _place(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Where it may lie, below the folder of the package. Raises PackageError."""
    path, name = PurePosixPath(entry.filename), entry.filename
    if "\\" in name or path.is_absolute() or ".." in path.parts:
        raise PackageError(f"{name!r}: names must be relative, with forward slashes and without ..")
    if len(path.parts) > MOST_LEVELS:
        raise PackageError(f"{name[:100]!r}…: more than {MOST_LEVELS} folders within one another")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PackageError(f"{name!r}: only files and folders can be unpacked, no links or devices")
    if entry.flag_bits & 1:
        raise PackageError(f"{name!r} is encrypted")
    if not path.parts and not entry.is_dir():
        raise PackageError(f"{name!r} is no name of a file")
    return path


def _unpack(archive: zipfile.ZipFile, entries: Sequence[tuple[zipfile.ZipInfo, PurePosixPath]], target: Path) -> None:
    fresh = _empty(target.with_name("new"))
    try:
        for entry, path in entries:
            place = fresh / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, place.open("xb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            # As on the platform, the modes of the ZIP count; one made without them has files that all can read.
            place.chmod(stat.S_IMODE(entry.external_attr >> 16) & 0o777 or 0o644)
    except OSError as error:  # a file where another entry wants a folder, a name too long …
        shutil.rmtree(fresh, ignore_errors=True)
        raise PackageError(f"it cannot be unpacked: {error.strerror}") from error
    fresh.rename(target)


def _empty(folder: Path) -> Path:
    """What a killed emulator left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _merge(source: Path, target: Path) -> None:
    """Hard links, as instances can change neither. A file hides a folder of its name and the other way round."""
    for place, folders, names in os.walk(source):
        here = target / Path(place).relative_to(source)
        for name in folders:
            if (here / name).is_file():
                (here / name).unlink()
            (here / name).mkdir(exist_ok=True)
        for name in names:
            _remove(here / name)
            os.link(Path(place, name), here / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
