"""Packages: the same bytes for the same input, made again only for another one, and with nothing that is not meant."""

from __future__ import annotations

import marshal
import multiprocessing
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from deployer.packaging import Package, PackagingError, build
from deployer.packaging.__main__ import Folders
from tests.support.packages import content, names, project, python310

FILES = {
    "functions/hello/index.py": "from shared import word\n\n\ndef main_handler(event, context):\n    return word\n",
    "functions/hello/words/data.txt": "äöü\n",
    "layers/core/shared.py": "word = 'hello'\nseen = {'one', 'two', 'three'} | frozenset({'a', 'b', 'c'})\n",
}


def test_same_input_gives_the_same_bytes_in_another_folder_at_another_time(tmp_path: Path) -> None:
    first, second = project(tmp_path / "one", FILES), project(tmp_path / "two" / "deeper", FILES)
    for path in second.project.rglob("*"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o700)
    built, again = build(first, python310=python310()), build(second, python310=python310())
    assert {package.id for package in built.values()} == {"function/hello", "layer/core"}
    for name, package in built.items():
        assert package.zip.read_bytes() == again[name].zip.read_bytes()
        assert package.digest == again[name].digest


def test_entries_are_sorted_dated_1980_and_readable_by_all(tmp_path: Path) -> None:
    package = build(project(tmp_path, FILES), python310=python310())["function/hello"]
    with zipfile.ZipFile(package.zip) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == [
        "__pycache__/index.cpython-310.pyc",
        "index.py",
        "words/data.txt",
    ]
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 0o100644)}
    assert package.unpacked_bytes == sum(entry.file_size for entry in entries)
    assert package.zip_bytes == package.zip.stat().st_size


def test_bytecode_is_unchecked_and_names_the_platforms_paths(tmp_path: Path) -> None:
    packages = build(project(tmp_path, FILES), python310=python310())
    function = content(packages["function/hello"], "__pycache__/index.cpython-310.pyc")
    layer = content(packages["layer/core"], "__pycache__/shared.cpython-310.pyc")
    assert function[:8] == layer[:8] == (3439).to_bytes(2, "little") + b"\r\n" + b"\1\0\0\0"  # PEP 552: hash, unchecked
    assert b"/var/user/index.py" in function and b"/opt/shared.py" in layer
    assert str(tmp_path).encode() not in function + layer
    if sys.version_info[:2] == (3, 10):
        assert marshal.loads(function[16:]).co_filename == "/var/user/index.py"


def test_bytecode_is_what_python_3_10_uses(tmp_path: Path) -> None:
    """The source beside it says something else: an unchecked file is used all the same."""
    package = build(project(tmp_path, FILES), python310=python310())["layer/core"]
    with zipfile.ZipFile(package.zip) as archive:
        archive.extractall(tmp_path / "opt")
    (tmp_path / "opt" / "shared.py").write_text("word = 'from the source'\n")
    argv = [str(python310()), "-S", "-c", "import shared; print(shared.word)"]
    done = subprocess.run(argv, env={"PYTHONPATH": str(tmp_path / "opt")}, capture_output=True, text=True, timeout=20)
    assert done.stdout == "hello\n"


def test_digest_leaves_bytecode_out_but_tells_that_it_is_there(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES)
    without, compiled = build(declared), build(declared, python310=python310())
    assert without["layer/core"].digest != compiled["layer/core"].digest
    assert names(without["layer/core"]) == ["shared.py"]
    assert any("no Python 3.10 was found" in note for note in without["layer/core"].notes)
    assert not compiled["layer/core"].notes


def test_one_changed_line_changes_one_digest(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES)
    before = build(declared)
    (tmp_path / "functions/hello/index.py").write_text(FILES["functions/hello/index.py"] + "# changed\n")
    after = build(declared)
    assert after["function/hello"].digest != before["function/hello"].digest
    assert after["layer/core"] == before["layer/core"]


def test_caches_and_hidden_files_stay_out(tmp_path: Path) -> None:
    rest = dict.fromkeys(("__pycache__/old.cpython-39.pyc", ".env", "a.pyc", "index.py~", ".git/config"), "x = 1\n")
    package = build(project(tmp_path, {**FILES, **{f"functions/hello/{name}": text for name, text in rest.items()}}))
    assert names(package["function/hello"]) == ["index.py", "words/data.txt"]


def test_second_build_of_the_same_takes_what_is_there(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES)
    before = build(declared, python310=python310())
    inodes = {package.zip.stat().st_ino for package in before.values()}
    began = time.monotonic()
    again = build(declared, python310=Path("/does/not/run"))
    assert time.monotonic() - began < 0.3
    assert again == before
    assert {package.zip.stat().st_ino for package in again.values()} == inodes


def test_damaged_entry_is_made_anew(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES)
    package = build(declared)["layer/core"]
    whole = package.zip.read_bytes()
    package.zip.write_bytes(whole[:20])
    assert build(declared)["layer/core"].zip.read_bytes() == whole
    (package.zip.parent / "package.json").write_text("{")
    assert build(declared)["layer/core"].zip.read_bytes() == whole


def _build(declared: Folders) -> dict[str, Package]:
    return build(declared, python310=python310())


def test_two_builders_at_once_agree_and_leave_no_drafts(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_build, [declared, declared])
    assert first == second
    assert all(package.zip.exists() for package in first.values())
    assert sorted(path.name.rpartition("-")[0] for path in (tmp_path / ".local/packages").glob("[!.]*")) == [
        "function-hello",
        "layer-core",
    ]
    assert not list((tmp_path / ".local/packages").glob(".building-*"))


def test_what_nobody_uses_any_more_is_removed_but_the_latest_few(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES)
    places = []
    for number in range(5):
        (tmp_path / "functions/hello/index.py").write_text(f"x = {number}\n")
        places.append(build(declared)["function/hello"].zip.parent)
        os.utime(places[-1], (1e9 + number, 1e9 + number))
    killed = tmp_path / ".local/packages/.building-killed"
    killed.mkdir()
    os.utime(killed, (1e9, 1e9))
    (tmp_path / "functions/hello/index.py").write_text("x = 5\n")
    build(declared)
    assert [place.exists() for place in places] == [False, False, True, True, True]
    assert not killed.exists()


def test_syntax_error_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    declared = project(tmp_path, {**FILES, "functions/hello/index.py": "def main_handler(:\n"})
    with pytest.raises(PackagingError, match=r"index\.py: SyntaxError.*line 1"):
        build(declared, python310=python310())
    assert not list((tmp_path / ".local/packages").glob("function-*"))


def test_symbolic_link_is_refused_by_name(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES)
    (tmp_path / "functions/hello/link").symlink_to("/etc")
    with pytest.raises(PackagingError, match="link in functions/hello is a symbolic link"):
        build(declared)


def test_absent_and_empty_folders_are_refused_by_name(tmp_path: Path) -> None:
    declared = project(tmp_path, FILES, layers=("core", "more"))
    with pytest.raises(PackagingError, match="layers/more is no folder"):
        build(declared)
    (tmp_path / "layers/more").mkdir()
    with pytest.raises(PackagingError, match="layers/more has no files"):
        build(declared)


def test_interpreter_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="/does/not/run does not compile"):
        build(project(tmp_path, FILES), python310=Path("/does/not/run"))
