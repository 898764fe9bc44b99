"""The engines of one emulator: root folder and ports in, running MariaDB, Redis and broker with their content out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from emulator.services import kafka, mariadb, redis
from emulator.services.process import Service
from emulator.variables import DATABASE

Progress = Callable[[str], None]


class Engines:
    """MariaDB, Redis and, unless the caller has a broker of their own, Kafka."""

    def __init__(
        self, root: Path, sockets: Path, kafka_port: int | None, topics: dict[str, int], progress: Progress
    ) -> None:
        """`kafka_port` None: no broker is started. `topics` are those that a restarted broker gets again."""
        self._data, self._logs, self._progress = root / "mysql", root / "logs", progress
        self._mysql_socket = sockets / "mysql.sock"
        self._logs.mkdir(parents=True, exist_ok=True)
        self.services = [
            mariadb.service(self._data, self._mysql_socket, self._logs / "mariadb.log"),
            redis.service(root / "redis", sockets / "redis.sock", self._logs / "redis.log"),
        ]
        if kafka_port is not None:
            self.services.append(kafka.service(root / "kafka", kafka_port, topics, self._logs / "kafka.log"))

    async def start(self) -> None:
        """Return when all of them answer. Raises ServiceError; then none of them runs."""
        if not self._data.exists():
            self._progress("mariadb: creating the system tables (once)")
            await asyncio.to_thread(mariadb.install, self._data, self._logs / "mariadb.log")
        try:
            await together(self._start(service) for service in self.services)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all of them; MariaDB last but at the same time."""
        await asyncio.gather(*(service.stop() for service in self.services))

    async def fill(self) -> None:
        """Create the empty database: the instance and its database are given, as on the platform."""
        await asyncio.to_thread(mariadb.create_database, self._mysql_socket, DATABASE)

    async def _start(self, service: Service) -> None:
        began = time.monotonic()
        await service.start()
        self._progress(f"{service.program.name}: answers after {time.monotonic() - began:.2f} s")


async def together(coroutines: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Run them at the same time; at the first error the others are cancelled and it is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
