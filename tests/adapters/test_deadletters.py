"""Dead letters in a real MariaDB."""

from patchmill.adapters.database import Database
from patchmill.adapters.deadletters import DeadLetters
from tests.support.engines import MariaDb


def test_record_is_parked_once_per_position_and_counted(mariadb: MariaDb) -> None:
    database = Database(mariadb.fresh())
    letters = DeadLetters(database)
    assert letters.park("codex-tasks", "1/36", "no JSON", "x" * 100_000)
    assert not letters.park("codex-tasks", "1/36", "no JSON", "x")
    assert letters.park("codex-tasks", "1/37", "no JSON", "项\x00")
    rows = database.transaction(lambda c: c.rows("SELECT position, seen, LENGTH(payload) AS n FROM dead_letters"))
    assert sorted((r["position"], r["seen"], r["n"]) for r in rows) == [("1/36", 2, 65536), ("1/37", 1, 4)]
    database.close()
