"""COS and timer triggers through the real runtime, and the platform's cron expressions."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from emulator.events import ObjectEvent
from emulator.scf import ScfSettings
from emulator.scf.cron import cron_problem, next_time
from emulator.scf.timer import event as timer_event
from emulator.scf.timer import run as run_timer
from tests.support.scf import Cloud, Code, cos_rule, run_scf, until

BUCKET = "code-1250000000"
PUT = ObjectEvent(
    bucket=BUCKET,
    key="in/a b/größe.zip",
    name="cos:ObjectCreated:Put",
    size=1029,
    headers={"x-cos-request-id": "NjA", "Content-Type": "application/zip", "x-cos-meta-prompt": "do it"},
    source_ip="127.0.0.1",
    time=1545205770,
)
TICK = {"TriggerName": "tick", "Type": "timer", "TriggerDesc": "* * * * * * *", "CustomArgument": "hello"}
TELL = """
    import json

    def main_handler(event, context):
        print("GOT " + json.dumps(event))
        if "poison" in json.dumps(event):
            raise ValueError("poison")
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    functions = {
        "zips": Code(TELL, triggers=[cos_rule(BUCKET, "cos:ObjectCreated:*", "in/", ".zip")]),
        "removed": Code(TELL, triggers=[cos_rule(BUCKET, "cos:ObjectRemove:Delete")]),
        "ticking": Code(TELL, triggers=[TICK]),
    }
    with run_scf(tmp_path_factory.mktemp("scf"), functions, settings=ScfSettings(retry_delay_s=0.05)) as running:
        yield running


def change(cloud: Cloud, **fields: Any) -> None:
    cloud.loop.call(lambda: cloud.scf.on_object_event(dataclasses.replace(PUT, **fields)))


def got(cloud: Cloud, function: str) -> list[Any]:
    path = cloud.folder / "logs" / "functions" / f"{function}.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line[4:]) for line in lines if line.startswith("GOT ")]


def test_object_event_is_the_documented_one(cloud: Cloud) -> None:
    change(cloud)
    (record,) = until(lambda: got(cloud, "zips"))[0]["Records"]
    assert isinstance(record["event"].pop("reqid"), int)
    key = "in/a%20b/gr%C3%B6%C3%9Fe.zip"
    assert record == {
        "cos": {
            "cosSchemaVersion": "1.0",
            "cosObject": {
                "url": f"http://code-1250000000.cos.ap-guangzhou.myqcloud.com/{key}",
                "meta": {
                    "x-cos-request-id": "NjA", "Content-Type": "application/zip", "x-cos-meta-prompt": "do it"
                },
                "vid": "",
                "key": f"/1250000000/code/{key}",
                "size": 1029,
            },
            "cosBucket": {"region": "gz", "name": "code", "appid": "1250000000"},
            "cosNotificationId": "unkown",
        },
        "event": {
            "eventName": "cos:ObjectCreated:Put",
            "eventVersion": "1.0",
            "eventTime": 1545205770,
            "eventSource": "qcs::cos",
            "requestParameters": {"requestSourceIP": "127.0.0.1", "requestHeaders": {}},
            "eventQueue": "qcs:0:scf:gz:appid/1250000000:default.zips.$LATEST",
            "reservedInfo": "",
        },
    }  # fmt: skip


def test_only_changes_that_meet_a_rule_call_its_function(cloud: Cloud) -> None:
    before, others = len(got(cloud, "zips")), len(got(cloud, "removed"))
    change(cloud, key="out/a.zip")
    change(cloud, key="in/a.md")
    change(cloud, bucket="logs-1250000000")
    change(cloud, name="cos:ObjectRemove:Delete", key="in/gone.zip")
    change(cloud, name="cos:ObjectCreated:CompleteMultipartUpload", key="in/last.zip")
    until(lambda: len(got(cloud, "zips")) > before and len(got(cloud, "removed")) > others)
    keys = [event["Records"][0]["cos"]["cosObject"]["key"].rpartition("/")[2] for event in got(cloud, "zips")[before:]]
    assert keys == ["last.zip"]
    (removed,) = got(cloud, "removed")[others:]
    assert removed["Records"][0]["event"]["eventName"] == "cos:ObjectRemove:Delete"


def test_failing_function_is_called_three_times_and_the_event_kept(cloud: Cloud) -> None:
    change(cloud, key="in/poison.zip")
    letters = cloud.folder / "scf" / "dead-letters.jsonl"
    until(letters.exists)
    (letter,) = letters.read_text().splitlines()
    assert "ValueError: poison" in json.loads(letter)["ErrorMessage"]
    assert sum("poison" in json.dumps(event) for event in got(cloud, "zips")) == 3


def test_event_of_more_than_128_kb_is_dropped_and_the_object_stays(cloud: Cloud) -> None:
    before = len(got(cloud, "zips"))
    change(cloud, headers={"x-cos-meta-prompt": "x" * (128 << 10)})
    change(cloud, key="in/next.zip")
    until(lambda: len(got(cloud, "zips")) > before)
    assert len(got(cloud, "zips")) == before + 1


def test_timer_calls_with_the_documented_event(cloud: Cloud) -> None:
    first, second = until(lambda: got(cloud, "ticking")[:2] if len(got(cloud, "ticking")) > 1 else None)
    times = [datetime.strptime(event.pop("Time"), "%Y-%m-%dT%H:%M:%SZ") for event in (first, second)]
    assert times[1] - times[0] == timedelta(seconds=1)
    assert abs((times[1].replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)).total_seconds()) < 10
    assert first == {"Type": "Timer", "TriggerName": "tick", "Message": "hello"}


def test_event_of_a_function_that_is_gone_ends_as_a_dead_letter(tmp_path: Path) -> None:
    broken = Code("raise ValueError('broken')", triggers=[cos_rule(BUCKET, "cos:ObjectCreated:*")])
    with run_scf(tmp_path, {"old": broken}, settings=ScfSettings(retry_delay_s=1)) as cloud:
        change(cloud)
        until(lambda: (tmp_path / "logs/functions/old.log").exists())
        cloud.api("DeleteFunction", FunctionName="old")
        until((tmp_path / "scf" / "dead-letters.jsonl").exists)
    assert "FunctionNotFound: default:old:$LATEST" in (tmp_path / "scf" / "dead-letters.jsonl").read_text()


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("0 * * * * * *", "2026-11-24T10:00:00+08:00", "2026-11-24T10:01:00+08:00"),
        ("*/2 * * * * * *", "2026-11-24T10:00:01+08:00", "2026-11-24T10:00:02+08:00"),
        ("0 0 9 * * * *", "2026-11-24T00:59:59+00:00", "2026-11-24T09:00:00+08:00"),
        ("0 0 9 * * * *", "2026-11-24T01:00:00+00:00", "2026-11-25T09:00:00+08:00"),
        ("0 30 8 * * MON-FRI *", "2026-11-28T00:00:00+08:00", "2026-11-30T08:30:00+08:00"),
        ("0 0 0 * * 0 *", "2026-11-24T00:00:00+08:00", "2026-11-29T00:00:00+08:00"),
        ("0 0 0 1 * 0 *", "2026-11-29T12:00:00+08:00", "2026-12-01T00:00:00+08:00"),
        ("0 0 0 29 2 * *", "2026-11-24T00:00:00+08:00", "2028-02-29T00:00:00+08:00"),
        ("0 0 0 1 1 * 2030", "2026-11-24T00:00:00+08:00", "2030-01-01T00:00:00+08:00"),
    ],
)
def test_next_time_is_in_utc_plus_8(expression: str, after: str, due: str) -> None:
    found = next_time(expression, datetime.fromisoformat(after))
    assert found and found == datetime.fromisoformat(due) and found.utcoffset() == timedelta(hours=8)


def test_expression_whose_last_year_is_over_has_no_next_time() -> None:
    assert next_time("0 0 0 1 1 * 2020", datetime(2026, 1, 1, tzinfo=timezone.utc)) is None


@pytest.mark.parametrize("expression", ["* * * * *", "0 0 0 L * * *", "0 0 0 ? * * *", "60 * * * * * *", "@daily"])
def test_expression_that_the_platform_does_not_know_is_refused(expression: str) -> None:
    assert cron_problem(expression)


def test_timer_event_has_utc_and_its_own_name() -> None:
    due = datetime.fromisoformat("2019-02-21T19:49:00+08:00")
    assert timer_event("EveryDay", "", due) == {
        "Type": "Timer", "TriggerName": "EveryDay", "Time": "2019-02-21T11:49:00Z", "Message": ""
    }  # fmt: skip


def test_timer_goes_on_after_an_event_that_could_not_be_kept() -> None:
    seen: list[str] = []

    def put(event: dict[str, Any]) -> None:
        seen.append(event["Time"])
        if len(seen) == 1:
            raise OSError("disk full")

    async def live() -> None:
        task = asyncio.create_task(run_timer("tick", "* * * * * * *", "", put))
        while len(seen) < 2 and not task.done():
            await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(asyncio.wait_for(live(), 10))
    assert len(set(seen)) == 2
