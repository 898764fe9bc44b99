"""JSON documents by kind and key in one SQLite file: what the stand-ins of the platform's services remember.

It survives a SIGKILL of the emulator; a power failure may cost the last changes, and then everything is deployed anew.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Documents:
    """One thread's at a time: each call is one transaction. `path` None keeps all in memory."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        table = "documents (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
        self._db.execute(f"CREATE TABLE IF NOT EXISTS {table}")

    def get(self, kind: str, key: str) -> Document | None:
        row = self._db.execute("SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else _document(row[0])

    def put(self, kind: str, key: str, document: Document) -> None:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, body))

    def delete(self, kind: str, key: str) -> bool:
        """False when there was none."""
        return self._db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)).rowcount > 0

    def all(self, kind: str, folder: str = "") -> dict[str, Document]:
        """By key, in the keys' order; with `folder`, those whose keys begin with `<folder>/`."""
        begin, end = (f"{folder}/", f"{folder}0") if folder else ("", None)  # "0" is what follows "/"
        sql = "SELECT key, body FROM documents WHERE kind = ? AND key >= ? AND (? IS NULL OR key < ?) ORDER BY key"
        rows = self._db.execute(sql, (kind, begin, end, end))
        return {key: _document(body) for key, body in rows}

    def close(self) -> None:
        self._db.close()


def _document(body: str) -> Document:
    found: Document = json.loads(body)
    return found
