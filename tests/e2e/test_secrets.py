"""No secret leaves its place: not into logs, argv, artifacts or messages, and not into an agent's hands."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import MODEL_KEY, OTHER_KEY
from tests.support import processes
from tests.support.emulator_process import PROJECT, EmulatorProcess
from tests.support.gate import Gate
from tests.support.model_server import ModelServer
from tests.support.road import Obj, Road

KEYS = ("secret_key", "token")
LOOK = "env; for each in /proc/[0-9]*; do cat $each/environ $each/cmdline; done 2>&1 | tr '\\0' '\\n'; mount"


class Secrets:
    """Everything that must not be seen, by what it is: what was there from the start, and every key of a role since."""

    def __init__(self, cloud: EmulatorProcess, api_key: str) -> None:
        owner = json.loads((cloud.root / "credentials.json").read_text())["user"]["secret_key"]
        token = re.search(r"token: (\S+)", (cloud.root / "kubeconfig").read_text())
        assert token
        self._platform = cloud.root / "platform.sqlite"
        self._known = {
            "model key": MODEL_KEY,
            "API key": api_key,
            "another tenant's API key": OTHER_KEY,
            "kube token": token[1].strip('"'),
            "cloud secret of the owner": owner,
        }

    def all(self) -> dict[str, str]:
        with closing(sqlite3.connect(self._platform)) as database:
            rows = database.execute("SELECT key, body FROM documents WHERE kind = 'cam-session'").fetchall()
        sessions = {key: json.loads(body) for key, body in rows}
        assert sessions, "no function has keys"
        found = {f"{name} of {each['role_name']} {key}": each[name] for key, each in sessions.items() for name in KEYS}
        assert all(len(secret) > 20 for secret in (*self._known.values(), *found.values()))
        return {**self._known, **found}

    def seen(self, text: str | bytes) -> list[str]:
        """Which of them the text holds."""
        data = text.encode() if isinstance(text, str) else text
        return [name for name, secret in self.all().items() if secret.encode() in data]


@pytest.fixture(scope="module")
def secrets(cloud: EmulatorProcess, road: Road) -> Secrets:
    road.run("true")  # all three functions have run, with keys of their roles
    return Secrets(cloud, road.values["PATCHMILL_API_KEY"])


def artifacts(road: Road, task: Obj) -> dict[str, bytes]:
    return {each["name"]: road.artifact(task["id"], each["name"]) for each in task["artifacts"]}


def test_command_sees_no_secret(road: Road, secrets: Secrets) -> None:
    task = road.run(f"({LOOK}) > seen.txt; cat seen.txt")
    log = road.log(task["id"])
    assert "PATH=" in log
    assert "patchmill_agent" in log  # its neighbours' command lines can be read
    assert secrets.seen(log) == []
    assert not re.search(r"^(PATCHMILL|OPENAI|TENCENTCLOUD)_", log, re.MULTILINE)
    assert "q-signature" not in log
    for name, content in artifacts(road, task).items():
        assert secrets.seen(content) == [], name


def test_models_command_sees_no_secret(road: Road, model: ModelServer, secrets: Secrets) -> None:
    """Here the model key is in the container, in the process above the command."""
    model.commands = [LOOK, "cat /proc/$PPID/environ /proc/1/environ; cat /proc/1/mem"]
    task = road.run("Look around.", agent="mini", model="some-model")
    assert task["status"] == "COMPLETED", task
    assert f"Bearer {MODEL_KEY}" in model.keys
    assert "PATH=" in road.log(task["id"])
    for name, content in artifacts(road, task).items():
        assert secrets.seen(content) == [], name


def test_command_cannot_read_the_machine(cloud: EmulatorProcess, road: Road) -> None:
    outside = [
        cloud.root / "env",
        cloud.root / "state.json",
        cloud.root / "credentials.json",
        cloud.root / "deploy.env",
        cloud.root / "platform.sqlite",
        cloud.root / "kubeconfig",
    ]
    outside += [PROJECT / "README.md", PROJECT / ".local", Path.home(), Path("/root"), Path("/run/services")]
    outside += [Path(road.values["MYSQL_SOCKET"]), Path(road.values["REDIS_SOCKET"]), Path("/etc/shadow")]
    tests = " ".join(f"'{path}'" for path in outside)
    task = road.run(
        f'for each in {tests}; do [ -e "$each" ] && ls -A "$each" | sed \'s/^/found: /\'; done; touch /usr/x; true'
    )
    found = re.findall(r"^found: (.*)", road.log(task["id"]), re.MULTILINE)
    # Where an interpreter lies in a home, its folder is there, and nothing beside it.
    assert set(found) <= {".pyenv", ".local"}
    assert "touch: cannot touch '/usr/x'" in road.log(task["id"])


def test_no_secret_is_in_any_argv_while_a_task_runs(
    cloud: EmulatorProcess, road: Road, secrets: Secrets, closed_gate: Gate, model: ModelServer
) -> None:
    model.commands = [closed_gate.command]
    waiting = [
        road.submit("Wait.", agent="mini", model="some-model"),
        road.submit(closed_gate.command),
    ]
    scanned: set[str] = set()
    while closed_gate.arrivals < 2:
        scanned |= {process.argv for process in processes.below(cloud.pid)}
    scanned |= {process.argv for process in processes.below(cloud.pid)}
    closed_gate.open()
    while any(road.task(each)["status"] == "PROCESSING" for each in waiting):
        scanned |= {process.argv for process in processes.below(cloud.pid)}
    for word in ("mariadbd", "patchmill_agent run", "patchmill_agent deliver", "/var/runtime/bootstrap.py"):
        assert any(word in argv for argv in scanned), word
    assert secrets.seen("\n".join(scanned)) == []


def test_no_secret_is_in_any_message(road: Road, secrets: Secrets) -> None:
    road.run("echo made > made.txt")
    messages = [*road.messages("codex-tasks"), *road.messages("codex-results"), *road.messages("codex-tasks-dlq")]
    assert len(messages) >= 2
    assert [key for key, value in messages if secrets.seen(value)] == []


def test_no_secret_is_in_any_log(cloud: EmulatorProcess, road: Road, secrets: Secrets) -> None:
    road.run("echo made > made.txt", agent="command")
    files = [path for folder in ("logs", "kube/logs") for path in (cloud.root / folder).rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert names >= {
        "emulator.log",
        "mariadb.log",
        "redis.log",
        "submit.log",
        "dispatch.log",
        "collect.log",
        "agent.log",
    }
    leaks = {str(path.relative_to(cloud.root)): found for path in files if (found := secrets.seen(path.read_bytes()))}
    assert leaks == {}


def test_files_with_secrets_are_the_owners_alone(cloud: EmulatorProcess) -> None:
    for name in ("env", "deploy.env", "state.json", "credentials.json", "kubeconfig", "platform.sqlite", "logs.sqlite"):
        assert (cloud.root / name).stat().st_mode & 0o077 == 0, name
