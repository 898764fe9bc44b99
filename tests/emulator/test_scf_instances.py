"""Instances over time: cold start, reuse, freeze, end; and what is written about it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import cgroups
from emulator.scf import Invocation, Scf, ScfSettings
from tests.support.scf import PROJECT, Cloud, Code, inner, processes, run_scf, until


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with run_scf(tmp_path_factory.mktemp("scf"), {"any": Code(settings={"Timeout": 2})}) as running:
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
        return await asyncio.gather(*(fresh.scf.invoke("default", "any", "$LATEST", event) for _ in range(3)))

    assert [one.result for one in fresh.loop.run(both())] == [1, 1, 1]


def test_tmp_survives_reuse(fresh: Cloud) -> None:
    fresh.run("any", "open('/tmp/kept', 'w').write('yes')")
    assert fresh.run("any", "result = open('/tmp/kept').read()") == "yes"


def test_idle_instance_is_ended(fresh: Cloud) -> None:
    fresh.run("any", "")
    pids = inner(fresh)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5)
    assert fresh.call("any", {"code": "result = calls"}).cold


def test_instances_of_a_peak_end_sooner_than_the_last(tmp_path: Path) -> None:
    async def peak(scf: Scf) -> None:
        await asyncio.gather(
            *(scf.invoke("default", "any", "$LATEST", {"code": "import time; time.sleep(0.2)"}) for _ in range(3))
        )

    with run_scf(tmp_path, {"any": Code()}, settings=ScfSettings(idle_s=10)) as cloud:
        cloud.loop.run(peak(cloud.scf))
        until(lambda: len(inner(cloud)) == 1)
        time.sleep(0.3)
        assert len(inner(cloud)) == 1 and not cloud.call("any", {}).cold


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
    invocation = cloud.call("any", {"code": code.replace("\n        ", "\n")})
    assert invocation.status == 200 and len(invocation.log) < 1_100_000
    assert "more bytes of output are left out" in invocation.log
    cloud.loop.run(asyncio.sleep(0))


def test_stop_ends_events_under_way_and_every_process(tmp_path: Path) -> None:
    with run_scf(tmp_path, {"any": Code(settings={"Timeout": 60})}, settings=ScfSettings(max_instances=1)) as cloud:

        async def cut_off() -> list[Invocation]:
            event = {"code": "import os, time; os.fork(); time.sleep(50)"}
            events = [asyncio.ensure_future(cloud.scf.invoke("default", "any", "$LATEST", event)) for _ in range(2)]
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
        event = asyncio.ensure_future(
            fresh.scf.invoke("default", "any", "$LATEST", {"code": "import time; time.sleep(50)"})
        )
        while not inner(fresh):
            await asyncio.sleep(0.01)
        event.cancel()
        await asyncio.wait((event,))

    fresh.loop.run(cancelled())
    until(lambda: not inner(fresh))


def test_sigkill_of_the_emulator_leaves_no_process_and_the_next_start_sweeps(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.scf_process", "instances", str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "frozen\n"
        until(lambda: processes(tmp_path, "any") and processes(tmp_path, "other"))
        process.kill()
    until(lambda: not processes(tmp_path, "any") and not processes(tmp_path, "other"))
    with run_scf(tmp_path, {}) as cloud:
        assert cloud.run("any", "result = calls") == 1


def test_control_groups_are_removed_with_their_instances(tmp_path: Path) -> None:
    def groups() -> set[str]:
        names = (name for _, folders, _ in os.walk("/sys/fs/cgroup") for name in folders)
        return {name for name in names if re.fullmatch(r"scf-[0-9a-f]+-groups-\d+", name)}

    with run_scf(tmp_path, {"groups": Code()}) as cloud:
        cloud.run("groups", "")
        made = groups()
    assert bool(made) == cgroups.available()
    assert not made & groups()
