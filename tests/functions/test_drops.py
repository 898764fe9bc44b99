"""ZIPs dropped into the bucket: where the prompt comes from, what is refused, and that one drop is one task."""

from __future__ import annotations

import io
import json
import zipfile
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.world import World, cos_event, load_index

KEY = "drops/acme/app.zip"


@pytest.fixture
def index(world: World) -> ModuleType:
    module = load_index("submit")
    module.instance = world.instance  # type: ignore[attr-defined]
    return module


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


def drop(world: World, index: ModuleType, data: bytes, key: str = KEY, **meta: str) -> list[dict[str, Any]]:
    headers = {f"x-cos-meta-{name}": value for name, value in meta.items()}
    world.services.code._client.put_object(Bucket=world.services.code.name, Key=key, Body=data, Metadata=headers)
    index.main_handler(cos_event(world.services.code.name, key), {})
    return world.rows("SELECT * FROM tasks ORDER BY id")


def test_prompt_comes_from_the_header_first(world: World, index: ModuleType) -> None:
    world.services.code.put("drops/acme/app.md", b"beside", "text/markdown")
    (task,) = drop(world, index, zipped(TASK__md="inside"), prompt=quote("from the header 项"), agent="command")
    assert (task["prompt"], task["agent"], task["status"]) == ("from the header 项", "command", "QUEUED")
    assert json.loads(task["source"]) == {"kind": "drop", "key": KEY}
    assert (task["tenant"], task["drop_name"]) == ("acme", "app")


def test_prompt_comes_from_the_file_beside_it_next(world: World, index: ModuleType) -> None:
    world.services.code.put("drops/acme/app.md", b"beside", "text/markdown")
    (task,) = drop(world, index, zipped(TASK__md="inside"))
    assert task["prompt"] == "beside"


def test_prompt_comes_from_inside_the_zip_last(world: World, index: ModuleType) -> None:
    (task,) = drop(world, index, zipped(TASK__md="inside", app__py="x = 1\n" * 100_000))
    assert (task["prompt"], task["agent"], task["model"]) == ("inside", "mini", "scripted/demo")


def test_doubled_event_is_one_task_and_a_new_drop_another(world: World, index: ModuleType) -> None:
    assert len(drop(world, index, zipped(TASK__md="one"))) == 1
    index.main_handler(cos_event(world.services.code.name, KEY), {})
    assert len(world.rows("SELECT id FROM tasks")) == 1
    assert len(drop(world, index, zipped(TASK__md="two"))) == 2


@pytest.mark.parametrize(
    ("data", "meta", "sentence"),
    [
        (b"this is no ZIP", {}, "not a readable ZIP"),
        (zipped(readme__txt="no task here"), {}, "There is no prompt"),
        (zipped(TASK__md=""), {}, "must not be empty"),
        (zipped(TASK__md="x" * 200_000), {}, "bytes long"),
        (zipped(TASK__md="x"), {"agent": "codex-9000"}, "x-cos-meta-agent must be one of"),
    ],
)
def test_unusable_drop_fails_with_a_sentence_in_its_results(
    world: World, index: ModuleType, data: bytes, meta: dict[str, str], sentence: str
) -> None:
    (task,) = drop(world, index, data, **meta)
    assert (task["status"], task["reason"]) == ("FAILED", "SOURCE_ERROR")
    assert sentence in task["message"]
    view = json.loads(world.services.logs.get("results/acme/app/task.json", 99999) or b"")
    assert (view["status"], view["message"]) == ("FAILED", task["message"])
    index.main_handler(cos_event(world.services.code.name, KEY), {})
    assert len(world.rows("SELECT id FROM tasks")) == 1


def test_damaged_task_file_inside_the_zip_is_a_refused_drop(world: World, index: ModuleType) -> None:
    data = bytearray(zipped(TASK__md="do it " * 200))
    start = data.index(b"TASK.md") + len("TASK.md")
    data[start : start + 8] = b"\xff" * 8
    (task,) = drop(world, index, bytes(data))
    assert (task["status"], task["reason"]) == ("FAILED", "SOURCE_ERROR")


@pytest.mark.parametrize("key", ["drops/nobody/app.zip", "drops/acme/../x.zip", "drops/app.zip"])
def test_drop_without_a_known_tenant_is_parked(world: World, index: ModuleType, key: str) -> None:
    index.main_handler(cos_event(world.services.code.name, key), {})
    index.main_handler(cos_event(world.services.code.name, key), {})
    assert world.rows("SELECT id FROM tasks") == []
    (row,) = world.rows("SELECT payload, seen FROM dead_letters")
    assert (row["payload"], row["seen"]) == (key, 2)


def test_drop_that_is_gone_again_is_no_task(world: World, index: ModuleType) -> None:
    index.main_handler(cos_event(world.services.code.name, KEY), {})
    assert world.rows("SELECT id FROM tasks") == []


def test_archive_with_an_endless_directory_is_refused_within_a_budget(world: World, index: ModuleType) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(60_000):
            archive.writestr(zipfile.ZipInfo(f"{number:0200}"), b"")
    assert len(buffer.getvalue()) > 16 << 20
    (task,) = drop(world, index, buffer.getvalue())
    assert (task["status"], task["reason"]) == ("FAILED", "SOURCE_ERROR")


def test_http_event_and_unknown_event_reach_their_handlers(world: World, index: ModuleType) -> None:
    answer = index.main_handler({"httpMethod": "GET", "path": "/healthz", "headers": {}, "queryString": {}}, {})
    assert answer["statusCode"] == 200
    assert index.main_handler({"Type": "Timer"}, {}) is None
