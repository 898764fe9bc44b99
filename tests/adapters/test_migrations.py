"""Migrations against a real server: once each, two runs at once, after a kill, and what a faulty file says."""

from __future__ import annotations

import threading
from pathlib import Path

import pymysql
import pytest

from patchmill.adapters import migrations
from patchmill.adapters.database import Database, connect
from patchmill.adapters.migrations import migrate
from patchmill.errors import MigrationFailed, Unavailable
from tests.support.engines import MariaDb

ALL = sorted(file.stem for file in migrations.FOLDER.glob("*.sql") if "rollback" not in file.name)


def tables(url: str) -> set[str]:
    rows = Database(url).transaction(lambda c: c.rows("SHOW TABLES"))
    return {str(name) for row in rows for name in row.values()}


def applied(url: str) -> list[str]:
    rows = Database(url).transaction(lambda c: c.rows("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id"))
    return [row["migration_id"] for row in rows]


def run(url: str, *statements: str) -> None:
    with connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def file(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_each_file_is_applied_once_in_order(mariadb: MariaDb) -> None:
    url = mariadb.empty()
    assert migrate(url) == ALL
    assert {"tasks", "attempts", "outbox", "dead_letters"} <= tables(url)
    assert migrate(url) == []
    assert applied(url) == ALL


def test_new_file_is_applied_to_a_database_that_has_the_old_ones(mariadb: MariaDb, tmp_path: Path) -> None:
    url, folder = mariadb.empty(), tmp_path / "m"
    file(folder, "0001_a.sql", "-- one\n-- depends:\nCREATE TABLE IF NOT EXISTS a (id INT)")
    assert migrate(url, folder) == ["0001_a"]
    file(folder, "0002_b.sql", "-- two\n-- depends: 0001_a\nCREATE TABLE IF NOT EXISTS b (id INT)")
    assert migrate(url, folder) == ["0002_b"]


def test_two_runs_at_once_apply_each_file_once(mariadb: MariaDb) -> None:
    url = mariadb.empty()
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(migrate(url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [[], [], ALL]
    assert applied(url) == ALL


def test_run_waits_for_another_and_not_for_a_killed_one(mariadb: MariaDb) -> None:
    url = mariadb.empty()
    other = connect(url, autocommit=True)
    with other.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (migrations._lock_name(url),))
    with pytest.raises(Unavailable, match="under way"):
        migrate(url, wait_s=1)
    other.close()  # what the kernel does for a killed process
    assert migrate(url) == ALL


def test_lock_row_of_a_killed_run_is_broken(mariadb: MariaDb) -> None:
    url = mariadb.empty()
    run(
        url,
        "CREATE TABLE yoyo_lock (locked INT DEFAULT 1 PRIMARY KEY, ctime TIMESTAMP, pid INT NOT NULL)",
        "INSERT INTO yoyo_lock (pid) VALUES (1)",
    )
    assert migrate(url) == ALL


@pytest.mark.parametrize(
    "left",
    [
        ["CREATE TABLE _yoyo_migration (id VARCHAR(191) NOT NULL PRIMARY KEY, ctime TIMESTAMP)"],
        ["CREATE TABLE _yoyo_log (id VARCHAR(36) PRIMARY KEY)"],
        [
            "CREATE TABLE _yoyo_log (id VARCHAR(36) PRIMARY KEY)",
            "CREATE TABLE _yoyo_version (version INT NOT NULL PRIMARY KEY, installed_at_utc TIMESTAMP)",
            "CREATE TABLE _yoyo_migration (migration_hash VARCHAR(64) PRIMARY KEY)",
        ],
    ],
)
def test_run_killed_while_its_own_tables_were_made_runs_again(mariadb: MariaDb, left: list[str]) -> None:
    url = mariadb.empty()
    run(url, *left)
    assert migrate(url) == ALL


def test_migration_killed_in_the_middle_runs_again_from_its_start(mariadb: MariaDb) -> None:
    url = mariadb.empty()
    text = (migrations.FOLDER / f"{ALL[0]}.sql").read_text()
    first = text[text.index("CREATE TABLE") : text.index(";")]
    run(url, first)
    assert migrate(url) == ALL


def test_fault_of_a_file_says_what_the_database_said(mariadb: MariaDb, tmp_path: Path) -> None:
    url, folder = mariadb.empty(), tmp_path / "m"
    file(folder, "0001_a.sql", "-- one\n-- depends:\nCREATE TABLE a (id NONSENSE)")
    with pytest.raises(MigrationFailed, match="NONSENSE"):
        migrate(url, folder)
    file(folder, "0001_a.sql", "-- one\n-- depends:\nCREATE TABLE IF NOT EXISTS a (id INT)")
    assert migrate(url, folder) == ["0001_a"]


def test_server_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable) as caught:
        migrate("mysql://root:canary@127.0.0.1:1/patchmill")
    assert "canary" not in str(caught.value)
    assert isinstance(caught.value.__cause__, pymysql.err.OperationalError)
