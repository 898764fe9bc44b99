"""The log records of all topics in one SQLite file: what the functions wrote, found again by topic and time.

A record is a flat object; its values are kept as texts, as CLS keeps them. A line that is a JSON object is delivered as
fields, too: the texts and numbers of its first level (https://cloud.tencent.com/document/product/583/18032). What is
older than its topic's period goes when the topic is searched; and of all topics together only the newest records are
kept, as this is one machine's disk.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_RECORDS = 200_000
"""Our own choice: about 100 MB."""
_TRIM_EVERY = 100


@dataclass(frozen=True)
class LogRecord:
    """`number` grows with every record; `time_ms` in milliseconds since the epoch."""

    number: int
    time_ms: int
    fields: dict[str, str]


class LogStore:
    """One thread's at a time. `path` None keeps all in memory."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time, *, most: int = MOST_RECORDS) -> None:
        """`most`: of more records than that, the oldest are forgotten."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._clock, self._most = clock, most
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, topic TEXT, time_ms INTEGER, fields TEXT)"
        )
        self._db.execute("CREATE INDEX IF NOT EXISTS by_time ON records (topic, time_ms, number)")

    def put(self, topic_id: str, record: dict[str, Any]) -> None:
        """Add it with the time of now. Texts stay as they are, other values become JSON."""
        whole = {**_fields_of(record.get("SCF_Message")), **record}
        fields = {key: value if isinstance(value, str) else json.dumps(value) for key, value in whole.items()}
        body = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        values = (topic_id, int(self._clock() * 1000), body)
        number = self._db.execute("INSERT INTO records (topic, time_ms, fields) VALUES (?, ?, ?)", values).lastrowid
        if number and number % _TRIM_EVERY == 0:
            self._db.execute("DELETE FROM records WHERE number <= ?", (number - self._most,))

    def between(self, topic_id: str, from_ms: int, to_ms: int, *, newest_first: bool) -> Iterator[LogRecord]:
        """Those of from_ms on and before to_ms, by time and, at the same time, in the order they came."""
        order = "DESC" if newest_first else "ASC"
        rows = self._db.execute(
            f"SELECT number, time_ms, fields FROM records WHERE topic = ? AND time_ms >= ? AND time_ms < ? "  # noqa: S608
            f"ORDER BY time_ms {order}, number {order}",
            (topic_id, from_ms, to_ms),
        )
        for number, time_ms, fields in rows:
            yield LogRecord(number, time_ms, json.loads(fields))

    def forget(self, topic_id: str, before_ms: int | None = None) -> None:
        """Delete the records of a topic, or only those of before `before_ms`."""
        self._db.execute(
            "DELETE FROM records WHERE topic = ? AND (? IS NULL OR time_ms < ?)", (topic_id, before_ms, before_ms)
        )

    def close(self) -> None:
        self._db.close()


def _fields_of(message: Any) -> dict[str, Any]:
    """What a function's line adds to its record; nothing, when it is no JSON object."""
    if not isinstance(message, str) or not message.startswith("{"):
        return {}
    try:
        line = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return {
        key: value
        for key, value in line.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
