"""Running engines for tests, on the emulator's own services: one context manager each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pymysql
import redis

from emulator.listen import LoopThread
from emulator.services import kafka as kafka_service
from emulator.services import mariadb as mariadb_service
from emulator.services import redis as redis_service
from emulator.services.process import Service
from patchmill.adapters.migrations import migrate

REDIS_DATABASES = 16


@dataclass
class MariaDb:
    """A running MariaDB server on a unix socket."""

    socket: Path
    migrations: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def empty(self) -> str:
        """The URL of a new database without tables."""
        name = f"test_{next(self.numbers)}"
        mariadb_service.create_database(self.socket, name)
        return mariadb_service.url(self.socket, name)

    def fresh(self) -> str:
        """The URL of a new database with the project's migrations applied."""
        url = self.empty()
        migrate(url, self.migrations)
        return url

    def connect(self, url: str) -> pymysql.Connection[pymysql.cursors.Cursor]:
        """An autocommitting connection to the database of `url`."""
        return mariadb_service.connect(self.socket, url.split("/")[3].split("?")[0])


@dataclass
class Redis:
    """A running Redis server on a unix socket."""

    socket: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.cycle(range(REDIS_DATABASES)))

    def fresh(self) -> str:
        """The URL of an empty database: the server's sixteen are used in turn."""
        url = f"unix://{self.socket}?db={next(self.numbers)}"
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url


@dataclass
class Kafka:
    """A running broker on loopback."""

    bootstrap: str
    topics: kafka_service.Topics
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def having(self, *names: str) -> str:
        """The broker's address, once it has these topics."""
        for name in names:
            self.topics.create(name, 3)
        return self.bootstrap

    def topic(self, prefix: str = "topic") -> str:
        """The name of a new topic with 6 partitions."""
        name = f"{prefix}-{next(self.numbers)}"
        self.topics.create(name, 6)
        return name


@contextmanager
def run_mariadb(folder: Path, loop: LoopThread, migrations: Path) -> Iterator[MariaDb]:
    log = folder / "mariadb.log"
    mariadb_service.install(folder / "mysql", log)
    socket = folder / "mysql.sock"
    with running(mariadb_service.service(folder / "mysql", socket, log), loop):
        yield MariaDb(socket, migrations)


@contextmanager
def run_redis(folder: Path, loop: LoopThread) -> Iterator[Redis]:
    socket = folder / "redis.sock"
    with running(redis_service.service(folder / "redis", socket, folder / "redis.log"), loop):
        yield Redis(socket)


@contextmanager
def run_kafka(folder: Path, loop: LoopThread) -> Iterator[Kafka]:
    port = kafka_service.free_port()
    kept: dict[str, int] = {}
    with running(kafka_service.service(folder / "kafka", port, kept, folder / "kafka.log"), loop):
        yield Kafka(f"127.0.0.1:{port}", kafka_service.Topics(f"127.0.0.1:{port}", kept))


@contextmanager
def running(service: Service, loop: LoopThread) -> Iterator[Service]:
    """Start a service on the loop's thread and stop it at the end."""
    loop.run(service.start())
    try:
        yield service
    finally:
        loop.run(service.stop())
