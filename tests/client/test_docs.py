from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from patchmill_client.cli import app
from tests.client.conftest import Run
from tests.support.fake_api import DONE, FakeApi, Road

DOCS = Path(__file__).parents[2] / "docs/cli.md"


def test_every_command_and_option_is_documented() -> None:
    text = DOCS.read_text()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert len(commands) == 12
    for name, command in commands.items():
        assert f"patchmill {name}" in text
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("-") or f"`{option}" in text or f" {option}" in text, (name, option)


def examples() -> list[str]:
    """The command lines of the document's blocks, without what is said beside them."""
    blocks = re.findall(r"^```\n(.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    return [re.split(r"\s{3,}| \| grep", line)[0] for line in lines if line.startswith("patchmill ")]


@pytest.mark.parametrize("example", examples())
def test_examples_run(
    example: str, api: FakeApi, patchmill: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    api.road = Road(states=((0.0, "QUEUED"), (0.1, "COMPLETED")))
    api.page_size = 200
    Path("task.md").write_text("do it")
    Path("code.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    task_id = api.add({}, Road(states=((0.0, "QUEUED"),)) if "cancel" in example else DONE)
    words = [{"ID": task_id, "DIR": "."}.get(word, word) for word in shlex.split(example)[1:]]
    ran = patchmill(*words, *(["--once"] if words[0] in ("watch", "ops") and "--once" not in words else []))
    assert ran.code == 0, ran.err
