"""The whole road, end to end: one emulator for all tests, as `make up` starts it, and what a user holds in hand.

It runs with canaries for secrets: an OpenAI key that a loopback endpoint takes, and a second tenant's API key.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.emulator_process import EmulatorProcess
from tests.support.gate import Gate, gate
from tests.support.model_server import ModelServer, model_server
from tests.support.otlp import Collector, collector
from tests.support.road import Road

SWEEP = {"PATCHMILL_SWEEP_CRON": "* * * * * * *"}
REQUEUE = ("--set", "PATCHMILL_REQUEUE_AFTER_S=2")
MODEL_KEY = "sk-canary-7f3b9c5e1d2a4860"
OTHER_KEY = "pm_canary_of_another_tenant_5d0c"


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    """The endpoint that the emulator was told is OpenAI's."""
    with model_server() as server:
        yield server


@pytest.fixture(scope="session")
def spans() -> Iterator[Collector]:
    """The collector that the functions send their spans to."""
    with collector() as server:
        yield server


@pytest.fixture(scope="session")
def cloud(model: ModelServer, spans: Collector) -> Iterator[EmulatorProcess]:
    """The emulator that all tests share; 4 slots, a sweep every second."""
    traced = ("--set", f"PATCHMILL_OTLP_ENDPOINT={spans.endpoint}")
    environ = {
        **SWEEP,
        "OPENAI_API_KEY": MODEL_KEY,
        "OPENAI_BASE_URL": model.url,
        "PATCHMILL_EXTRA_API_KEYS": f"globex={OTHER_KEY}",
    }
    emulator = EmulatorProcess(environ, ("--slots", "4", *REQUEUE, *traced))
    try:
        emulator.up()
        yield emulator
    finally:
        emulator.close()


@pytest.fixture(scope="session")
def road(cloud: EmulatorProcess) -> Iterator[Road]:
    """What stands around the shared emulator's road."""
    each = Road(cloud.values)
    yield each
    each.close()


@pytest.fixture
def other_key() -> str:
    """The key of another tenant."""
    return OTHER_KEY


@pytest.fixture
def closed_gate() -> Iterator[Gate]:
    """A gate at which commands wait until the test opens it."""
    with gate() as each:
        yield each


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A real package as PyPI has it, with files that ruff mends without leaving anything over."""
    return unpacked("markdown_it", tmp_path)


def unpacked(name: str, folder: Path) -> Path:
    """A copy of an installed package's source, and some lint of our own."""
    source = Path(str(import_module(name).__file__)).parent
    target = folder / "package" / name
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    (target / "added.py").write_text("import os\nimport sys\n\nprint(sys.argv)\n")
    return target.parent
