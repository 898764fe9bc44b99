"""Instances over time: cold start, reuse, freeze, kill, and what every way to fail is answered with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.cgroups import Group
from emulator.scf import Invocation, ScfSettings
from tests.support.scf import Cloud, Code, run_scf, until

BROKEN = {
    "raises": "import missing_module",
    "exits": "import os; os._exit(3)",
    "sleeps": "import time; time.sleep(60)",
    "empty": "",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    functions = {name: Code(text) for name, text in BROKEN.items()}
    functions["any"] = Code(settings={"memorySize": 128, "timeout": 2})
    functions["one"] = Code(settings={"concurrency": 1})
    settings = ScfSettings(init_timeout_s=1, max_instances=4)
    with run_scf(tmp_path_factory.mktemp("scf"), functions, settings=settings) as running:
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Cloud]:
    with run_scf(tmp_path, {"any": Code()}, settings=ScfSettings(idle_s=0.4)) as running:
        yield running


def test_first_event_starts_an_instance_and_the_next_uses_it_again(fresh: Cloud) -> None:
    first, second = (fresh.call("any", {"code": "result = calls"}) for _ in range(2))
    assert (first.result, first.cold, second.result, second.cold) == (1, True, 2, False)


def test_events_at_the_same_time_have_instances_of_their_own(fresh: Cloud) -> None:
    async def both() -> list[Invocation]:
        event = {"code": "import time; time.sleep(0.3); result = calls"}
        return await asyncio.gather(*(fresh.scf.invoke("any", event) for _ in range(3)))

    assert [one.result for one in fresh.loop.run(both())] == [1, 1, 1]


def test_tmp_survives_reuse(fresh: Cloud) -> None:
    fresh.run("any", "open('/tmp/kept', 'w').write('yes')")
    assert fresh.run("any", "result = open('/tmp/kept').read()") == "yes"


def test_idle_instance_is_ended(fresh: Cloud) -> None:
    fresh.run("any", "")
    pids = inner(fresh)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5)
    assert fresh.call("any", {"code": "result = calls"}).cold


def test_killed_idle_instance_is_not_used_again(fresh: Cloud) -> None:
    fresh.run("any", "")
    for pid in inner(fresh):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    again = fresh.call("any", {"code": "result = calls"})
    assert (again.status, again.result, again.cold) == (200, 1, True)


def test_threads_and_children_stand_still_between_events(fresh: Cloud) -> None:
    fresh.run(
        "any",
        """
        import os, sys, threading, time
        sys.ticks = [0]
        def tick():
            while True:
                time.sleep(0.005)
                sys.ticks[0] += 1
        def fork():
            if os.fork() == 0:
                while True:
                    time.sleep(0.005)
                    open("/tmp/child", "a").write("x")
            time.sleep(3600)
        threading.Thread(target=tick, daemon=True).start()
        threading.Thread(target=fork, daemon=True).start()
        time.sleep(0.2)
        """,
    )
    count = "import os, sys; result = [sys.ticks[0], os.path.getsize('/tmp/child')]"
    before = fresh.run("any", count)
    time.sleep(0.3)  # less than the idle time of `fresh`
    after = fresh.run("any", count)
    assert before[0] > 3 and before[1] > 3
    assert after[0] - before[0] <= 4 and after[1] - before[1] <= 4  # a tick at the edges of an event
    later = fresh.run("any", "import time; time.sleep(0.2);" + count)
    assert later[0] > after[0] + 5 and later[1] > after[1] + 5


def test_error_in_the_handler_is_430_with_its_traceback_and_the_instance_lives_on(cloud: Cloud) -> None:
    failed = cloud.call("any", {"code": "raise ValueError('no such luck')"})
    assert (failed.status, failed.error) == (430, "user code exception caught")
    assert failed.trace.startswith("Traceback") and failed.trace.endswith("ValueError: no such luck\n")
    assert "/var/user/index.py" in failed.trace and "bootstrap.py" not in failed.trace
    assert not cloud.call("any", {}).cold


@pytest.mark.parametrize("code", ["result = {1, 2}", "result = object()", "raise KeyboardInterrupt"])
def test_answer_that_is_no_json_is_430(cloud: Cloud, code: str) -> None:
    assert cloud.call("any", {"code": code}).status == 430


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
    assert ended.status == 439 and ended.duration_ms < 1900
    assert "\nbye\n" in ended.log


def test_handler_that_closes_every_descriptor_is_439(cloud: Cloud) -> None:
    assert cloud.call("any", {"code": "import os; os.closerange(3, 1000)"}).status == 439


def test_time_out_is_433_and_nothing_of_it_is_left(cloud: Cloud) -> None:
    code = "import os, time; os.fork(); os.fork(); time.sleep(60)"
    ended = cloud.call("any", {"code": code})
    assert (ended.status, ended.error) == (433, "Invoking task timed out after 2 seconds")
    assert 1900 < ended.duration_ms < 4000
    assert not inner(cloud, "any")


def test_too_much_memory_is_434(cloud: Cloud) -> None:
    ended = cloud.call("any", {"code": "data = [bytes(b'x' * (1 << 20)) for _ in range(400)]"})
    assert (ended.status, ended.error) == (434, "Memory limit reached")
    assert cloud.call("any", {"code": "result = 1"}).result == 1


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


def test_more_events_than_the_declared_concurrency_are_432(cloud: Cloud) -> None:
    async def both() -> list[Invocation]:
        event = {"code": "import time; time.sleep(0.3)"}
        return await asyncio.gather(*(cloud.scf.invoke("one", event) for _ in range(2)))

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


def test_log_has_the_platforms_lines_around_the_handlers(fresh: Cloud) -> None:
    code = "import sys; print('größer'); print('err', file=sys.stderr); result = {'a': 1}"
    invocation = fresh.call("any", {"code": code, "authorization": "Bearer pm_secret"})
    start, event, init, *own, response, end, report = invocation.log.splitlines()
    request = f"RequestId: {invocation.request_id}"
    assert (start, event) == (f"START {request}", f"Event {request}")
    assert init.startswith(f"Init Report {request} Coldstart: ") and sorted(own) == ["err", "größer"]
    assert (response, end) == (f'Response {request} RetMsg: {{"a": 1}}', f"END {request}")
    assert report.startswith(f"Report {request} Duration:") and "ms Memory:128MB MemUsage:" in report
    assert fresh.log("any") == invocation.log
    assert "pm_secret" not in invocation.log


def test_output_without_end_is_cut_and_does_not_stop_the_loop(cloud: Cloud) -> None:
    code = """
        import os, threading, time
        def shout():
            while True:
                os.write(1, b"noise\\n" * 10000)
        threading.Thread(target=shout, daemon=True).start()
        time.sleep(0.5)
        """
    cloud.loop.run(asyncio.sleep(0))
    invocation = cloud.call("any", {"code": code.replace("\n        ", "\n")})
    assert invocation.status == 200 and len(invocation.log) < 1_100_000
    assert "more bytes of output are left out" in invocation.log
    began = time.monotonic()
    cloud.loop.run(asyncio.sleep(0))
    assert time.monotonic() - began < 1


def test_instance_that_cannot_be_made_is_a_system_error(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code()}) as cloud:
        (tmp_path / "services").rmdir()
        failed = cloud.call("any", {})
        assert (failed.status, failed.error) == (500, "the sandbox could not be made")
        assert "bwrap: " in failed.log and not inner(cloud)


def test_stop_ends_events_under_way_and_every_process(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code(settings={"timeout": 60})}, settings=ScfSettings(max_instances=1)) as cloud:

        async def cut_off() -> list[Invocation]:
            event = {"code": "import os, time; os.fork(); time.sleep(50)"}
            events = [asyncio.ensure_future(cloud.scf.invoke("any", event)) for _ in range(2)]
            while len(inner(cloud)) < 2:
                await asyncio.sleep(0.01)
            await cloud.scf.stop()
            return await asyncio.gather(*events)

        ended = cloud.loop.run(cut_off())
        assert [one.status for one in ended] == [500, 500]
        assert not inner(cloud)
        assert cloud.call("any", {}).status == 500


def test_cancelled_event_leaves_no_instance(fresh: Cloud) -> None:
    async def cancelled() -> None:
        event = asyncio.ensure_future(fresh.scf.invoke("any", {"code": "import time; time.sleep(50)"}))
        while not inner(fresh):
            await asyncio.sleep(0.01)
        event.cancel()
        await asyncio.wait((event,))

    fresh.loop.run(cancelled())
    until(lambda: not inner(fresh))


def test_control_groups_are_removed_with_their_instances(tmp_path: Path) -> None:
    def groups() -> set[Path]:
        return {path for path in Path("/sys/fs/cgroup").rglob("scf-*-groups-*") if path.is_dir()}

    with run_scf(tmp_path, {"groups": Code()}) as cloud:
        cloud.run("groups", "")
        made = groups()
    assert bool(made) == Group.create("pm-test-probe", None, None).enforced
    assert not made & groups()


def inner(cloud: Cloud, function: str = "any") -> list[int]:
    """The processes that run in sandboxes with this function's code, bubblewrap itself left out."""
    code, found = str(cloud.folder / "scf" / "code" / function).encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if code in (place / "mountinfo").read_bytes() and b"bwrap" not in (place / "cmdline").read_bytes()[:20]:
                found.append(int(place.name))
    return found
