"""The database's level: the numbered SQL files of this layer in, a database on that level out (yoyo-migrations).

Run before a release gets any traffic, in the functions' own network. Two runs at once wait for each other by GET_LOCK,
which ends with its connection: what a killed run leaves behind holds up nobody. Under it yoyo's own lock, a row, is
broken if found: only a run that was killed leaves one. A migration that was interrupted runs again from its start,
since MySQL does not roll back DDL; so the files say IF NOT EXISTS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql
from pymysql.connections import Connection

from patchmill import log
from patchmill.adapters.database import connect
from patchmill.errors import MigrationFailed, Unavailable

FOLDER = Path(__file__).resolve().parents[1] / "migrations"

_FORGET_S = 900
"""The longest that a function may run: a lock whose machine vanished ends when its connection was silent for so long.
"""


def migrate(url: str, folder: Path = FOLDER, wait_s: int = 30) -> list[str]:
    """Apply what is missing, in the files' order, and return the names applied. `url` as for Database.

    `wait_s`: how long another run is waited for.

    Raises Unavailable when the database does not answer or another run takes long, MigrationFailed for a faulty file.
    """
    try:
        with _alone(url, wait_s) as connection:
            _discard_half_made(connection)
            return _apply(url, folder)
    except (pymysql.err.Error, OSError) as error:
        if _away(error):
            raise Unavailable("MySQL does not answer") from error
        raise MigrationFailed(str(error)[:1000]) from error


def _away(error: Exception) -> bool:
    """The connection's fault, not a statement's: the client's own error codes are from 2000 to 2999."""
    code = error.args[0] if error.args else 0
    return not isinstance(error, pymysql.err.Error) or code == 0 or 2000 <= code < 3000


@contextmanager
def _alone(url: str, wait_s: int) -> Iterator[Connection[Any]]:
    connection = connect(url, autocommit=True)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION wait_timeout = %s", (_FORGET_S,))
            cursor.execute("SELECT GET_LOCK(%s, %s)", (_lock_name(url), wait_s))
            (got,) = cursor.fetchone()
        if got != 1:
            raise Unavailable("another run of the migrations is under way")
        yield connection
    finally:
        connection.close()  # and with it the lock


def _lock_name(url: str) -> str:
    """Such locks are the whole server's, and their names have at most 64 characters."""
    database = urlsplit(url).path.lstrip("/")
    return f"patchmill-{hashlib.sha256(database.encode()).hexdigest()[:16]}"


def _discard_half_made(connection: Connection[Any]) -> None:
    """Remove yoyo's own tables when their making was interrupted: it can't go on from there, and has recorded nothing
    yet.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        tables = {name for (name,) in cursor.fetchall()}
        if "_yoyo_version" in tables:
            cursor.execute("SELECT COUNT(*) FROM _yoyo_version")
            if cursor.fetchone() != (0,):
                return
        for table in sorted(tables & {"_yoyo_log", "_yoyo_migration", "_yoyo_version"}):
            cursor.execute(f"DROP TABLE {table}")


def _apply(url: str, folder: Path) -> list[str]:
    import yoyo
    from yoyo.backends.core.mysql import MySQLBackend
    from yoyo.connections import parse_uri
    from yoyo.migrations import default_migration_table

    class Backend(MySQLBackend):  # type: ignore[misc]  # yoyo has no types
        """yoyo's own, over connections like all others of ours: its own way to name the database is not PyMySQL's any
        more.
        """

        def connect(self, dburi: object) -> Connection[Any]:
            return connect(url)

    with Backend(parse_uri(url), default_migration_table) as backend:
        backend.init_database()
        backend.break_lock()
        wanted = backend.to_apply(yoyo.read_migrations(str(folder)))
        if wanted:
            with backend.lock():
                backend.apply_migrations(wanted)
        if left := [migration.id for migration in backend.to_apply(wanted)]:
            raise MigrationFailed(f"not applied: {', '.join(left)}")  # yoyo passes over a file that it can't read
        applied = [str(migration.id) for migration in wanted]
    log.info("migrated", applied=applied)
    return applied
