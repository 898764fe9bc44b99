"""`python -m deployer.packaging`: sizes for people, and exit codes for set-up and CI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.packaging import PackagingError, build_for
from deployer.packaging.__main__ import main, read
from tests.support.packages import project, python310

REPOSITORY = Path(__file__).resolve().parents[2]
DECLARATION = """
functions:
  hello: {path: functions/hello, handler: index.main_handler, layers: [core]}
layers:
  core: {path: layers/core}
"""
FILES = {
    "serverless.yml": DECLARATION,
    "functions/hello/index.py": "x = 1\n",
    "layers/core/shared.py": "y = 1\n",
}


def test_sizes_of_each_package_and_of_the_layers_are_printed(tmp_path: Path) -> None:
    project(tmp_path, FILES)
    done = subprocess.run(
        [sys.executable, "-m", "deployer.packaging", tmp_path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    first_words = [line.split()[0] for line in done.stdout.splitlines()[1:4]]
    assert first_words == ["layer/core", "function/hello", "layers"]
    assert "each function 200 KB zipped, layers together 45 MB unpacked" in done.stdout


def test_too_large_function_is_an_error_with_its_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, FILES)
    (tmp_path / "functions/hello/noise.bin").write_bytes(os.urandom(250_000))
    assert main([str(tmp_path), "--quiet"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert re.search(r"function/hello is 25\d KB zipped; 200 KB are allowed", said.err)


@pytest.mark.parametrize("text", ["", "functions: 3", "functions: {hello: {}}", "a: [", "functions: [x]"])
def test_useless_declaration_is_told_without_a_traceback(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "serverless.yml").write_text(text)
    assert main([str(tmp_path)]) == 2
    assert "serverless.yml has no functions with a `path` each" in capsys.readouterr().err


def test_absent_declaration_and_unknown_target_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "serverless.yml: No such file" in capsys.readouterr().err
    project(tmp_path, FILES)
    assert main([str(tmp_path), "--target", "2.7-x86_64"]) == 2
    assert "it is to be like 3.10-x86_64" in capsys.readouterr().err


def test_stage_says_what_it_runs(tmp_path: Path) -> None:
    """Only the bytecode tells, and only where that Python is there to make it."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    project(tmp_path, FILES)
    own = build_for(read(tmp_path), {"PATCHMILL_PACKAGE_TARGET": f"{version}-x86_64"})["layer/core"]
    platforms = build_for(read(tmp_path), {})["layer/core"]
    python310()
    assert (own.digest == platforms.digest) == (version == "3.10")
    assert any("not for the platform's 3.10-x86_64" in note for note in own.notes) == (version != "3.10")


def test_our_declaration_names_every_folder_of_functions_and_layers() -> None:
    folders = read(REPOSITORY)
    found = {path.name for path in (REPOSITORY / "functions").iterdir() if (path / "index.py").is_file()}
    assert set(folders.functions) == found
    assert set(folders.layers) == {"vendor", "core", "console"}


def test_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    project(tmp_path, {**FILES, "serverless.yml": DECLARATION.replace("layers/core", "layers/none")})
    with pytest.raises(PackagingError, match="layers/none is no folder"):
        build_for(read(tmp_path), {})
