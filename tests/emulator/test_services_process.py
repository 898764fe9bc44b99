"""A supervised process: starts, fails to start, comes back, and never outlives its starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.listen import LoopThread
from emulator.services.process import Program, Service, ServiceError, rotate, tail


def program(folder: Path, script: str, timeout_s: float = 10) -> Program:
    """A shell script that counts as ready once it has made the file `ready`."""

    async def ready() -> bool:
        return (folder / "ready").exists()

    argv = ["sh", "-c", script]
    return Program("tester", argv, folder / "logs" / "t.log", ready, cwd=folder, start_timeout_s=timeout_s)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def wait_until(condition: object, limit_s: float = 10) -> None:
    assert callable(condition)
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.01)


def test_stopped_service_is_gone(engine_loop: LoopThread, tmp_path: Path) -> None:
    service = Service(program(tmp_path, "touch ready; exec sleep 100"))
    engine_loop.run(service.start())
    pid = service.pid
    engine_loop.run(service.stop())
    assert pid and gone(pid)
    assert service.pid is None


def test_service_that_ends_while_starting_is_an_error_with_its_last_words(
    engine_loop: LoopThread, tmp_path: Path
) -> None:
    service = Service(program(tmp_path, "echo no such disk; exit 3"))
    with pytest.raises(ServiceError, match=r"(?s)tester ended with exit code 3 while starting.*no such disk"):
        engine_loop.run(service.start())


def test_service_that_never_answers_is_ended(engine_loop: LoopThread, tmp_path: Path) -> None:
    service = Service(program(tmp_path, "echo $$ > pid; exec sleep 100", timeout_s=0.3))
    with pytest.raises(ServiceError, match=r"did not answer within 0\.3 s"):
        engine_loop.run(service.start())
    assert gone(int((tmp_path / "pid").read_text()))


def test_program_that_is_not_installed_is_named(engine_loop: LoopThread, tmp_path: Path) -> None:
    async def ready() -> bool:
        return True

    with pytest.raises(ServiceError, match="no-such-program is not installed"):
        engine_loop.run(Service(Program("x", ["no-such-program"], tmp_path / "x.log", ready)).start())


def test_killed_service_comes_back_and_says_so(engine_loop: LoopThread, tmp_path: Path) -> None:
    restored = []

    async def restore() -> None:
        restored.append(True)

    plain = program(tmp_path, "touch ready; exec sleep 100")
    service = Service(Program("tester", plain.argv, plain.log, plain.ready, cwd=tmp_path, on_restart=restore))
    engine_loop.run(service.start())
    before = service.pid
    assert before
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: service.restarts == 1)
    assert restored == [True]
    assert service.pid not in (None, before)
    engine_loop.run(service.stop())


def test_service_gets_no_secret_of_the_caller(engine_loop: LoopThread, tmp_path: Path) -> None:
    service = Service(program(tmp_path, "env > env.txt; touch ready; exec sleep 100"))
    engine_loop.run(service.start())
    engine_loop.run(service.stop())
    names = {line.partition("=")[0] for line in (tmp_path / "env.txt").read_text().splitlines()}
    assert names <= {"PATH", "HOME", "LANG", "PWD", "SHLVL", "_", "OLDPWD"}


STARTER = """
import asyncio, sys
from pathlib import Path
from emulator.services.process import Program, Service
folder = Path(sys.argv[1])
async def ready():
    return (folder / "pid").exists()
async def main():
    argv = ["sh", "-c", "echo $$ > pid; exec sleep 100"]
    await Service(Program("t", argv, folder / "t.log", ready, cwd=folder)).start()
    print("up", flush=True)
    await asyncio.sleep(100)
asyncio.run(main())
"""


def test_service_dies_with_its_starter(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as starter:
        assert starter.stdout and starter.stdout.readline() == b"up\n"
        pid = int((tmp_path / "pid").read_text())
        starter.kill()
    wait_until(lambda: gone(pid))


def test_grown_log_is_moved_aside(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "x.log.1").exists()


def test_tail_gives_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number}\n" for number in range(5000)))
    assert tail(log, 2) == "line 4998\nline 4999"
    assert tail(tmp_path / "none.log") == ""
