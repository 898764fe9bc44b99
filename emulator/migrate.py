"""Database migrations: a folder of numbered SQL files in, a database on their level out (yoyo-migrations)."""

from __future__ import annotations

from pathlib import Path

import pymysql
from yoyo import read_migrations
from yoyo.backends.core.mysql import MySQLBackend
from yoyo.connections import DatabaseURI, parse_uri
from yoyo.migrations import default_migration_table


def migrate(url: str, folder: Path) -> list[str]:
    """Apply what is missing, in the files' order, and return the names applied.

    `url` is mysql://user:password@host:port/database, with ?unix_socket=/path for a local server. Only one emulator
    runs per root, so a lock found here was left by a killed one and is broken. A migration that was interrupted runs
    again from its start: MySQL does not roll back DDL, so the files use IF NOT EXISTS. Raises whatever the database
    says about a faulty file.
    """
    with _Backend(parse_uri(url), default_migration_table) as backend:
        backend.init_database()
        backend.break_lock()
        wanted = backend.to_apply(read_migrations(str(folder)))
        if wanted:
            with backend.lock():
                backend.apply_migrations(wanted)
        return [migration.id for migration in wanted]


class _Backend(MySQLBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo's own, except that it names its database to PyMySQL as PyMySQL now wants it."""

    def connect(self, dburi: DatabaseURI) -> pymysql.Connection[pymysql.cursors.Cursor]:
        return pymysql.connect(
            host=dburi.hostname or "localhost",
            port=dburi.port or 3306,
            user=dburi.username,
            password=dburi.password or "",
            database=dburi.database,
            unix_socket=dburi.args.get("unix_socket"),
            charset="utf8mb4",
        )
