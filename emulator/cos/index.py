"""Which objects there are: a SQLite file whose commits are the moments at which changes become visible.

A commit is on the disk when `change` returns (synchronous=FULL). Keys are kept as UTF-8 bytes, because COS lists them
in that order. One connection behind one lock: SQLite has one writer anyway, and reads take microseconds.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL REFERENCES buckets, key BLOB NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modified INTEGER NOT NULL, headers TEXT NOT NULL, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    bucket TEXT NOT NULL REFERENCES buckets, key BLOB NOT NULL, id TEXT NOT NULL UNIQUE,
    started INTEGER NOT NULL, headers TEXT NOT NULL, PRIMARY KEY (bucket, key, started, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE, number INTEGER NOT NULL, body TEXT NOT NULL,
    size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL, PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (
    bucket TEXT NOT NULL REFERENCES buckets (name) ON DELETE CASCADE, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
"""


class Index:
    """The tables. Blocking: use it on a worker thread.

    Raises RuntimeError when another process has the file open.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            # Exclusive: two emulators on one folder would sweep each other's bodies away.
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as e:
            self._db.close()
            raise RuntimeError(f"{path} can't be used ({e}); is another emulator running on it?") from e

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            yield self._db

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or, when the block raises, nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def bodies(self) -> set[str]:
        """The names of all bodies in use."""
        with self.read() as db:
            return {name for (name,) in db.execute("SELECT body FROM objects UNION ALL SELECT body FROM parts")}

    def close(self) -> None:
        with self._lock:
            self._db.close()
