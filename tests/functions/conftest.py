"""The functions' surroundings for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from patchmill import keys
from tests.support.cloud import Stand, run_stand
from tests.support.engines import Kafka, MariaDb, Redis
from tests.support.world import World


@pytest.fixture(scope="session")
def stand(engine_folder: Path) -> Iterator[Stand]:
    with run_stand(engine_folder / "stand") as stand:
        yield stand


@pytest.fixture(scope="session")
def topics(kafka_broker: Kafka) -> str:
    """The address of a broker that has the three topics."""
    return kafka_broker.having(keys.TOPIC_TASKS, keys.TOPIC_RESULTS, keys.TOPIC_DEAD)


@pytest.fixture
def world(
    stand: Stand, mariadb: MariaDb, redis_server: Redis, topics: str, request: pytest.FixtureRequest
) -> Iterator[World]:
    suffix = abs(hash(request.node.nodeid)) % 10**8
    world = World(
        stand,
        {
            "PATCHMILL_MYSQL_URL": mariadb.fresh(),
            "PATCHMILL_REDIS_URL": redis_server.fresh(),
            "PATCHMILL_KAFKA_BOOTSTRAP": topics,
            "PATCHMILL_CODE_BUCKET": f"code-{suffix}-1250000000",
            "PATCHMILL_LOGS_BUCKET": f"logs-{suffix}-1250000000",
        },
    )
    yield world
    world.close()
