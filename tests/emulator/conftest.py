"""Stand-ins that several test files of this folder use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.cos import CosServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosServer]:
    with closing(CosServer(tmp_path_factory.mktemp("cos"))) as server:
        yield server


@pytest.fixture
def cos(server: CosServer) -> CosServer:
    server.reset()
    return server
