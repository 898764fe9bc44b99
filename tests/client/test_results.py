from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Run
from tests.support.fake_api import DONE, ENDLESS, PATCH, FakeApi, Road

LATIN = PATCH.replace(b"hello", b"h\xe9llo\x1b[2J")


def with_files(files: dict[str, bytes]) -> Road:
    return Road(states=DONE.states, files=files)


def test_a_piped_diff_is_the_very_bytes(api: FakeApi, started: Callable[..., subprocess.Popen[bytes]]) -> None:
    task_id = api.add({}, with_files({"diff.patch": LATIN}))
    out, err = started("diff", task_id).communicate(timeout=20)
    assert (out, err) == (LATIN, b"")


def test_a_diff_on_a_terminal_is_coloured_and_harmless(
    api: FakeApi, started: Callable[..., subprocess.Popen[bytes]]
) -> None:
    task_id = api.add({}, with_files({"diff.patch": LATIN}))
    terminal, inside = pty.openpty()
    process = started("diff", task_id, stdout=inside, stderr=inside)
    assert process.wait(20) == 0
    os.close(inside)
    shown = os.read(terminal, 100_000)
    os.close(terminal)
    assert b"\x1b[32m+print" in shown and b"\x1b[31m-print" in shown and b"\x1b[2J" not in shown


def test_a_diff_as_json_holds_any_bytes(api: FakeApi, patchmill: Run) -> None:
    plain, latin = api.add({}, DONE), api.add({}, with_files({"diff.patch": LATIN}))
    assert json.loads(patchmill("diff", plain, "--json").out)["patch"] == PATCH.decode()
    assert "patch_base64" in json.loads(patchmill("diff", latin, "--json").out)


@pytest.mark.parametrize("checkout", [None, ".", ".."])
def test_the_patch_is_applied(api: FakeApi, patchmill: Run, folder: Path, checkout: str | None) -> None:
    if checkout:  # the folder itself is a checkout, or lies in one
        subprocess.run(["git", "-C", folder / checkout, "init", "-q"], check=True)
    ran = patchmill("diff", api.add({}, DONE), "--apply", "--repo", folder)
    assert ran.code == 0, ran.err
    assert (folder / "greet.py").read_text() == 'print("hello")\n'
    assert f"Applied to {folder}: 1 file changed, +1 -1." in ran.err and ran.out == ""


def test_a_patch_is_not_applied_twice(api: FakeApi, patchmill: Run, folder: Path) -> None:
    task_id = api.add({}, DONE)
    patchmill("diff", task_id, "--apply", "--repo", folder)
    ran = patchmill("diff", task_id, "--apply", "--repo", folder, "--json")
    assert ran.code == 0 and json.loads(ran.out)["applied"] is False
    assert "already" in patchmill("diff", task_id, "--apply", "--repo", folder).err


def test_a_patch_that_does_not_fit_changes_nothing(api: FakeApi, patchmill: Run, folder: Path) -> None:
    new = b"diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x\n"
    (folder / "greet.py").write_text("something else\n")
    ran = patchmill("diff", api.add({}, with_files({"diff.patch": new + PATCH})), "--apply", "--repo", folder)
    assert ran.code == 1 and "does not apply" in ran.err and "greet.py" in ran.err
    assert [each.name for each in folder.iterdir()] == ["greet.py"]


@pytest.mark.parametrize("target", ["../evil", ".git/hooks/evil", "link/evil"])
def test_a_patch_can_not_reach_out_of_the_folder(api: FakeApi, patchmill: Run, folder: Path, target: str) -> None:
    (folder / "link").symlink_to("..")
    patch = (
        f"diff --git a/{target} b/{target}\nnew file mode 100755\n--- /dev/null\n+++ b/{target}\n@@ -0,0 +1 @@\n+x\n"
    )
    ran = patchmill("diff", api.add({}, with_files({"diff.patch": patch.encode()})), "--apply", "--repo", folder)
    assert ran.code == 1 and "does not apply" in ran.err
    assert not list(folder.parent.rglob("evil"))


def test_an_empty_patch_is_nothing_to_apply(api: FakeApi, patchmill: Run, folder: Path) -> None:
    ran = patchmill("diff", api.add({}, with_files({"diff.patch": b""})), "--apply", "--repo", folder)
    assert ran.code == 0 and "empty" in ran.err


def test_a_patch_that_is_not_there_yet_is_told(api: FakeApi, patchmill: Run) -> None:
    ran = patchmill("diff", api.add({}, ENDLESS))
    assert ran.code == 2 and "no patch yet" in ran.err


def test_a_missing_folder_is_told(api: FakeApi, patchmill: Run) -> None:
    ran = patchmill("diff", api.add({}, DONE), "--apply", "--repo", "/no/such/folder")
    assert ran.code == 2 and "is not a folder" in ran.err


def test_artifacts_are_listed(api: FakeApi, patchmill: Run) -> None:
    task_id = api.add({}, DONE)
    assert "diff.patch" in patchmill("artifacts", task_id).out
    lines = [json.loads(line) for line in patchmill("artifacts", task_id, "--json").out.splitlines()]
    assert [line["name"] for line in lines] == ["diff.patch", "result.json"]


def test_artifacts_are_downloaded_and_downloaded_again(api: FakeApi, patchmill: Run, tmp_path: Path) -> None:
    task_id = api.add({}, DONE)
    for _ in range(2):
        ran = patchmill("artifacts", task_id, "--download", tmp_path / "new/results")
        assert ran.code == 0, ran.err
    assert (tmp_path / "new/results/diff.patch").read_bytes() == PATCH
    assert sorted(each.name for each in (tmp_path / "new/results").iterdir()) == ["diff.patch", "result.json"]


def test_a_file_of_the_user_is_not_overwritten(api: FakeApi, patchmill: Run, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("mine")
    ran = patchmill("artifacts", api.add({}, DONE), "--download", tmp_path)
    assert ran.code == 2 and "exists already" in ran.err
    assert (tmp_path / "result.json").read_text() == "mine"


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "..", ".bashrc", "a/b", "a\\b", "a\nb", ""])
def test_a_hostile_artifact_name_is_not_saved(api: FakeApi, patchmill: Run, tmp_path: Path, name: str) -> None:
    ran = patchmill("artifacts", api.add({}, with_files({name: b"x"})), "--download", tmp_path / "in")
    assert ran.code == 1 and "no plain file name" in ran.err
    assert not list(tmp_path.rglob("*"))
