"""What was deployed is there again after a SIGKILL of the emulator, and what was half done is done."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.api.action import ApiError
from emulator.documents import Documents
from emulator.events import ObjectEvent
from emulator.scf import Invocation
from emulator.scf.packages import Packages
from emulator.scf.queue import Target
from emulator.scf.registry import Registry
from emulator.scf.triggers import Triggers
from tests.support.scf import PROJECT, Code, http, run_scf, until, zipped
from tests.support.scf_surroundings import Ports


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a platform that was killed, and the address that its Function URL had."""
    folder = tmp_path_factory.mktemp("scf")
    command = [sys.executable, "-m", "tests.support.scf_process", "deployment", str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        process.kill()
    return folder, address


def test_deployment_goes_on_after_sigkill(killed: tuple[Path, str]) -> None:
    folder, address = killed
    log = folder / "logs" / "functions" / "whole.log"
    written = log.stat().st_size if log.exists() else 0
    with run_scf(folder, {}) as cloud:
        assert cloud.url("whole") == address and httpx.get(address).text == "null"
        code = "import lib; result = [lib.WHO, context['function_version']]"
        assert cloud.run("whole", code, qualifier="$DEFAULT") == ["layer", "1"]
        until(lambda: log.stat().st_size > written)  # the timer
        until(lambda: cloud.api("GetFunction", FunctionName="coming")["Status"] == "Active")
        assert cloud.run("coming", "result = 1") == 1
        until(lambda: [one["FunctionName"] for one in cloud.api("ListFunctions")["Functions"]] == ["coming", "whole"])
        with pytest.raises(ApiError, match="ResourceNotFound"):
            cloud.api("GetFunction", FunctionName="leaving")
        assert cloud.api("PublishVersion", FunctionName="whole")["FunctionVersion"] == "2"


def test_code_that_nothing_refers_to_is_gone_after_a_start(tmp_path: Path) -> None:
    def places() -> int:
        return sum(len(list((tmp_path / "scf" / name).iterdir())) for name in ("packages", "code", "layers"))

    with run_scf(tmp_path, {"any": Code(layers=["lib"])}, layers={"lib": {"lib.py": ""}}) as cloud:
        before = places()
        cloud.update("any", "def main_handler(event, context):\n    return 'new'\n")
        assert places() == before + 2
    with run_scf(tmp_path, {}) as cloud:
        assert places() == before and cloud.call("any", {}).result == "new"


def test_code_that_is_uploaded_during_a_start_stays(tmp_path: Path) -> None:
    digests: list[str] = []

    def upload() -> None:  # the API answers before SCF's start is through
        digests.append(Packages(tmp_path / "scf").store(zipped({"index.py": ""})).digest)

    with run_scf(tmp_path, {}, before_start=upload):
        assert (tmp_path / "scf" / "code" / digests[0] / "index.py").exists()


def test_change_of_an_object_before_the_start_is_not_taken(tmp_path: Path) -> None:
    """It would meet no rule and be lost; as it is, whoever changes the object gets an error and does it again."""
    triggers = Triggers(
        _nobody, kafka={}, urls=Ports(tmp_path / "ports"), region="x", ckafka_wait_s=None, ckafka_retry_delay_s=1
    )
    with pytest.raises(RuntimeError):
        triggers.on_object_event(ObjectEvent("code-1", "a", "cos:ObjectCreated:Put", 1, {}, "127.0.0.1", 0))


async def _nobody(target: Target, event: Any) -> Invocation:
    raise AssertionError("nothing is called")


def test_address_is_not_given_to_another_trigger_after_a_restart(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code(triggers=[http()])}) as cloud:
        before = cloud.url("any")
        cloud.api("DeleteTrigger", FunctionName="any", TriggerName="url", Type="http")
        cloud.api("CreateTrigger", FunctionName="any", **http())
        after = cloud.url("any")
    with run_scf(tmp_path, {}) as cloud:
        assert before != after == cloud.url("any")


def test_deletion_that_was_killed_is_finished(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code(triggers=[http()])}) as cloud:
        address = cloud.url("any")
    documents = Documents(tmp_path / "platform.sqlite")
    registry = Registry(documents)
    latest = registry.version("default", "any", "$LATEST")
    assert latest
    registry.put(replace(latest, state="Deleting", due=0.0))  # killed before its trigger was removed
    documents.close()
    with run_scf(tmp_path, {}) as cloud:
        with pytest.raises(httpx.ConnectError):
            httpx.get(address)
        assert cloud.api("ListFunctions")["TotalCount"] == 0
        cloud.deploy("any", Code())
        assert cloud.api("ListTriggers", FunctionName="any")["TotalCount"] == 0
