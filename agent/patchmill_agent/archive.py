"""A ZIP as the source: every entry is judged before the first byte is written. Reject, do not repair.

in   an open ZIP file, limits
out  the files below a folder, x bits kept; SourceError that names the entry
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from patchmill_agent.errors import SourceError
from patchmill_agent.names import is_git_name, printable
from patchmill_agent.ziplist import open_zip

MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_DEPTH = 255, 1024, 64
MAX_RATIO, RATIO_COUNTS_FROM = 100, 100 << 20  # small archives of blanks are ordinary; large ones are bombs
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 1 << 20


class Limits(NamedTuple):
    """max_bytes: of all files unpacked. max_files: entries of the archive, folders included."""

    max_bytes: int
    max_files: int


class Item(NamedTuple):
    """One entry that may be written: its path is relative and clean."""

    path: str
    info: zipfile.ZipInfo
    is_folder: bool
    executable: bool


def unpack(file: BinaryIO, target: Path, limits: Limits) -> int:
    """Unpack a ZIP into the empty folder `target`; returns how many entries of a `.git` in it were left out."""
    with open_zip(file, limits.max_files) as archive:
        items = [item for info in archive.infolist() if (item := judge(info))]
        _check_whole(items, archive.infolist(), file.seek(0, 2), limits)
        for item in items:
            _write(archive, item, target)
        return len(archive.infolist()) - len(items)


def judge(info: zipfile.ZipInfo) -> Item | None:
    """What to write for one entry, None for what lies in a `.git`. Raises SourceError naming the entry."""
    name = _name(info)
    parts = name.removesuffix("/").split("/")
    if problem := _name_problem(name, parts) or _kind_problem(info, name.endswith("/")):
        raise SourceError(f"the ZIP entry {printable(name)} {problem}")
    # A repository inside an archive can carry hooks and configuration (GHSA-vm9j-46j9-qvq4), so it is left behind.
    if any(part.casefold() == ".git" for part in parts):
        return None
    if any(is_git_name(part) for part in parts):
        raise SourceError(f"the ZIP entry {printable(name)} would be .git on some file systems")
    mode = info.external_attr >> 16
    return Item("/".join(parts), info, name.endswith("/"), bool(mode & 0o111))


def _name(info: zipfile.ZipInfo) -> str:
    """The entry's name; zipfile's own `filename` is cut at a NUL. Without the UTF-8 flag many tools write UTF-8 too."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeDecodeError:
        return info.orig_filename


def _name_problem(name: str, parts: list[str]) -> str | None:
    if not name.strip("/"):
        return "has no name"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is absolute"
    if "\\" in name or any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "has a backslash or a control character in its name"
    if any(part in ("", ".", "..") for part in parts):
        return "leaves its folder or has an empty part in its name"
    if len(parts) > MAX_DEPTH:
        return f"lies more than {MAX_DEPTH} folders deep"
    if len(name.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        return "has too long a name"
    return None


def _kind_problem(info: zipfile.ZipInfo, is_folder: bool) -> str | None:
    mode = info.external_attr >> 16  # whichever system it claims to come from: unpackers differ, so none may be fooled
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
        return "is neither a file nor a folder"
    if not is_folder and mode & (stat.S_ISUID | stat.S_ISGID):
        return "has a setuid or setgid bit"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in _METHODS:
        return f"uses compression method {info.compress_type}; only stored and deflated are known"
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        return "is stored but has two sizes"
    if is_folder and info.file_size:
        return "is a folder with content"
    return None


def _check_whole(items: list[Item], infos: list[zipfile.ZipInfo], packed: int, limits: Limits) -> None:
    """Sizes, ratio and names of all entries together."""
    total = sum(info.file_size for info in infos)
    if total > limits.max_bytes:
        raise SourceError(f"the ZIP unpacks to {total} bytes, the limit is {limits.max_bytes}")
    if total > RATIO_COUNTS_FROM and total > MAX_RATIO * packed:
        raise SourceError(f"the ZIP unpacks to {total // packed} times its size: a ZIP bomb")
    if not any(not item.is_folder for item in items):
        raise SourceError("the ZIP holds no files")
    seen: dict[
        str, tuple[str, bool]
    ] = {}  # name without regard to case and accents' spelling → as written, is a folder
    for item in items:
        parts = item.path.split("/")
        for depth in range(1, len(parts) + 1):
            path, is_folder = "/".join(parts[:depth]), depth < len(parts) or item.is_folder
            key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
            earlier = seen.setdefault(key, (path, is_folder))
            if earlier[0] != path:
                raise SourceError(
                    f"the ZIP entries {printable(earlier[0])} and {printable(path)} differ in spelling only"
                )
            if earlier[1] != is_folder:
                raise SourceError(f"the ZIP entry {printable(path)} is both a file and a folder")
        if not item.is_folder and (item.path + "/") in seen:
            raise SourceError(f"the ZIP entry {printable(item.path)} is there twice")
        if not item.is_folder:
            seen[item.path + "/"] = (item.path, False)


def _write(archive: zipfile.ZipFile, item: Item, target: Path) -> None:
    place = target / item.path
    if item.is_folder:
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if item.executable else 0o644
    size = 0
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as out:
        try:
            with archive.open(item.info) as content:
                while chunk := content.read(_CHUNK):
                    size += len(chunk)
                    out.write(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise SourceError(f"the ZIP entry {printable(item.path)} is damaged or lies about its size") from error
    if size != item.info.file_size:  # zipfile notices too much, but not too little
        raise SourceError(f"the ZIP entry {printable(item.path)} lies about its size")
