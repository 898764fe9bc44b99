from __future__ import annotations

from pathlib import Path

import typer.main

from patchmill_client.cli import app

DOCS = Path(__file__).parents[2] / "docs/cli.md"


def test_every_command_and_option_is_documented() -> None:
    text = DOCS.read_text()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert len(commands) == 8
    for name, command in commands.items():
        assert f"patchmill {name}" in text
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("-") or f"`{option}" in text or f" {option}" in text, (name, option)
