"""Stand-ins that several test files of this folder use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emulator.services import mariadb
from tests.support.cos import CosServer
from tests.support.small_emulator import Emulator, make_emulator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosServer]:
    with closing(CosServer(tmp_path_factory.mktemp("cos"))) as server:
        yield server


@pytest.fixture
def cos(server: CosServer) -> CosServer:
    server.reset()
    return server


@pytest.fixture(scope="module")
def system_tables(engine_folder: Path) -> Path:
    """A data folder of MariaDB, made once and copied: that is what takes longest in a first start."""
    mariadb.install(engine_folder / "template", engine_folder / "template.log")
    return engine_folder / "template"


@pytest.fixture
def emulator(engine_folder: Path, system_tables: Path) -> Iterator[Emulator]:
    """An emulator of the test's own, not started; stopped at the end."""
    folder = engine_folder / f"e{time.monotonic_ns()}"
    made = make_emulator(folder, system_tables)
    yield made
    made.run("down")
    shutil.rmtree(folder)
