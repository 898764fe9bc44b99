"""ZIP files byte by byte, so that they can say what no ZIP library would write. Format: PKWARE APPNOTE 6.3.10."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

FILE, FOLDER, LINK = 0o100644, 0o040755, 0o120777


@dataclass
class Entry:
    """One entry. What is None follows from the content; anything else is a lie to be told."""

    name: bytes
    content: bytes = b"x\n"
    mode: int = FILE
    method: Literal[0, 8] | int = 8
    flags: int = 0x800
    local_name: bytes | None = None
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    offset: int | None = None
    extra: bytes = b""

    def packed(self) -> bytes:
        if self.method != 8:
            return self.content
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        return squeeze.compress(self.content) + squeeze.flush()

    def numbers(self) -> tuple[int, int, int]:
        packed = len(self.packed()) if self.packed_size is None else self.packed_size
        size = len(self.content) if self.size is None else self.size
        return zlib.crc32(self.content) if self.crc is None else self.crc, packed, size


def build(*entries: Entry, before: bytes = b"", after: bytes = b"", comment: bytes = b"") -> bytes:
    """The archive; `before` shifts everything (offsets are right), `after` lies behind the end."""
    body, directory = before, b""
    for entry in entries:
        offset = len(body) if entry.offset is None else entry.offset
        local = entry.name if entry.local_name is None else entry.local_name
        common = (entry.flags, entry.method, 0, 33, *entry.numbers())
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *common, len(local), 0) + local + entry.packed()
        head = struct.pack("<4s6H3L", b"PK\1\2", 0x0314, 20, *common)
        tail = struct.pack("<5H2L", len(entry.name), len(entry.extra), 0, 0, 0, entry.mode << 16, offset)
        directory += head + tail + entry.name + entry.extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(body), len(comment))
    return body + directory + end + comment + after


def overlapping(count: int, size: int) -> bytes:
    """`count` entries that all unpack the same bytes: a bomb whose ratio no single entry shows."""
    entry = Entry(b"0", bytes(size))
    body = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0x800, 8, 0, 33, *entry.numbers(), 1, 0) + b"0" + entry.packed()
    directory = b""
    for _ in range(count):
        directory += struct.pack("<4s6H3L", b"PK\1\2", 0x0314, 20, 0x800, 8, 0, 33, *entry.numbers())
        directory += struct.pack("<5H2L", 1, 0, 0, 0, 0, FILE << 16, 0) + b"0"
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end
