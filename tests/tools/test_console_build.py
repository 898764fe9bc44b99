"""The console: its unit tests, and that the committed build is what its source makes."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tools import console
from tools.setup_parts import nodemodules

LIMIT = 120 * 1024  # bytes, compressed, of what the first page needs

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.slow]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nodemodules.install(console.SOURCE)  # nothing to do after set-up
    out = tmp_path_factory.mktemp("built")
    console.build(console.SOURCE, out)
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }


def test_committed_build_is_what_the_source_makes(built: Path) -> None:
    committed, made = files(console.PACKAGE), files(built)
    assert sorted(committed) == sorted(made), "run tools/console and commit what it makes"
    assert [name for name in made if made[name] != committed[name]] == []


def test_nothing_is_inline_and_no_other_host_is_named_in_the_page(built: Path) -> None:
    page = (built / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page) == []
    assert re.findall(r"(?:src|href)=\"(?!/)[^\"]*", page) == []
    assets = {name for name in files(built) if "assets/" in name} - {"assets/licenses.txt"}
    assert [name for name in assets if not re.fullmatch(r"assets/[\w.-]+-[\w-]{8}\.(js|css)", name)] == []


def test_licences_of_what_is_built_in_are_there(built: Path) -> None:
    text = (built / "assets/licenses.txt").read_text()
    dependencies = json.loads((console.SOURCE / "package.json").read_text())["dependencies"]
    assert [name for name in dependencies if name not in text] == []
    assert str(console.ROOT) not in text


def test_first_load_is_small(built: Path) -> None:
    page = (built / "index.html").read_text()
    first = [built / name for name in re.findall(r"(?:src|href)=\"/(assets/[^\"]+)", page)]
    assert len(first) >= 2
    assert sum(len(gzip.compress(path.read_bytes())) for path in first) < LIMIT


def test_build_that_fails_says_why(tmp_path: Path) -> None:
    tool = tmp_path / "node_modules/.bin/tsc"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho 'main.tsx(1,1): error TS2304'\nexit 2\n")
    tool.chmod(0o755)
    with pytest.raises(console.BuildError, match=r"tsc failed:\nmain\.tsx\(1,1\): error TS2304"):
        console.build(tmp_path, tmp_path / "out")


def test_newer_build_leaves_nothing_of_the_older_one(tmp_path: Path) -> None:
    package, fresh = tmp_path / "package", tmp_path / "fresh"
    (package / "assets").mkdir(parents=True)
    (fresh / "assets").mkdir(parents=True)
    for path in (package / "__init__.py", package / "old.txt", package / "assets/old.js", fresh / "assets/new.js"):
        path.write_text("x")
    console.replace(package, fresh)
    assert sorted(path.relative_to(package).as_posix() for path in package.rglob("*.*")) == [
        "__init__.py",
        "assets/new.js",
    ]


def test_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (console.SOURCE / "package-lock.json").read_text()


def test_units_of_the_console_work() -> None:
    nodemodules.install(console.SOURCE)
    argv = [str(console.SOURCE / "node_modules/.bin/vitest"), "run", "--no-color"]
    environment = {name: value for name, value in os.environ.items() if name != "NODE_ENV"}
    done = subprocess.run(argv, cwd=console.SOURCE, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
