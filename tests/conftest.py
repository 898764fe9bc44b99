"""Engines shared by all tests: a real MariaDB, Redis and Kafka broker, each started once, when a test first asks.

They are children of the test process and die with it, however it ends.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.listen import LoopThread
from tests.support.engines import Kafka, MariaDb, Redis, run_kafka, run_mariadb, run_redis

PROJECT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    # kafka-python reads its protocol schemas by a function that Python 3.11 and 3.12 call deprecated (3.13 no more).
    config.addinivalue_line("filterwarnings", "ignore:(read|open)_text is deprecated:DeprecationWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers: a file's tests stay together, and so do all that share the end-to-end emulator."""
    for item in items:
        group = "e2e" if "e2e" in item.path.parts else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def engine_folder() -> Iterator[Path]:
    """A folder with a path short enough for unix sockets (pytest's own may be too deep)."""
    folder = Path(tempfile.mkdtemp(prefix="pm-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def engine_loop() -> Iterator[LoopThread]:
    """The event loop that watches over the engines."""
    loop = LoopThread()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def mariadb(engine_folder: Path, engine_loop: LoopThread) -> Iterator[MariaDb]:
    """A running MariaDB; `.fresh()` gives the URL of a new database with the project's migrations applied."""
    with run_mariadb(engine_folder, engine_loop, PROJECT / "layers/core/patchmill/migrations") as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(engine_folder: Path, engine_loop: LoopThread) -> Iterator[Redis]:
    """A running Redis; `.fresh()` gives the URL of an emptied database of it."""
    with run_redis(engine_folder, engine_loop) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_broker(engine_folder: Path, engine_loop: LoopThread) -> Iterator[Kafka]:
    """A running broker; `.bootstrap` is its address, `.topic("tasks")` creates a topic of a new name."""
    with run_kafka(engine_folder, engine_loop) as broker:
        yield broker
