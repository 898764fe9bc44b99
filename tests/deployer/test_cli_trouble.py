"""What goes wrong around the command: another account's keys, files that can't be written, calls that fail half way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployer import engine
from deployer.cli import app
from deployer.context import DeployError
from deployer.errors import CloudError
from emulator.api.action import ApiError
from emulator.api.server import Recorded
from tests.support.deployer_platform import Platform, platform


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Platform]:
    with platform(tmp_path) as started:
        yield started


@pytest.mark.parametrize(
    "command",
    [["rollback", "web", "--yes"], ["invoke", "web"], ["logs"], ["outputs"], ["status"], ["destroy", "--yes"]],
    ids=lambda command: command[0],
)
def test_no_command_works_on_another_accounts_stage(cloud: Platform, command: list[str]) -> None:
    cloud.replace("stages/test.yml", "uin: '100000000001'", "uin: '100000000009'")
    done = cloud.run(*command)
    assert (done.exit_code, "the stage test to 100000000009" in done.stderr) == (1, True)
    assert {each.action for each in cloud.recorded} == {"GetUserAppId"}


def test_a_folder_that_cannot_be_written_is_named(cloud: Platform) -> None:
    cloud.write(".local/packages", "a file where a folder is wanted")
    done = cloud.run("package")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == f"{cloud.project / '.local/packages'}: File exists"


def test_source_that_does_not_compile_is_named_with_its_folder(cloud: Platform) -> None:
    cloud.write("functions/web/index.py", "def main_handler(:")
    done = cloud.run("package")
    assert (done.exit_code, "functions/web: index.py: SyntaxError" in done.stderr) == (1, True)


def test_an_invoked_function_is_called_once_although_the_answer_is_lost(cloud: Platform) -> None:
    cloud.json("apply", "--yes")
    calls: list[str] = []

    def lose(recorded: Recorded) -> None:
        if recorded.action == "Invoke":
            calls.append(recorded.action)
            raise ApiError("InternalError", "the answer is lost")

    cloud.hooks.after = lose
    done = cloud.run("invoke", "web")
    assert (done.exit_code, "InternalError" in done.stderr) == (1, True)
    assert calls == ["Invoke"]


def test_destroy_goes_on_when_cluster_and_kafka_are_gone_already(cloud: Platform) -> None:
    cloud.json("apply", "--yes")
    cloud.replace("stages/test.yml", "cls-1", "cls-9")
    cloud.replace("stages/test.yml", "ckafka-1", "ckafka-9")
    done = cloud.run("destroy", "--yes", "--with-data")
    assert done.exit_code == 0, done.stderr
    assert "cluster: counts as gone" in done.stderr and "topic: counts as gone" in done.stderr
    assert "delete  role/web" in done.stdout and "delete  function/web" in done.stdout
    assert cloud.json("destroy", "--yes", "--with-data")["deleted"] == []


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["plan", "--stage", "test", "--project", str(tmp_path)])
    assert (done.exit_code, f"there is no serverless.yml in {tmp_path}" in done.stderr) == (2, True)


def test_logs_of_before_1970_are_not_asked_for(cloud: Platform) -> None:
    cloud.json("apply", "--yes")
    assert cloud.run("logs", "--since", "99999d").exit_code == 0
    assert [each.params["From"] for each in cloud.recorded if each.action == "SearchLog"] == [0]


def test_two_applies_at_once_do_no_lasting_harm(cloud: Platform) -> None:
    def deploy(_: int) -> str:
        context = cloud.context()
        try:
            engine.apply(context, engine.plan(context))
        except (CloudError, DeployError) as error:  # one may stop on what the other is at; it must say so in words
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as both:
        ends = list(both.map(deploy, range(2)))
    assert "" in ends, ends
    cloud.json("apply", "--yes")
    assert cloud.json("plan")["steps"] == []
    assert [len(state["versions"]) for state in cloud.json("status")["functions"]] == [1, 1]
