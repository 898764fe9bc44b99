"""What is in a bucket: prefix, delimiter and marker in, one page of keys and common prefixes out."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from emulator.cos.store import Store


@dataclass(frozen=True)
class Entry:
    key: str
    size: int  # bytes
    etag: str
    modified: int  # milliseconds since the epoch


@dataclass
class Page:
    """At most `limit` entries and groups together, in the order of their UTF-8 bytes."""

    entries: list[Entry] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)  # common prefixes, each with its delimiter
    next_marker: str | None = None  # the last key or group of this page when there is more

    def __len__(self) -> int:
        return len(self.entries) + len(self.groups)


def page(store: Store, bucket: str, prefix: str, delimiter: str, marker: str, limit: int) -> Page:
    """One page, of what comes after `marker`. Raises CosError NoSuchBucket."""
    store.require_bucket(bucket)
    result, last = Page(), ""
    low, high = _start(prefix, delimiter, marker), _after(prefix)
    with store.index.read() as db:
        while limit:
            found = _first(db, bucket, low, high, prefix, delimiter, limit - len(result))
            for item in found:
                if len(result) == limit:
                    result.next_marker = last
                    return result
                last = item if isinstance(item, str) else item.key
                if isinstance(item, str):
                    result.groups.append(item)
                    low = _after(item)
                else:
                    result.entries.append(item)
            if not found or not isinstance(found[-1], str):
                break
    return result


def _first(
    db: sqlite3.Connection, bucket: str, low: bytes, high: bytes, prefix: str, delimiter: str, room: int
) -> list[Entry | str]:
    """Entries up to and including the first group, one more than there is room for."""
    rows = db.execute(
        "SELECT key, size, etag, modified FROM objects WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
        (bucket, low, high, room + 1),
    )
    found: list[Entry | str] = []
    for raw, size, etag, modified in rows:
        key = raw.decode()
        if group := _group(key, prefix, delimiter):
            found.append(group)
            break
        found.append(Entry(key, size, etag, modified))
    return found


def _group(key: str, prefix: str, delimiter: str) -> str | None:
    """`key` up to the first delimiter after the prefix."""
    if not delimiter or (end := key.find(delimiter, len(prefix))) < 0:
        return None
    return key[: end + len(delimiter)]


def _start(prefix: str, delimiter: str, marker: str) -> bytes:
    """The smallest key that may come after `marker`: a group's marker stands for everything in the group."""
    if marker.startswith(prefix) and (group := _group(marker, prefix, delimiter)):
        return _after(group)
    return max(prefix.encode(), marker.encode() + b"\0" if marker else b"")


def _after(prefix: str) -> bytes:
    """The smallest byte string that is greater than everything with this prefix (UTF-8 never has a byte 255)."""
    raw = prefix.encode()
    return raw[:-1] + bytes([raw[-1] + 1]) if raw else b"\xff"
