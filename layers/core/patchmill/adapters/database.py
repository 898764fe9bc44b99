"""MySQL through PyMySQL: one connection per instance, transactions that are repeated when the server says so.

READ COMMITTED, UTC, strict mode. State changes are compare-and-set UPDATEs, so a transaction may be run again: one that
had committed after all then changes no row, and its caller reads back what stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import DictCursor

from patchmill.errors import Unavailable

T = TypeVar("T")
Row = dict[str, Any]

_CONFLICT = {1205, 1213}  # lock wait time-out, deadlock
_TRIES = 3
_CONNECT_S, _ANSWER_S = 5, 15


class Cursor:
    """Statements inside one transaction. Parameters only by %s."""

    def __init__(self, cursor: DictCursor) -> None:
        self._cursor = cursor

    def change(self, sql: str, *params: object) -> int:
        """Number of rows matched by an UPDATE, or changed by another statement."""
        return int(self._cursor.execute(sql, params))

    def rows(self, sql: str, *params: object) -> list[Row]:
        self._cursor.execute(sql, params)
        return list(self._cursor.fetchall())

    def row(self, sql: str, *params: object) -> Row | None:
        self._cursor.execute(sql, params)
        return self._cursor.fetchone()


class Database:
    """mysql://user:password@host:port/name, or with ?unix_socket=/path. Connects at the first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection[DictCursor] | None = None

    def transaction(self, work: Callable[[Cursor], T]) -> T:
        """Run `work` and commit; every error rolls back. Raises Unavailable when the server does not do its part."""
        problem: Exception | None = None
        for _ in range(_TRIES):
            try:
                return self._once(work)
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError) as error:
                # Only a conflict leaves a connection that is worth keeping: a server that is full, read-only since a
                # failover, or shutting down is asked anew.
                if not (isinstance(error, pymysql.err.OperationalError) and error.args and error.args[0] in _CONFLICT):
                    self.close()
                problem = error
        raise Unavailable("MySQL does not answer") from problem

    def _once(self, work: Callable[[Cursor], T]) -> T:
        connection = self._connected()
        with connection.cursor() as cursor:
            try:
                value = work(Cursor(cursor))  # its first statement begins the transaction: autocommit is off
                connection.commit()
            except BaseException:
                self._roll_back(connection)
                raise
        return value

    def _roll_back(self, connection: Connection[DictCursor]) -> None:
        try:
            connection.rollback()
        except (pymysql.err.Error, OSError):
            self.close()

    def _connected(self) -> Connection[DictCursor]:
        if self._connection is None:
            connection = connect(
                self._url,
                cursorclass=DictCursor,
                read_timeout=_ANSWER_S,
                write_timeout=_ANSWER_S,
                autocommit=False,
                client_flag=pymysql.constants.CLIENT.FOUND_ROWS,
            )
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            self._connection = connection
        return self._connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except (pymysql.err.Error, OSError):
                return


def connect(url: str, **options: Any) -> Connection[Any]:
    """A connection to a database by its URL, in UTC and strict mode; `options` are PyMySQL's."""
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "localhost",
        port=parts.port or 3306,
        unix_socket=parse_qs(parts.query).get("unix_socket", [None])[0],
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/"),
        charset="utf8mb4",
        connect_timeout=_CONNECT_S,
        init_command="SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE'",
        **options,
    )
