from __future__ import annotations

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from patchmill_client import UsageError
from patchmill_client.source import open_zip, pack


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"this is {name}\n")


def packed(folder: Path) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
    """What is in the folder's ZIP, and the warnings."""
    warnings: list[str] = []
    with pack(folder, warnings.append) as source, zipfile.ZipFile(source.file) as archive:
        assert archive.testzip() is None
        assert source.files == len(archive.namelist())
        return {info.filename: info for info in archive.infolist()}, warnings


def test_gitignore_is_respected_in_a_checkout(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, "kept.py", "tracked.log", "noise.log", "build/out.bin", "deleted.py", "sub/new.py")
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n")
    git(tmp_path, "add", "-f", "tracked.log", "deleted.py")
    (tmp_path / "deleted.py").unlink()
    assert list(packed(tmp_path)[0]) == [".gitignore", "kept.py", "sub/new.py", "tracked.log"]


def test_a_subfolder_of_a_checkout_is_packed_from_itself(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, "outside.py", "sub/inside.py", "sub/noise.log")
    (tmp_path / ".gitignore").write_text("*.log\n")
    assert list(packed(tmp_path / "sub")[0]) == ["inside.py"]


def test_a_folder_that_the_checkout_around_it_ignores_is_packed_by_its_own_rules(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, "scratch/pkg/a.py", "scratch/pkg/b.tmp")
    (tmp_path / ".gitignore").write_text("scratch/\n")
    (tmp_path / "scratch/pkg/.gitignore").write_text("*.tmp\n")
    assert list(packed(tmp_path / "scratch/pkg")[0]) == [".gitignore", "a.py"]


def test_checkouts_inside_a_checkout_are_packed_too(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, "a.py", "inner/b.py", "inner/c.log")
    git(tmp_path / "inner", "init", "-q")
    (tmp_path / "inner/.gitignore").write_text("*.log\n")
    assert list(packed(tmp_path)[0]) == ["a.py", "inner/.gitignore", "inner/b.py"]


def test_the_checkouts_own_monitor_command_is_not_run(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, "a.py")
    git(tmp_path, "config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    assert list(packed(tmp_path)[0]) == ["a.py"]
    assert not (tmp_path / "ran").exists()


def test_without_git_the_gitignore_files_decide_as_git_would(tmp_path: Path) -> None:
    plain, checkout = tmp_path / "plain", tmp_path / "checkout"
    for folder in (plain, checkout):
        write(folder, "a.py", "a.log", "keep.log", "build/x", "docs/build/y", "docs/z.txt", "docs/deep/z.txt")
        write(folder, "only/top.cfg", "sub/only/top.cfg", "sub/b.log", "sub/c.tmp", "名/é.py", "x y/[1].py")
        (folder / ".gitignore").write_text("# comment\n*.log\n!keep.log\nbuild/\n/only/top.cfg\n\\#x\n")
        (folder / "sub/.gitignore").write_text("!b.log\n*.tmp\n")
        (folder / "docs/.gitignore").write_text("z.txt\n!/deep/z.txt\n")
    git(checkout, "init", "-q")
    assert list(packed(plain)[0]) == list(packed(checkout)[0])
    assert "sub/b.log" in packed(plain)[0] and "a.log" not in packed(plain)[0]


def test_git_folder_is_never_packed(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "sub/.git/config", ".git/nothing")
    assert list(packed(tmp_path)[0]) == ["a.py"]


def test_links_and_odd_files_are_left_out_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "bad\nname.py", "back\\slash.py")
    (tmp_path / "link.py").symlink_to("a.py")
    (tmp_path / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text("x")
    names, warnings = packed(tmp_path)
    assert list(names) == ["a.py"]
    assert len(warnings) == 6
    assert "'link.py' is a symbolic link: left out" in warnings


def test_only_the_executable_bit_is_kept(tmp_path: Path) -> None:
    write(tmp_path, "run.sh", "data.txt")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "data.txt").chmod(0o600)
    modes = {name: info.external_attr >> 16 for name, info in packed(tmp_path)[0].items()}
    assert modes == {"data.txt": 0o100644, "run.sh": 0o100755}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one", "b.py", "a.py")
    write(tmp_path / "two", "a.py", "b.py")
    os.utime(tmp_path / "two/a.py", (1, 1))
    contents = []
    for name in ("one", "two"):
        with pack(tmp_path / name, print) as source:
            source.file.seek(0)
            contents.append(source.file.read())
            assert source.size == len(contents[-1])
    assert contents[0] == contents[1]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(UsageError, match="holds no file"), pack(tmp_path, print):
        pass


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "code.zip")
    with pytest.raises(UsageError, match=r"code\.zip is not a ZIP"), open_zip(tmp_path / "code.zip"):
        pass


def test_a_zip_is_sent_as_it_is(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.py", "x")
    (tmp_path / "code.zip").write_bytes(content.getvalue())
    with open_zip(tmp_path / "code.zip") as source:
        assert (source.file.read(), source.files) == (content.getvalue(), 1)
