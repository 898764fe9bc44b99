"""A ZIP dropped into the bucket by the COS SDK: where its prompt comes from, and what comes back beside it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.support.road import Obj, Road, until, zip_of

COMMAND = {"x-cos-meta-agent": "command"}


def drop(road: Road, name: str, data: bytes, meta: dict[str, str]) -> None:
    bucket = road.values["COS_CODE_BUCKET"]
    key = f"drops/dev/{name}"
    road.cos(bucket).put_object(Bucket=bucket, Key=key, Body=data, **({"Metadata": meta} if meta else {}))


def outcome(road: Road, name: str, seconds: float = 60) -> Obj:
    """The drop's task.json, which is written last."""
    bucket, key = road.values["COS_LOGS_BUCKET"], f"results/dev/{name}/task.json"
    until(key, lambda: key in road.keys(bucket, key), seconds)
    task: Obj = json.loads(road.read(bucket, key))
    return task


def meta_of(prompt: str) -> dict[str, str]:
    return {**COMMAND, "x-cos-meta-prompt": prompt}


@pytest.mark.parametrize(
    ("name", "meta", "beside", "inside"),
    [
        ("from-meta", meta_of("echo from%20meta >> a.txt"), b"echo wrong", b"echo wrong"),
        ("team/from-beside", COMMAND, b"echo from beside >> a.txt", b"echo wrong"),
        ("from-inside", COMMAND, None, b"echo from inside >> a.txt"),
    ],
)
def test_prompt_of_a_dropped_zip(
    road: Road, name: str, meta: dict[str, str], beside: bytes | None, inside: bytes
) -> None:
    if beside:
        drop(road, f"{name}.md", beside, {})
    drop(road, f"{name}.zip", zip_of({"a.txt": "a\n", "TASK.md": inside}), meta)
    task = outcome(road, name)
    expected = name.rpartition("/")[2].replace("-", " ")
    assert (task["status"], task["prompt"]) == ("COMPLETED", f"echo {expected} >> a.txt")
    bucket, place = road.values["COS_LOGS_BUCKET"], f"results/dev/{name}"
    assert f"+{expected}\n" in road.read(bucket, f"{place}/diff.patch").decode()
    for artifact in task["artifacts"]:
        content = road.read(bucket, f"{place}/{artifact['name']}")
        assert hashlib.sha256(content).hexdigest() == artifact["sha256"]
    assert {"agent.log", "diff.patch", "result.json"} < {artifact["name"] for artifact in task["artifacts"]}
    assert road.task(task["id"]) == task


def test_prompt_that_is_not_ascii_arrives_whole(road: Road) -> None:
    drop(road, "unicode.zip", zip_of({"a.txt": "a\n"}), meta_of("echo %E4%BF%AE%E5%A4%8D > a.txt"))
    task = outcome(road, "unicode")
    assert (task["status"], task["prompt"]) == ("COMPLETED", "echo 修复 > a.txt")


@pytest.mark.parametrize(
    ("name", "data", "meta", "words"),
    [
        ("promptless", zip_of({"a.txt": "a\n"}), COMMAND, "no prompt"),
        ("no-zip", b"this is no ZIP", COMMAND, "not a readable ZIP"),
        ("bad-agent", zip_of({"a.txt": "a\n"}), {**meta_of("true"), "x-cos-meta-agent": "robot"}, "agent"),
        ("no-zip-either", b"this is no ZIP", meta_of("true"), "ZIP"),
    ],
)
def test_drop_that_cannot_be_worked_on_says_why_in_its_results(
    road: Road, name: str, data: bytes, meta: dict[str, str], words: str
) -> None:
    drop(road, f"{name}.zip", data, meta)
    task = outcome(road, name)
    assert (task["status"], task["reason"]) == ("FAILED", "SOURCE_ERROR")
    assert words in task["message"]


def test_dropping_again_makes_a_new_task(road: Road) -> None:
    found: list[Any] = []
    for turn in ("one", "two"):
        drop(road, "again.zip", zip_of({"a.txt": f"{turn}\n"}), meta_of("cat a.txt"))

        def newest() -> Obj | None:
            tasks = road.request("GET", "/v1/tasks", params={"limit": 5}).json()["tasks"]
            return next((t for t in tasks if t["drop"] == "again" and t["id"] not in found), None)

        task = road.ended(until("the drop's task", newest)["id"])
        assert f"\n{turn}\n" in road.log(task["id"])
        found.append(task["id"])
    assert len(set(found)) == 2
