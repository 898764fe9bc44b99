"""The client's tests: the real command against an in-memory second implementation of the API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from typer.testing import CliRunner

from patchmill_client import Client
from patchmill_client.cli import app
from tests.support.fake_api import KEY, FakeApi, serving

PATCHMILL = [sys.executable, "-c", "from patchmill_client.cli import main; main()"]


class Ran:
    """How a command ended and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Run = Callable[..., Ran]


class _Front(FakeApi):
    """One server for all tests: each test gets a fresh API behind it."""

    behind = FakeApi()

    async def answer(self, request: Request) -> Response:
        return await self.behind.answer(request)


@pytest.fixture(scope="session")
def front() -> Iterator[_Front]:
    with serving(_Front()) as each:
        yield each


@pytest.fixture
def api(front: _Front) -> FakeApi:
    front.behind = FakeApi()
    front.behind.url = front.url
    return front.behind


@pytest.fixture
def client(api: FakeApi) -> Iterator[Client]:
    with Client(api.url, KEY) as each:
        yield each


@pytest.fixture
def environment(api: FakeApi) -> dict[str, str]:
    return {"PATCHMILL_URL": api.url, "PATCHMILL_API_KEY": KEY}


@pytest.fixture
def patchmill(environment: dict[str, str]) -> Run:
    """Run the command in this process: `patchmill("status", "ID")`."""

    def run(*arguments: str | Path, env: Mapping[str, str | None] | None = None, stdin: bytes = b"") -> Ran:
        settings: dict[str, str | None] = {**environment, "COLUMNS": "200", **(env or {})}
        result = CliRunner().invoke(app, [str(each) for each in arguments], env=settings, input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def started(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start the command as a process of its own; it is killed at the test's end if it still runs."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str | Path, env: Mapping[str, str] | None = None, **options: int) -> subprocess.Popen[bytes]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | options
        settings = {"TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path), **environment, **(env or {})}
        outside = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        process = subprocess.Popen(  # type: ignore[call-overload]
            [*PATCHMILL, *map(str, arguments)], env={**outside, **settings}, **pipes
        )
        processes.append(process)
        return process  # type: ignore[no-any-return]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small project that is no Git checkout."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "greet.py").write_text('print("helo")\n')
    return project
