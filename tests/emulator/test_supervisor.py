"""The emulator as a person runs it: up, status, logs, down, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from emulator.services import mariadb
from tests.support.small_emulator import CALLER, REPOSITORY, Emulator, make_emulator


@pytest.fixture(scope="module")
def running(engine_folder: Path, system_tables: Path) -> Iterator[Emulator]:
    """A started emulator for tests that leave it as it is."""
    made = make_emulator(engine_folder / "shared", system_tables)
    try:
        made.up("--set", "GREETING=set", GREETING="from the environment")
        made.deploy()
        yield made
    finally:
        made.run("down")


def test_up_prints_the_environment_and_down_leaves_no_process(emulator: Emulator) -> None:
    done = emulator.run("up")
    assert done.returncode == 0, done.stderr
    assert "export PATCHMILL_URL=http://127.0.0.1:" in done.stdout
    emulator.deploy()
    assert emulator.get() == "hello"
    stopped = emulator.run("down")
    assert (stopped.returncode, stopped.stdout) == (0, "emulator: stopped\n")
    assert emulator.processes() == []
    assert emulator.run("status").returncode == 3


def test_second_up_says_that_it_is_up(running: Emulator) -> None:
    again = running.run("up")
    assert again.returncode == 0
    assert f"is up (process {running.pid()}" in again.stdout


def test_nobody_else_can_read_what_it_keeps(running: Emulator) -> None:
    assert running.get() == "set"
    assert readable(running.root) == []


def readable(folder: Path) -> list[Path]:
    """Files that an account of another group can reach and read; sockets lie in a private folder too."""
    found = []
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if path.is_dir() and not path.is_symlink():
            found += readable(path) if mode & 0o001 else []
        elif not path.is_symlink() and mode & 0o006:
            found.append(path)
    return found


def test_keys_addresses_and_data_survive_a_sigkill_which_leaves_no_process(emulator: Emulator) -> None:
    emulator.up()
    emulator.deploy()
    before = emulator.env()
    sql(emulator, "CREATE TABLE t (a INT)")
    sql(emulator, "INSERT INTO t VALUES (7)")
    os.kill(emulator.pid(), signal.SIGKILL)
    deadline = time.monotonic() + 5
    while emulator.processes():
        assert time.monotonic() < deadline, emulator.processes()
        time.sleep(0.02)
    emulator.up()
    assert emulator.env() == before
    assert sql(emulator, "SELECT a FROM t") == ((7,),)
    assert emulator.get() == "hello"


def sql(emulator: Emulator, statement: str) -> tuple[tuple[object, ...], ...]:
    with (
        mariadb.connect(Path(emulator.env()["MYSQL_SOCKET"]), "patchmill") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return tuple(cursor.fetchall())


def test_killed_engine_is_restarted(emulator: Emulator) -> None:
    emulator.up()
    services = {service["name"]: service for service in listed(emulator)}
    os.kill(int(str(services["redis"]["pid"])), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not any(service["restarts"] for service in listed(emulator)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(emulator.env()["REDIS_SOCKET"])
        connection.sendall(b"PING\r\n")
        assert connection.recv(100) == b"+PONG\r\n"


def listed(emulator: Emulator) -> list[dict[str, object]]:
    services = emulator.status()["services"]
    assert isinstance(services, list)
    return services


def test_interrupt_in_the_foreground_stops_everything(emulator: Emulator) -> None:
    argv = [sys.executable, "-m", "emulator", "up", "--foreground", "--root", str(emulator.root)]
    with subprocess.Popen(argv, cwd=REPOSITORY, env=CALLER, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert any(line == "emulator: up\n" for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert emulator.processes() == []


def test_taken_port_is_an_error_that_names_it(emulator: Emulator) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = emulator.run("up", "--port-cos", str(port))
    assert done.returncode == 1
    assert f"port {port} for cos is taken" in done.stderr


def test_logs_of_a_function_and_of_a_service_are_shown(running: Emulator) -> None:
    assert running.get() == "set"
    assert "greeted" in running.run("logs", "hello").stdout
    assert "ready for connections" in running.run("logs", "mariadb").stdout
    missing = running.run("logs", "nothing")
    assert missing.returncode == 1
    assert "hello" in missing.stderr and "mariadb" in missing.stderr


def test_what_was_deployed_is_there_by_every_client(running: Emulator) -> None:
    env = running.env()
    argv = ["kubectl", "--kubeconfig", env["KUBECONFIG"], "get", "namespace", "default", "-o", "name"]
    assert subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout == "namespace/default\n"
    admin = KafkaAdminClient(bootstrap_servers=env["KAFKA_BOOTSTRAP"])
    topics = admin.list_topics()
    admin.close()
    assert "tried" in topics
    assert "api " in running.run("status").stdout
