"""What the emulator keeps between runs, its lock, its settings and the variables it gives to serverless.yml."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator import control
from emulator.credentials import Credential
from emulator.listen import Listener, LoopThread, serve
from emulator.ports import choose_ports
from emulator.services.kafka import free_port
from emulator.settings import Settings, SettingsError, add_options, read_settings
from emulator.state import Lock, State, StateError, holder, read_env, remove_run_folder, run_folder, write_env
from emulator.urls import Urls
from emulator.variables import Places, api_keys, deployment_values, kafka_of_caller

REPOSITORY = Path(__file__).parents[2]


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root")
    add_options(parser)
    return parser.parse_args(arguments)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_and_ports_are_the_same_after_a_restart_and_private(tmp_path: Path) -> None:
    first = State.load(tmp_path)
    first.ports["cos"] = 4711
    first.save(tmp_path)
    assert State.load(tmp_path) == first
    assert mode(tmp_path / "state.json") == 0o600


def test_unreadable_state_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(StateError, match=r"state\.json is not readable"):
        State.load(tmp_path)


def test_second_lock_on_a_root_is_refused_until_the_first_is_released(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    assert first.acquire()
    assert not second.acquire()
    assert holder(tmp_path) == os.getpid()
    first.release()
    assert holder(tmp_path) is None
    assert second.acquire()
    second.release()


def test_lock_of_a_killed_process_does_not_count(tmp_path: Path) -> None:
    script = "import sys, time; from pathlib import Path; from emulator.state import Lock\n"
    script += "Lock(Path(sys.argv[1])).acquire() or sys.exit(1); lock = 1; print('held', flush=True); time.sleep(99)"
    script = script.replace("Lock(Path(sys.argv[1])).acquire()", "(k := Lock(Path(sys.argv[1]))).acquire()")
    argv = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        assert holder(tmp_path) == process.pid
        process.kill()
    assert (tmp_path / "lock").read_text() == str(process.pid)
    assert holder(tmp_path) is None


def test_sockets_lie_below_a_short_root(tmp_path: Path) -> None:
    state = State.load(tmp_path)
    assert run_folder(tmp_path, state) == tmp_path / "run"
    assert mode(tmp_path / "run") == 0o700


def test_sockets_of_a_deep_root_lie_in_a_private_folder_that_is_found_again(tmp_path: Path) -> None:
    root = tmp_path / ("d" * 60) / ("e" * 60)
    root.mkdir(parents=True)
    state = State.load(root)
    folder = run_folder(root, state)
    assert len(str(folder / "services" / "mysql.sock")) < 100
    assert mode(folder) == 0o700
    assert run_folder(root, state) == folder
    remove_run_folder(state)
    assert not folder.exists()


def test_folder_of_somebody_else_is_not_used_for_sockets(tmp_path: Path) -> None:
    root = tmp_path / ("d" * 60) / ("e" * 60)
    root.mkdir(parents=True)
    state = State.load(root)
    taken = run_folder(root, state)
    taken.chmod(0o755)
    folder = run_folder(root, state)
    assert folder != taken
    assert mode(folder) == 0o700
    remove_run_folder(state)
    shutil.rmtree(taken)


def test_env_file_is_private_and_survives_odd_characters(tmp_path: Path) -> None:
    write_env(tmp_path / "env", {"A": "it's $HOME"}, tmp_path / "bin")
    shell = 'set -eu; . "$1"; printf "%s|%s" "$A" "${PATH%%:*}"'
    done = subprocess.run(["sh", "-c", shell, "sh", str(tmp_path / "env")], capture_output=True, text=True, check=True)
    assert done.stdout == f"it's $HOME|{tmp_path}/bin"
    assert read_env(tmp_path / "env") == {"A": "it's $HOME"}
    assert mode(tmp_path / "env") == 0o600


def test_option_wins_over_environment_wins_over_default() -> None:
    environ = {"PATCHMILL_EMULATOR_SLOTS": "8", "PATCHMILL_EMULATOR_PORT_COS": "9000"}
    assert read_settings(options("--slots", "2"), environ).slots == 2
    assert read_settings(options(), environ).slots == 8
    assert read_settings(options(), {}).slots == 4
    assert read_settings(options("--port-kube", "6443"), environ).ports == {"cos": 9000, "kube": 6443}


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        (["--set", "NAME"], {}, "--set"),
        (["--port-cos", "70000"], {}, "port of cos"),
        (["--port-cos", "9001"], {"PATCHMILL_EMULATOR_PORT_KUBE": "9001"}, "port 9001 is given to cos and to kube"),
        ([], {"PATCHMILL_EMULATOR_SLOTS": "many"}, "PATCHMILL_EMULATOR_SLOTS"),
        ([], {"PATCHMILL_EMULATOR_IDLE_S": "-1"}, "PATCHMILL_EMULATOR_IDLE_S"),
    ],
)
def test_unusable_setting_is_named(arguments: list[str], environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_settings(options(*arguments), environ)


def test_no_two_names_share_a_port_whatever_was_remembered() -> None:
    free = free_port()
    chosen = choose_ports({"kube": free}, {"cos": free, "url": free, "url-second": free})
    assert chosen["kube"] == free
    assert len(chosen) == len(set(chosen.values())) == 6


def test_keys_are_given_hashed_with_their_tenants() -> None:
    given = json.loads(api_keys("mine", "other=theirs"))
    assert given == [
        {"sha256": hashlib.sha256(b"mine").hexdigest(), "tenant": "dev", "admin": True},
        {"sha256": hashlib.sha256(b"theirs").hexdigest(), "tenant": "other", "admin": False},
    ]


def test_values_of_a_deployment_are_this_machines_then_those_of_set(tmp_path: Path) -> None:
    environ = {"PATCHMILL_GIT_SCHEMES": "ssh", "OPENAI_API_KEY": "sk"}
    settings = Settings(root=tmp_path, variables={"PATCHMILL_REQUEUE_AFTER_S": "3"}, environ=environ)
    places = Places(api_port=1, cos_port=9000, kube_port=2, kafka="127.0.0.1:3")
    values = deployment_values(settings, places, Credential("AKIDowner", "secret"), "key", "")
    assert (values["PATCHMILL_GIT_SCHEMES"], values["PATCHMILL_REQUEUE_AFTER_S"]) == ("https,http", "3")
    assert values["PATCHMILL_COS_ENDPOINT"] == "127.0.0.1:9000/{bucket}"
    assert (values["TENCENTCLOUD_SECRET_ID"], values["PATCHMILL_MODEL_API_KEY"]) == ("AKIDowner", "sk")


def test_first_url_keeps_its_port_and_a_removed_one_never_comes_back(tmp_path: Path, engine_loop: LoopThread) -> None:
    changes: list[str] = []
    state = State.load(tmp_path)
    urls = _urls(state, changes)
    first = engine_loop.run(urls.open("one", _nothing))
    assert first == urls.first == f"http://127.0.0.1:{state.ports['url']}"
    other = engine_loop.run(urls.open("two", _nothing))
    engine_loop.run(urls.close("one"))
    again = engine_loop.run(urls.open("three", _nothing))
    engine_loop.run(urls.stop())
    assert len({first, other, again}) == 3
    assert len(changes) == 4


def test_removed_first_url_changes_no_other_address(tmp_path: Path, engine_loop: LoopThread) -> None:
    state = State.load(tmp_path)
    urls = _urls(state, [])
    engine_loop.run(urls.open("one", _nothing))
    other = engine_loop.run(urls.open("two", _nothing))
    engine_loop.run(urls.close("one"))
    engine_loop.run(urls.stop())
    urls = _urls(state, [])  # as after a restart
    assert engine_loop.run(urls.open("two", _nothing)) == other
    engine_loop.run(urls.stop())


def test_url_whose_end_was_killed_keeps_no_port(tmp_path: Path, engine_loop: LoopThread) -> None:
    state = State.load(tmp_path)
    urls = _urls(state, [])
    for name in ("one", "two", "three"):
        engine_loop.run(urls.open(name, _nothing))
    engine_loop.run(urls.stop())
    urls = _urls(state, [])
    engine_loop.run(urls.keep(["three"]))
    assert set(state.ports) == {"url", "url-three"}
    assert engine_loop.run(urls.open("four", _nothing)) == urls.first
    engine_loop.run(urls.stop())


def _urls(state: State, changes: list[str]) -> Urls:
    state.ports.setdefault("url", free_port())

    async def listen(app: ASGIApp, name: str) -> tuple[Listener, int]:
        port = state.ports.setdefault(name, free_port())
        return await serve(app, port=port), port

    return Urls(state, listen, lambda: changes.append("changed"))


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("nobody asks")


def test_extra_key_without_a_tenant_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError, match="entry 2") as caught:
        api_keys("mine", "a=b,secret")
    assert "secret" not in str(caught.value)


def test_broker_that_an_earlier_run_exported_is_not_taken_for_the_callers_own() -> None:
    exported = {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "PATCHMILL_EMULATOR_BROKER": "127.0.0.1:1"}
    assert kafka_of_caller(exported) is None
    assert kafka_of_caller({**exported, "KAFKA_BOOTSTRAP": "kafka:9092"}) == "kafka:9092"
    assert kafka_of_caller({}) is None


def test_control_socket_answers_and_replaces_a_stale_one(engine_loop: LoopThread, engine_folder: Path) -> None:
    path = engine_folder / "control.sock"
    path.write_text("left behind")
    server = engine_loop.run(control.listen(path, lambda: {"state": "up"}))
    assert control.ask(path) == {"state": "up"}
    engine_loop.call(server.close)
    assert control.ask(path) is None
