"""Buckets and objects: bytes in `bodies/`, everything else in `index.sqlite`, both under one folder.

Every method blocks on the disk and belongs on a worker thread; all may be called from several at once. When a changing
method returns, the change is on the disk; killed at any moment before, the emulator wakes up without it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from emulator.cos.bodies import Bodies, Draft
from emulator.cos.errors import CosError, no_such_bucket, no_such_key
from emulator.cos.index import Index

Headers = dict[str, str]


@dataclass(frozen=True)
class Stored:
    """An object without its bytes."""

    key: str
    body: str  # the name of its bytes in `Bodies`
    size: int  # bytes
    etag: str  # quoted, as it goes over the wire
    modified: int  # milliseconds since the epoch
    headers: Headers  # Content-Type and so on, x-cos-meta-*


class Store:
    """All buckets of the account. Raises RuntimeError when another process uses the folder."""

    def __init__(self, root: Path) -> None:
        self.bodies = Bodies(root / "bodies")
        self.index = Index(root / "index.sqlite")
        self.bodies.sweep(self.index.bodies())

    def close(self) -> None:
        self.index.close()

    def create_bucket(self, bucket: str, tags: Any = None) -> bool:
        """True when it is new; then it has these `tags` (a document of configuration.py) from the first moment."""
        with self.index.change() as db:
            made = db.execute("INSERT OR IGNORE INTO buckets VALUES (?, ?)", (bucket, now())).rowcount == 1
            if made and tags is not None:
                db.execute("INSERT INTO settings VALUES (?, 'tagging', ?)", (bucket, json.dumps(tags)))
            return made

    def require_bucket(self, bucket: str) -> None:
        """Raises CosError NoSuchBucket."""
        with self.index.read() as db:
            if db.execute("SELECT 1 FROM buckets WHERE name = ?", (bucket,)).fetchone() is None:
                raise no_such_bucket()

    def delete_bucket(self, bucket: str) -> None:
        """Raises CosError NoSuchBucket, BucketNotEmpty (objects or unfinished uploads)."""
        try:
            with self.index.change() as db:
                if db.execute("DELETE FROM buckets WHERE name = ?", (bucket,)).rowcount == 0:
                    raise no_such_bucket()
        except sqlite3.IntegrityError as e:
            raise CosError("BucketNotEmpty", "The bucket still holds objects or unfinished uploads.") from e

    def buckets(self) -> list[tuple[str, int]]:
        """(name, created in milliseconds since the epoch), by name."""
        with self.index.read() as db:
            return list(db.execute("SELECT name, created FROM buckets ORDER BY name"))

    def put(self, bucket: str, key: str, headers: Headers, draft: Draft) -> Stored:
        """Make the draft the object's body. Raises CosError NoSuchBucket; the draft is then the caller's to discard."""
        draft.keep()
        stored = Stored(key, draft.name, draft.size, f'"{draft.md5.hex()}"', now(), headers)
        self._replace(bucket, stored)
        return stored

    def copy(
        self, source: tuple[str, str], target: tuple[str, str], headers: Headers | None, check: Callable[[Stored], None]
    ) -> Stored:
        """Copy within the store, the metadata with it unless `headers` replace it. `check` may raise on the source.

        Raises CosError NoSuchBucket, NoSuchKey (of the source).
        """
        with self.index.read() as db:
            original = _get(db, *source)
            check(original)
            body = self.bodies.link(original.body)
        bucket, key = target
        stored = Stored(
            key, body, original.size, original.etag, now(), original.headers if headers is None else headers
        )
        try:
            self._replace(bucket, stored)
        except CosError:
            self.bodies.remove(body)
            raise
        return stored

    def head(self, bucket: str, key: str) -> Stored:
        """Raises CosError NoSuchBucket, NoSuchKey."""
        with self.index.read() as db:
            return _get(db, bucket, key)

    def open(self, bucket: str, key: str) -> tuple[Stored, BinaryIO]:
        """The object and its bytes, which stay readable even if it is replaced or deleted meanwhile."""
        with self.index.read() as db:
            stored = _get(db, bucket, key)
            return stored, self.bodies.open(stored.body)

    def path(self, bucket: str, key: str) -> Path | None:
        """The file with the object's bytes, to be read at once: it goes when the object is replaced or deleted."""
        try:
            return self.bodies.path(self.head(bucket, key).body)
        except CosError:
            return None

    def delete(self, bucket: str, key: str) -> Stored | None:
        """What was removed; None when there was nothing. Raises CosError NoSuchBucket."""
        try:
            with self.index.change() as db:
                stored = _get(db, bucket, key)
                db.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode()))
        except CosError as e:
            if e.code != "NoSuchKey":
                raise
            return None
        self.bodies.remove(stored.body)
        return stored

    def keys_before(self, bucket: str, prefix: str, limit_ms: int) -> list[str]:
        """Keys with this prefix whose object was last changed at `limit_ms` since the epoch or before."""
        raw = prefix.encode()
        with self.index.read() as db:
            rows = db.execute(
                "SELECT key FROM objects WHERE bucket = ? AND key >= ? AND substr(key, 1, ?) = ? AND modified <= ?",
                (bucket, raw, len(raw), raw, limit_ms),
            ).fetchall()
        return [key.decode() for (key,) in rows]

    def setting(self, bucket: str, name: str) -> Any:
        """One part of the bucket's configuration, JSON; None when it was never set. Raises CosError NoSuchBucket."""
        self.require_bucket(bucket)
        with self.index.read() as db:
            row = db.execute("SELECT body FROM settings WHERE bucket = ? AND name = ?", (bucket, name)).fetchone()
        return None if row is None else json.loads(row[0])

    def set_setting(self, bucket: str, name: str, value: Any) -> None:
        """Replace one part of the configuration; None removes it. Raises CosError NoSuchBucket."""
        self.require_bucket(bucket)
        with self.index.change() as db:
            db.execute("DELETE FROM settings WHERE bucket = ? AND name = ?", (bucket, name))
            if value is not None:
                row = (bucket, name, json.dumps(value))
                db.execute("INSERT INTO settings SELECT ?, ?, ? FROM buckets WHERE name = ?", (*row, bucket))

    def _replace(self, bucket: str, stored: Stored) -> None:
        with self.index.change() as db:
            replaced = insert(db, bucket, stored)
        self.bodies.remove(*replaced)


def insert(db: sqlite3.Connection, bucket: str, stored: Stored) -> list[str]:
    """Within a transaction: the object's new row in, the bodies that are no longer named out."""
    key = stored.key.encode()
    old = db.execute("SELECT body FROM objects WHERE bucket = ? AND key = ?", (bucket, key)).fetchall()
    row = (bucket, key, stored.body, stored.size, stored.etag, stored.modified, json.dumps(stored.headers))
    try:
        db.execute("REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError as e:
        raise no_such_bucket() from e
    return [body for (body,) in old]


def _get(db: sqlite3.Connection, bucket: str, key: str) -> Stored:
    row = db.execute(
        "SELECT body, size, etag, modified, headers FROM buckets LEFT JOIN objects ON bucket = name AND key = ?"
        " WHERE name = ?",
        (key.encode(), bucket),
    ).fetchone()
    if row is None:
        raise no_such_bucket()
    if row[0] is None:
        raise no_such_key()
    body, size, etag, modified, headers = row
    return Stored(key, body, size, etag, modified, json.loads(headers))


def now() -> int:
    """Milliseconds since the epoch, as COS's lists show them."""
    return int(time.time()) * 1000
