"""diff.patch against real git: whatever an agent does to the tree, a clean checkout with the patch is the same tree."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from patchmill_agent import diff
from patchmill_agent.diff import Patch
from patchmill_agent.errors import PatchError
from patchmill_agent.tree import Notes
from tests.support.git_http import git, make_repository

LIMIT = 1 << 20
FILES: dict[str, str | bytes] = {
    "a.txt": "".join(f"line {n}\n" for n in range(40)),
    "b/keep.txt": "keep\n",
    "b/moved.txt": "".join(f"moved {n}\n" for n in range(40)),
    "bin.dat": bytes(range(256)) * 20,
    "crlf.txt": b"one\r\ntwo\r\nthree\r\n",
    "noeol.txt": "no end",
    "empty": "",
    "run.sh": "#!/bin/sh\n",
    ".gitignore": "*.log\n/out/\n!keep.log\n",
    ".gitattributes": "*.txt text eol=crlf diff=evil\n*.dat filter=evil -diff\n*.sh ident\n",
}


def change_all_kinds(code: Path) -> None:
    (code / "a.txt").write_text((code / "a.txt").read_text().replace("line 7\n", "line seven\n"))
    (code / "b" / "moved.txt").rename(code / "moved here.txt")
    (code / "bin.dat").write_bytes(bytes(reversed(range(256))) * 20)
    (code / "new.bin").write_bytes(b"\0\1\2" * 500)
    (code / "crlf.txt").write_bytes(b"one\r\n2\r\nthree\r\n")
    (code / "noeol.txt").write_text("no end, still")
    (code / "empty").unlink()
    (code / "new empty").touch()
    (code / "b" / "keep.txt").unlink()
    (code / "run.sh").chmod(0o755)


def odd_names(code: Path) -> None:
    for name in (
        'quo"te',
        "back\\slash",
        "spa ce ",
        "tab\there",
        "new\nline",
        "文档/说明.md",
        "-dash",
        "a => b",
        "{x}",
    ):
        (code / name).parent.mkdir(exist_ok=True)
        (code / name).write_text("odd\n")
    (code / os.fsdecode(b"latin-\xe9")).write_text("not UTF-8\n")


def kinds_swapped(code: Path) -> None:
    (code / "a.txt").unlink()
    (code / "a.txt").symlink_to("b/keep.txt")
    (code / "noeol.txt").unlink()
    (code / "noeol.txt").mkdir()
    (code / "noeol.txt" / "inside").write_text("now a folder\n")
    subprocess.run(["rm", "-r", code / "b"], check=True)
    (code / "b").write_text("now a file\n")
    (code / "dangling").symlink_to("/nowhere/at/all")


def everything_deleted(code: Path) -> None:
    subprocess.run(["find", code, "-mindepth", "1", "-delete"], check=True)


def hostile_repository(code: Path) -> None:
    """Configuration, hooks, attributes and ignore rules that would hide or run something."""
    (code / ".git").mkdir(exist_ok=True)
    (code / ".git" / "config").write_text(
        '[diff "evil"]\n\ttextconv = touch pwned\n[core]\n\tfsmonitor = touch pwned\n'
    )
    (code / ".gitattributes").write_text("* -diff filter=evil diff=evil\n*.txt export-ignore\n")
    (code / ".gitignore").write_text("*\n")
    (code / "hidden.py").write_text("import os\n")
    (code / "a.txt").write_text("changed\n")


def nested_repositories(code: Path) -> None:
    make_repository(code / "vendor", {"lib.py": "x = 1\n"})
    (code / "b" / ".git").write_text("gitdir: /etc\n")
    (code / "b" / "keep.txt").write_text("changed\n")


@pytest.mark.parametrize(
    "act", [change_all_kinds, odd_names, kinds_swapped, everything_deleted, hostile_repository, nested_repositories]
)
def test_patch_on_a_clean_checkout_gives_the_agents_tree(act: Callable[[Path], None], tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    act(code)
    patch = _make(tmp_path, base, code)
    origin = tmp_path / "origin"
    subprocess.run(["cp", "-a", base, origin], check=True)
    raw = origin / ".git" / "info" / "attributes"
    git("init", "--quiet", "origin", cwd=tmp_path)
    raw.write_text("* -text -filter -ident -working-tree-encoding\n")
    make_repository(origin, {})
    git("clone", "--quiet", "origin", "ordinary", cwd=tmp_path)  # with the conversions that .gitattributes asks for
    git("apply", "--check", str(patch.path), cwd=tmp_path / "ordinary")
    git("apply", "--index", str(patch.path), cwd=origin)  # without them, so that bytes can be compared
    assert _snapshot(origin) == _snapshot(code)
    assert not list(tmp_path.rglob("pwned"))


def test_numbers_are_those_of_git(tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    change_all_kinds(code)
    patch = _make(tmp_path, base, code)
    assert (patch.files, patch.insertions, patch.deletions) == (9, 3, 4)
    text = patch.path.read_bytes()
    for part in (b"rename to moved here.txt", b"GIT binary patch", b"new mode 100755", b"deleted file mode 100644"):
        assert part in text


def test_unchanged_tree_gives_an_empty_patch_without_git(tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    (code / "a.txt").touch()
    patch = _make(tmp_path, base, code)
    assert (patch.path.read_bytes(), patch[1:]) == (b"", (0, 0, 0))


def test_same_size_and_time_do_not_hide_a_change(tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    status = (code / "run.sh").stat()
    (code / "run.sh").write_text("#!/bin/zh\n")
    os.utime(code / "run.sh", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _make(tmp_path, base, code).files == 1


def test_new_files_are_left_out_only_by_the_sources_own_rules_and_the_short_list(tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    (code / ".gitignore").write_text("*.py\n")
    for name in (
        "x.log",
        "keep.log",
        "out/x",
        "b/out/x",
        "new.py",
        "b/__pycache__/m.pyc",
        "node_modules/m/i.js",
        "build/x",
    ):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text("x\n")
    text = _make(tmp_path, base, code).path.read_text()
    added = {line.split(" b/")[1] for line in text.splitlines() if line.startswith("diff --git")}
    assert added == {".gitignore", "keep.log", "b/out/x", "new.py", "build/x"}


def test_ignored_file_of_the_source_is_compared_like_any_other(tmp_path: Path) -> None:
    base, code = _trees(tmp_path, {"x.log": "old\n", "__pycache__/m.pyc": "old\n"})
    (code / "x.log").write_text("new\n")
    (code / "__pycache__" / "m.pyc").unlink()
    assert _make(tmp_path, base, code).files == 2


def test_special_files_are_left_out_and_noted(tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    os.mkfifo(code / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(code / "socket"))
    (code / "real").write_text("x\n")
    notes = Notes()
    assert _make(tmp_path, base, code, notes=notes).files == 1
    assert sorted(line.split()[0] for line in notes.lines) == ["'pipe'", "'socket'"]


def test_new_files_below_what_was_a_link_are_kept(tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    for tree in (base, code):
        (tree / "link").symlink_to("b")
    (code / "link").unlink()
    (code / "link").mkdir()
    (code / "link" / "new.txt").write_text("x\n")
    assert b"link/new.txt" in _make(tmp_path, base, code).path.read_bytes()


@pytest.mark.parametrize("name", ["a.txt", "new.txt"])
def test_huge_change_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    base, code = _trees(tmp_path)
    with (code / name).open("wb") as file:
        file.truncate(50 << 30)  # sparse: 50 GB that would take minutes to read
    with pytest.raises(PatchError, match=f"the largest is '{name}'") as refused:
        _make(tmp_path, base, code)
    assert refused.value.reason == "OUTPUT_TOO_LARGE"


def test_patch_that_grew_above_the_limit_is_refused(tmp_path: Path) -> None:
    base, code = _trees(tmp_path)
    (code / "noise").write_bytes(os.urandom(LIMIT - 1000))  # fits as a file, but not spelled in base 85
    with pytest.raises(PatchError, match="the patch is"):
        _make(tmp_path, base, code)


def _trees(tmp_path: Path, more: dict[str, str] | None = None) -> tuple[Path, Path]:
    base, code = tmp_path / "base", tmp_path / "code"
    for name, content in (FILES | (more or {})).items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(content.encode() if isinstance(content, str) else content)
    subprocess.run(["cp", "-a", base, code], check=True)
    return base, code


def _make(tmp_path: Path, base: Path, code: Path, notes: Notes | None = None) -> Patch:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return diff.make(base, code, scratch, LIMIT, notes or Notes())


def _snapshot(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every file and link outside a `.git` with its kind and content."""
    found = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if ".git" in name.split("/"):
            continue
        if path.is_symlink():
            found[name] = ("link", os.fsencode(path.readlink()))
        elif path.is_file():
            executable = path.stat().st_mode & stat.S_IXUSR
            found[name] = ("executable" if executable else "file", path.read_bytes())
    return found
