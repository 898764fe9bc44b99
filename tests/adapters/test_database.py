"""Transactions against a real MariaDB: lost connections, deadlocks and what a rollback undoes."""

import threading
from collections.abc import Iterator

import pymysql
import pytest

from patchmill.adapters.database import Cursor, Database
from patchmill.errors import Unavailable
from tests.support.engines import MariaDb


@pytest.fixture
def url(mariadb: MariaDb) -> str:
    url = mariadb.empty()
    database = Database(url)
    database.transaction(lambda c: c.change("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)"))
    database.transaction(lambda c: c.change("INSERT INTO t VALUES (1, 0), (2, 0)"))
    database.close()
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


def kill_connections(mariadb: MariaDb, url: str) -> None:
    name = url.split("/")[3].split("?")[0]
    connection = mariadb.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()", (name,))
        for (number,) in list(cursor.fetchall()):
            cursor.execute(f"KILL {int(number)}")
    connection.close()


def test_error_of_the_work_rolls_back(database: Database) -> None:
    def work(cursor: Cursor) -> None:
        cursor.change("UPDATE t SET n = 5")
        raise KeyError("no")

    with pytest.raises(KeyError):
        database.transaction(work)
    assert database.transaction(lambda c: c.row("SELECT SUM(n) AS n FROM t")) == {"n": 0}


def test_times_are_utc_and_isolation_is_read_committed(url: str, database: Database) -> None:
    row = database.transaction(lambda c: c.row("SELECT @@time_zone AS zone, TIMEDIFF(NOW(), UTC_TIMESTAMP()) AS d"))
    assert row is not None and row["zone"] == "+00:00" and row["d"].total_seconds() == 0
    other = Database(url)
    seen: list[object] = []

    def reader(cursor: Cursor) -> None:
        seen.append(cursor.row("SELECT n FROM t WHERE id = 1"))
        other.transaction(lambda c: c.change("UPDATE t SET n = 7 WHERE id = 1"))
        seen.append(cursor.row("SELECT n FROM t WHERE id = 1"))

    database.transaction(reader)
    other.close()
    assert seen == [{"n": 0}, {"n": 7}]


def test_lost_connection_is_made_again(mariadb: MariaDb, url: str, database: Database) -> None:
    database.transaction(lambda c: c.rows("SELECT 1"))
    kill_connections(mariadb, url)
    assert database.transaction(lambda c: c.row("SELECT n FROM t WHERE id = 2")) == {"n": 0}


def test_connection_lost_inside_a_transaction_repeats_it(mariadb: MariaDb, url: str, database: Database) -> None:
    tries: list[int] = []

    def work(cursor: Cursor) -> int:
        tries.append(1)
        changed = cursor.change("UPDATE t SET n = n + 1 WHERE id = 1")
        if len(tries) == 1:
            kill_connections(mariadb, url)
        return changed

    assert database.transaction(work) == 1
    assert len(tries) == 2
    assert database.transaction(lambda c: c.row("SELECT n FROM t WHERE id = 1")) == {"n": 1}


def test_deadlock_is_repeated(url: str) -> None:
    barrier = threading.Barrier(2, timeout=10)
    counts = [0, 0]

    def worker(me: int) -> None:
        database = Database(url)

        def work(cursor: Cursor) -> None:
            counts[me] += 1
            cursor.change("UPDATE t SET n = n + 1 WHERE id = %s", 1 + me)
            if counts[me] == 1:
                barrier.wait()
            cursor.change("UPDATE t SET n = n + 1 WHERE id = %s", 2 - me)

        database.transaction(work)
        database.close()

    threads = [threading.Thread(target=worker, args=(me,)) for me in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum(counts) == 3
    check = Database(url)
    assert check.transaction(lambda c: c.rows("SELECT n FROM t ORDER BY id")) == [{"n": 2}, {"n": 2}]
    check.close()


def test_unreachable_server_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        Database("mysql://root@127.0.0.1:1/none").transaction(lambda c: c.row("SELECT 1"))


def test_refusal_by_the_server_rolls_back_and_is_unavailable(url: str, database: Database) -> None:
    def work(cursor: Cursor) -> None:
        cursor.change("UPDATE t SET n = 9")
        cursor.change("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'read-only'")

    with pytest.raises(Unavailable):
        database.transaction(work)
    database.transaction(lambda c: c.row("SELECT 1"))
    other = Database(url)
    assert other.transaction(lambda c: c.row("SELECT MAX(n) AS n FROM t")) == {"n": 0}
    other.close()


def test_wrong_statement_is_our_error_and_not_repeated(database: Database) -> None:
    with pytest.raises(pymysql.err.ProgrammingError):
        database.transaction(lambda c: c.row("SELEC 1"))
    assert database.transaction(lambda c: c.row("SELECT 1 AS one")) == {"one": 1}
