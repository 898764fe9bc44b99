"""A private MariaDB server: a data folder and a unix socket in, a durable MySQL-protocol database out.

No TCP port; whoever may enter the socket's folder is root in it. Small on purpose (a 32 MB buffer pool, no
performance schema) and as strict as production: READ COMMITTED, utf8mb4, UTC, every commit on disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

import pymysql

from emulator.services.process import Program, Service, ServiceError, find_program, minimal_environment

USER = "root"
SIZE_OPTIONS = (
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=16M",
    "--innodb-log-buffer-size=2M",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
    "--aria-pagecache-buffer-size=2M",
    "--key-buffer-size=1M",
    "--table-open-cache=256",
    "--max-connections=200",
)
RULES = (
    "--innodb-flush-log-at-trx-commit=1",
    "--transaction-isolation=READ-COMMITTED",
    "--character-set-server=utf8mb4",
    "--default-time-zone=+00:00",
    "--skip-networking",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--log-warnings=1",  # no line for each function instance that is killed with its connection open
)


def service(data: Path, path: Path, log: Path) -> Service:
    """The server over an installed `data` folder and the unix socket `path`, not yet started."""

    async def ready() -> bool:
        return await asyncio.to_thread(answers, path)

    argv = ["mariadbd", "--no-defaults", *_as_root(), f"--datadir={data}", f"--socket={path}", _tmpdir(data)]
    argv += [f"--pid-file={data}/mariadbd.pid", *SIZE_OPTIONS, *RULES]
    return Service(Program("mariadb", argv, log, ready))


def install(data: Path, log: Path) -> None:
    """Create the system tables once; an interrupted installation leaves nothing that counts. Raises ServiceError."""
    if data.exists():
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    half_done = data.with_name(data.name + ".installing")
    shutil.rmtree(half_done, ignore_errors=True)
    argv = [find_program("mariadb-install-db"), "--no-defaults", *_as_root(), f"--datadir={half_done}"]
    argv += ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", *SIZE_OPTIONS[:3]]
    argv.append(_tmpdir(data))
    with log.open("ab") as output:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=120, env=minimal_environment()
        )
    if done.returncode:
        raise ServiceError(f"mariadb-install-db ended with exit code {done.returncode}; see {log}")
    half_done.rename(data)


def answers(path: Path) -> bool:
    """True when the server accepts a connection of the administrator."""
    try:
        # PyMySQL leaves its socket open when the connection is refused, so it is asked only when something listens.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
        connect(path).close()
    except (OSError, pymysql.err.OperationalError):
        return False
    return True


def connect(path: Path, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """An autocommitting connection of the administrator."""
    return pymysql.connect(unix_socket=str(path), user=USER, database=database, autocommit=True, connect_timeout=10)


def create_database(path: Path, name: str) -> None:
    """Create the database unless it is there. `name` comes from this project, never from a request."""
    with connect(path) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")


def url(path: Path | str, database: str) -> str:
    """The address of a database, as functions and migrations take it."""
    return f"mysql://{USER}@localhost/{database}?unix_socket={quote(str(path), safe='/')}"


def _tmpdir(data: Path) -> str:
    """A folder of its own: a server that starts removes the temporary tables it finds, also those of another one."""
    folder = data.with_name(data.name + ".tmp")
    folder.mkdir(parents=True, exist_ok=True)
    return f"--tmpdir={folder}"


def _as_root() -> list[str]:
    # MariaDB refuses to run as root unless told so; an ordinary user may not name a user at all.
    return ["--user=root"] if os.geteuid() == 0 else []
