"""Dead letters in MySQL: records that can never be worked on, with cause and payload, once per position."""

from __future__ import annotations

from patchmill.adapters.database import Database

MAX_PAYLOAD = 64 * 1024


class DeadLetters:
    def __init__(self, database: Database) -> None:
        self._db = database

    def park(self, source: str, position: str, cause: str, payload: str) -> bool:
        """Keep a record; True when it is new. `source` and `position` say where it stood: a topic and its offset."""
        changed = self._db.transaction(
            lambda c: c.change(
                "INSERT INTO dead_letters (source, position, cause, payload, first_at, last_at) "
                "VALUES (%s, %s, %s, %s, NOW(3), NOW(3)) ON DUPLICATE KEY UPDATE seen = seen + 1, last_at = NOW(3)",
                source[:249].encode("ascii", "replace").decode(),
                position[:64].encode("ascii", "replace").decode(),
                cause[:500],
                payload[:MAX_PAYLOAD],
            )
        )
        return changed == 1
