"""The emulator as a person runs it: up, status, logs, down, and what a crash leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from emulator.services import mariadb

REPOSITORY = Path(__file__).resolve().parents[2]
SERVERLESS = """
service: tried
provider: {name: tencent, runtime: Python3.10, region: ap-guangzhou}
custom:
  topics: [tried]
  buckets: [tried-1250000000]
  migrations: migrations
  namespace: tried
  health: /
layers:
  words: {path: words}
functions:
  hello:
    handler: index.main_handler
    path: hello
    layers: [words]
    timeout: 10
    environment: {GREETING: "${env:GREETING, ''}"}
    events:
      - http: {authType: NONE}
"""
INDEX = """
import os
import words

def main_handler(event, context):
    print("greeted")
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": os.environ["GREETING"] or words.HELLO}
"""


@dataclass
class Emulator:
    """The command line of one emulator on a root and a project of its own."""

    root: Path
    project: Path

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "emulator", arguments[0], "--root", str(self.root), *arguments[1:]]
        if arguments[0] == "up":
            argv += ["--project", str(self.project)]
        environment = {**os.environ, **environ}
        return subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)

    def up(self, *arguments: str, **environ: str) -> None:
        done = self.run("up", *arguments, **environ)
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, object]:
        status: dict[str, object] = json.loads(self.run("status", "--json").stdout)
        return status

    def env(self) -> dict[str, str]:
        lines = (self.root / "env").read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def get(self) -> str:
        with urllib.request.urlopen(self.env()["PATCHMILL_URL"], timeout=20) as answer:
            text: str = answer.read().decode()
            return text

    def pid(self) -> int:
        pid = self.status()["pid"]
        assert isinstance(pid, int)
        return pid

    def processes(self) -> list[str]:
        """Every process whose command line names this root."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(self.root) in command:
                found.append(command)
        return found


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


@pytest.fixture(scope="module")
def running(engine_folder: Path, system_tables: Path) -> Iterator[Emulator]:
    """A started emulator for tests that leave it as it is."""
    made = make_emulator(engine_folder / "shared", system_tables)
    made.up("--set", "GREETING=set", GREETING="from the environment")
    yield made
    made.run("down")


def make_emulator(folder: Path, system_tables: Path) -> Emulator:
    project = folder / "project"
    for name in ("hello", "words", "migrations"):
        (project / name).mkdir(parents=True)
    (project / "migrations" / "0001_t.sql").write_text("CREATE TABLE IF NOT EXISTS t (a INT);\n")
    (project / "serverless.yml").write_text(SERVERLESS)
    (project / "hello" / "index.py").write_text(INDEX)
    (project / "words" / "words.py").write_text("HELLO = 'hello'\n")
    shutil.copytree(system_tables, folder / "root" / "mysql")
    return Emulator(folder / "root", project)


def test_up_prints_the_environment_and_down_leaves_no_process(emulator: Emulator) -> None:
    done = emulator.run("up")
    assert done.returncode == 0, done.stderr
    assert "export PATCHMILL_URL=http://127.0.0.1:" in done.stdout
    assert emulator.get() == "hello"
    stopped = emulator.run("down")
    assert (stopped.returncode, stopped.stdout) == (0, "emulator: stopped\n")
    assert emulator.processes() == []
    assert emulator.run("status").returncode == 3


def test_second_up_says_that_it_is_up(running: Emulator) -> None:
    again = running.run("up")
    assert again.returncode == 0
    assert f"is up (process {running.pid()}" in again.stdout


def test_keys_addresses_and_data_survive_a_sigkill_which_leaves_no_process(emulator: Emulator) -> None:
    emulator.up()
    before = emulator.env()
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
    argv += ["--project", str(emulator.project)]
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert any(line == "emulator: up\n" for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert emulator.processes() == []


def test_faulty_declaration_is_named_and_nothing_is_left_running(emulator: Emulator) -> None:
    (emulator.project / "serverless.yml").write_text(SERVERLESS.replace("timeout:", "timeuot:"))
    done = emulator.run("up")
    assert done.returncode == 1
    assert "timeuot" in done.stderr
    assert "Traceback" not in done.stderr
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


def test_bucket_namespace_and_topic_are_there(running: Emulator) -> None:
    env = running.env()
    argv = ["kubectl", "--kubeconfig", env["KUBECONFIG"], "get", "namespace", "tried", "-o", "name"]
    assert subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout == "namespace/tried\n"
    admin = KafkaAdminClient(bootstrap_servers=env["KAFKA_BOOTSTRAP"])
    topics = admin.list_topics()
    admin.close()
    assert "tried" in topics
    assert (running.root / "cos").is_dir()
