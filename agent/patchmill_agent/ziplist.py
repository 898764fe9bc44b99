"""The directory of a ZIP, read with suspicion before the zipfile library sees it.

`zipfile` reads any number of entries into memory, accepts overlapping ones (CVE-2024-0450, fixed only in Python 3.11.8
and newer) and data around the archive. So the directory is counted first, and every local header compared afterwards.
Format: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end, ZIP64).
"""

from __future__ import annotations

import struct
import zipfile
from typing import BinaryIO

from patchmill_agent.errors import SourceError
from patchmill_agent.names import printable

_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_END_SIZE, _END64_SIZE, _LOCATOR_SIZE, _LOCAL_SIZE, _CENTRAL_SIZE = 22, 56, 20, 30, 46
_UTF8 = 0x800
MAX_DIRECTORY_BYTES = 64 << 20


def open_zip(file: BinaryIO, max_entries: int) -> zipfile.ZipFile:
    """The archive, when it is exactly one ZIP, of at most `max_entries` entries. Raises SourceError."""
    offset, length = _find_directory(file)
    count = _count(file, offset, length, max_entries)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise SourceError(f"the ZIP's directory is damaged: {error}") from error
    if archive.start_dir != offset or len(archive.infolist()) != count:
        raise SourceError("the ZIP's directory can be read in two ways")
    _check_local_headers(file, archive.infolist(), offset)
    return archive


def _find_directory(file: BinaryIO) -> tuple[int, int]:
    """Offset and length of the central directory, which must end where its own end record starts."""
    size = file.seek(0, 2)
    start = max(0, size - _END_SIZE - 0xFFFF)
    file.seek(start)
    tail = file.read()
    found = tail.rfind(_END)
    if found < 0 or len(tail) - found < _END_SIZE:
        raise SourceError("not a ZIP file")
    end = start + found
    _, disk, first_disk, _, _, length, offset, comment = struct.unpack("<4s4H2LH", tail[found : found + _END_SIZE])
    if end + _END_SIZE + comment != size:
        raise SourceError("the ZIP has data after its end")
    if end >= _LOCATOR_SIZE + _END64_SIZE:
        file.seek(end - _LOCATOR_SIZE)
        signature, _, position, _ = struct.unpack("<4sLQL", file.read(_LOCATOR_SIZE))
        if signature == _LOCATOR:
            end = end - _LOCATOR_SIZE - _END64_SIZE
            file.seek(end)
            signature, *_, length, offset = struct.unpack("<4sQ2H2L4Q", file.read(_END64_SIZE))
            if signature != _END64 or position != end:
                raise SourceError("the ZIP's ZIP64 records contradict one another")
    if offset + length != end or disk or first_disk:
        raise SourceError("the ZIP's directory is not where the ZIP says, or has data before it")
    return offset, length


def _count(file: BinaryIO, offset: int, length: int, max_entries: int) -> int:
    if length > MAX_DIRECTORY_BYTES:
        raise SourceError(f"the ZIP's directory is {length} bytes, the limit is {MAX_DIRECTORY_BYTES}")
    file.seek(offset)
    directory = file.read(length)
    count = position = 0
    while position < length:
        if directory[position : position + 4] != _CENTRAL or position + _CENTRAL_SIZE > length:
            raise SourceError("the ZIP's directory is damaged")
        position += _CENTRAL_SIZE + sum(struct.unpack_from("<3H", directory, position + 28))
        count += 1
        if count > max_entries:
            raise SourceError(f"the ZIP has more than {max_entries} entries")
    if not count:
        raise SourceError("the ZIP is empty")
    return count


def _check_local_headers(file: BinaryIO, entries: list[zipfile.ZipInfo], directory: int) -> None:
    """Every entry's own header agrees with the directory, the first starts at byte 0, and none overlaps the next."""
    end = 0
    for info in sorted(entries, key=lambda info: info.header_offset):
        shown = printable(info.orig_filename)
        if info.header_offset < end:
            raise SourceError(f"the ZIP entry {shown} overlaps another one: a ZIP bomb")
        if end == 0 and info.header_offset != 0:
            raise SourceError("the ZIP has data before its first entry")
        file.seek(info.header_offset)
        header = file.read(_LOCAL_SIZE)
        if len(header) < _LOCAL_SIZE or header[:4] != _LOCAL:
            raise SourceError(f"the ZIP entry {shown} is not where the directory says")
        _, _, flags, method, _, _, _, packed, unpacked, name, extra = struct.unpack("<4s5H3L2H", header)
        written = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")
        deferred = flags & 0x8  # sizes follow the data
        known = packed != 0xFFFFFFFF and unpacked != 0xFFFFFFFF and not deferred
        same_size = not known or (packed, unpacked) == (info.compress_size, info.file_size)
        if file.read(name) != written or method != info.compress_type or not same_size:
            raise SourceError(f"the ZIP entry {shown} contradicts its own header")
        end = info.header_offset + _LOCAL_SIZE + name + extra + info.compress_size
        if end > directory:
            raise SourceError(f"the ZIP entry {shown} overlaps the directory")
