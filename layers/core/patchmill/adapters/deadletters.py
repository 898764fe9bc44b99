"""Dead letters in MySQL: records that can never be worked on, with cause and payload, once per position."""

from __future__ import annotations

from patchmill.adapters import statmoves
from patchmill.adapters.database import Cursor, Database
from patchmill.adapters.statmoves import TOTAL, Move

MAX_PAYLOAD = 64 * 1024


class DeadLetters:
    def __init__(self, database: Database) -> None:
        self._db = database

    def park(self, source: str, position: str, cause: str, payload: str) -> bool:
        """Keep a record; True when it is new. `source` and `position` say where it stood: a topic and its offset."""

        def work(cursor: Cursor) -> bool:
            changed = cursor.change(
                "INSERT INTO dead_letters (source, position, cause, payload, first_at, last_at) "
                "VALUES (%s, %s, %s, %s, NOW(3), NOW(3)) ON DUPLICATE KEY UPDATE seen = seen + 1, last_at = NOW(3)",
                source[:249].encode("ascii", "replace").decode(),
                position[:64].encode("ascii", "replace").decode(),
                cause[:500],
                payload[:MAX_PAYLOAD],
            )
            if changed == 1:
                statmoves.move(cursor, position, TOTAL, [Move("dead_letters_total", ())])
            return changed == 1

        return self._db.transaction(work)

    def causes(self, limit: int) -> list[tuple[str, int]]:
        """(cause, number of records) among the newest 10,000, the most frequent first."""
        found = self._db.transaction(
            lambda c: c.rows(
                "SELECT cause, COUNT(*) AS number FROM (SELECT cause FROM dead_letters ORDER BY id DESC LIMIT 10000) "
                "AS newest GROUP BY cause ORDER BY number DESC, cause LIMIT %s",
                limit,
            )
        )
        return [(row["cause"], int(row["number"])) for row in found]
