"""What every way to fail is answered with, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.scf import Invocation, ScfSettings
from tests.support.scf import Cloud, Code, inner, run_scf

BROKEN = {
    "raises": "import missing_module",
    "exits": "import os; os._exit(3)",
    "sleeps": "import time; time.sleep(60)",
    "empty": "",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    functions = {name: Code(text) for name, text in BROKEN.items()}
    functions["any"] = Code(settings={"MemorySize": 128, "Timeout": 2})
    functions["one"] = Code(settings={"MemorySize": 128})
    settings = ScfSettings(init_timeout_s=1, max_instances=4)
    with run_scf(tmp_path_factory.mktemp("scf"), functions, settings=settings) as running:
        running.api("PutReservedConcurrencyConfig", FunctionName="one", ReservedConcurrencyMem=128)
        yield running


def test_error_in_the_handler_is_430_with_its_traceback_and_the_instance_lives_on(cloud: Cloud) -> None:
    failed = cloud.call("any", {"code": "raise ValueError('no such luck')"})
    assert (failed.status, failed.error) == (430, "user code exception caught")
    assert failed.trace.startswith("Traceback") and failed.trace.endswith("ValueError: no such luck\n")
    assert "/var/user/index.py" in failed.trace and "bootstrap.py" not in failed.trace
    assert not cloud.call("any", {}).cold


@pytest.mark.parametrize("code", ["result = {1, 2}", "result = object()", "raise KeyboardInterrupt"])
def test_answer_that_is_no_json_is_430(cloud: Cloud, code: str) -> None:
    assert cloud.call("any", {"code": code}).status == 430


def test_answer_that_is_nested_too_deep_is_430_and_the_instance_lives_on(cloud: Cloud) -> None:
    code = """
import sys
sys.setrecursionlimit(100_000)
result = []
for _ in range(5000):
    result = [result]
"""
    failed = cloud.call("any", {"code": code})
    assert (failed.status, failed.error) == (430, "the answer of the function cannot be read")
    assert not cloud.call("any", {}).cold


def test_answer_with_half_a_surrogate_pair_is_answered(cloud: Cloud) -> None:
    assert cloud.run("any", r"result = '\ud800é'") == "?é"


@pytest.mark.parametrize("code", ["import os; os._exit(3)", "raise SystemExit(3)", "import sys; sys.exit(3)"])
def test_process_that_exits_is_439(cloud: Cloud, code: str) -> None:
    ended = cloud.call("any", {"code": code})
    assert (ended.status, ended.error) == (439, "User process exit when running (exit code 3)")
    assert cloud.call("any", {}).cold


def test_exit_does_not_wait_for_threads_and_shows_its_last_words(cloud: Cloud) -> None:
    code = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); raise SystemExit('bye')"
    ended = cloud.call("any", {"code": code})
    assert ended.status == 439  # not 433: the time-out did not have to end it
    assert "\nbye\n" in ended.log


def test_handler_that_closes_every_descriptor_is_439(cloud: Cloud) -> None:
    assert cloud.call("any", {"code": "import os; os.closerange(3, 1000)"}).status == 439


def test_time_out_is_433_and_nothing_of_it_is_left(cloud: Cloud) -> None:
    code = "import os, time; os.fork(); os.fork(); time.sleep(60)"
    ended = cloud.call("any", {"code": code})
    assert (ended.status, ended.error) == (433, "Invoking task timed out after 2 seconds")
    assert ended.duration_ms > 1900
    assert not inner(cloud, "any")


def test_too_much_memory_is_434(cloud: Cloud) -> None:
    ended = cloud.call("any", {"code": "data = [bytes(b'x' * (1 << 20)) for _ in range(400)]"})
    assert (ended.status, ended.error) == (434, "Memory limit reached")
    assert cloud.call("any", {"code": "result = 1"}).result == 1


def test_too_much_memory_is_434_and_use_is_reported_without_control_groups(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code()}, settings=ScfSettings(control_groups=False)) as cloud:
        usual = cloud.call("any", {"code": "data = b'x' * (50 << 20)"})
        used = re.search(r"MemUsage:([0-9.]+)MB", usual.log)
        assert usual.ok and used and float(used[1]) > 5
        code = "import time; data = [b'x' * (1 << 20) for _ in range(300)]; time.sleep(9)"
        ended = cloud.call("any", {"code": code})
        assert (ended.status, ended.error) == (434, "Memory limit reached") and ended.duration_ms < 5000
        assert not inner(cloud)


def test_forked_child_that_returns_from_the_handler_does_not_answer(cloud: Cloud) -> None:
    code = "import os; pid = os.fork(); result = 'child' if pid == 0 else os.waitpid(pid, 0)[1]"
    assert cloud.run("any", code) == 0
    assert cloud.run("any", "result = 'next'") == "next"


def test_event_of_more_than_6_mb_is_406(cloud: Cloud) -> None:
    assert cloud.call("any", {"text": "x" * ((6 << 20) - 20)}).status == 200
    assert cloud.call("any", {"text": "x" * (6 << 20)}).status == 406


def test_answer_of_more_than_6_mb_is_407(cloud: Cloud) -> None:
    assert len(cloud.run("any", "result = 'x' * ((6 << 20) - 2)")) == (6 << 20) - 2
    assert cloud.call("any", {"code": "result = 'x' * ((6 << 20) - 1)"}).status == 407


def test_more_events_than_the_reserved_concurrency_are_432(cloud: Cloud) -> None:
    async def both() -> list[Invocation]:
        event = {"code": "import time; time.sleep(0.3)"}
        return await asyncio.gather(*(cloud.scf.invoke("default", "one", "$LATEST", event) for _ in range(2)))

    assert [one.status for one in cloud.loop.run(both())] == [200, 432]


@pytest.mark.parametrize(
    ("function", "status", "says"),
    [
        ("raises", 430, "ModuleNotFoundError: No module named 'missing_module'"),
        ("empty", 430, "has no attribute 'main_handler'"),
        ("exits", 405, "while the handler was imported (exit code 3)"),
        ("sleeps", 450, "timed out after 1 seconds"),
    ],
)
def test_handler_that_cannot_be_imported_leaves_no_instance(
    cloud: Cloud, function: str, status: int, says: str
) -> None:
    failed = cloud.call(function, {})
    assert failed.status == status
    assert says in (failed.trace or failed.error) and says in failed.log.replace("\\n", "\n")
    assert not inner(cloud, function)


def test_instance_that_cannot_be_made_is_a_system_error(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code()}) as cloud:
        (tmp_path / "services").rmdir()
        failed = cloud.call("any", {})
        assert (failed.status, failed.error) == (500, "the sandbox could not be made")
        assert "bwrap: " in failed.log and not inner(cloud)
