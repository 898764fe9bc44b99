from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.client.conftest import Run
from tests.support.fake_api import DONE, FakeApi, Road

GIT = ("submit", "--repo", "https://example.com/r.git")


def test_a_git_url_is_submitted_with_all_options(api: FakeApi, patchmill: Run) -> None:
    options = [
        "--ref",
        "dev",
        "--agent",
        "mini",
        "--model",
        "m1",
        "--timeout",
        "1h30m",
        "--label",
        "a=b",
        "--label",
        "c=d=e",
    ]
    ran = patchmill(*GIT, "fix it", *options)
    assert ran.code == 0, ran.err
    assert ran.out == "01TASK0000\n"
    assert api.bodies == [
        {
            "prompt": "fix it",
            "source": {"git": {"url": "https://example.com/r.git", "ref": "dev"}},
            "agent": "mini",
            "model": "m1",
            "labels": {"a": "b", "c": "d=e"},
            "limits": {"timeout_s": 5400},
        }
    ]


def test_a_folder_is_zipped_and_uploaded(api: FakeApi, patchmill: Run, folder: Path) -> None:
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "noise.log").write_text("x")
    ran = patchmill("submit", "--repo", folder, "fix it")
    assert ran.code == 0, ran.err
    assert api.bodies[0]["source"] == {"upload_id": "up0"}
    assert zipfile.ZipFile(io.BytesIO(api.uploads["up0"])).namelist() == [".gitignore", "greet.py"]
    assert "Uploaded 2 files" in ran.err


def test_a_zip_is_uploaded_as_it_is(api: FakeApi, patchmill: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("a.py", "x")
    assert patchmill("submit", "--repo", tmp_path / "code.zip", "fix it").code == 0
    assert api.uploads["up0"] == (tmp_path / "code.zip").read_bytes()


def test_the_prompt_comes_from_stdin_or_a_file(api: FakeApi, patchmill: Run, tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("from a file ü")
    assert patchmill(*GIT, "-", stdin=b"from stdin\n").code == 0
    assert patchmill(*GIT, "--prompt-file", tmp_path / "prompt.md").code == 0
    assert [body["prompt"] for body in api.bodies] == ["from stdin\n", "from a file ü"]


def test_the_same_idempotency_key_gives_the_same_task(patchmill: Run) -> None:
    first, second = (patchmill(*GIT, "x", "--idempotency-key", "k1", "--json") for _ in range(2))
    assert json.loads(first.out)["id"] == json.loads(second.out)["id"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*GIT,), "prompt"),
        ((*GIT, " "), "prompt is empty"),
        ((*GIT, "x", "--prompt-file", "y"), "once"),
        ((*GIT, "--prompt-file", "/no/such/file"), "/no/such/file can't be read"),
        (("submit", "x"), "--repo"),
        (("submit", "--repo", "/no/such/folder", "x"), "/no/such/folder is neither"),
        ((*GIT, "x", "--timeout", "soon"), "'soon' is no time"),
        ((*GIT, "x", "--timeout", "0s"), "is no time"),
        ((*GIT, "x", "--timeout", ""), "is no time"),
        ((*GIT, "x", "--label", "novalue"), "name=value"),
        ((*GIT, "x", "--agent", "wizard"), "agent: must be command or mini"),
        ((*GIT, "x", "--idempotency-key", "schlüssel"), "printable ASCII"),
        ((*GIT, "x", "--idempotency-key", ""), "printable ASCII"),
        ((*GIT, "x", "--model", "\udcff"), "UTF-8"),
        ((*GIT, "\udcff"), "UTF-8"),
        (("list", "--status", "\udcff"), "UTF-8"),
        (("list", "--url", "patchmill.example.com"), "http://"),
        ((*GIT, "x", "--nonsense"), "--nonsense"),
        (("nonsense",), "nonsense"),
        (("list", "--limit", "0"), "--limit"),
    ],
)
def test_a_users_mistake_ends_with_2_and_a_sentence(patchmill: Run, arguments: tuple[str, ...], words: str) -> None:
    ran = patchmill(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err and "Traceback" not in ran.err


def test_a_ref_for_a_folder_is_refused(api: FakeApi, patchmill: Run, folder: Path) -> None:
    ran = patchmill("submit", "--repo", folder, "x", "--ref", "main")
    assert ran.code == 2 and "--ref" in ran.err and not api.seen


def test_a_prompt_that_is_no_text_is_refused(patchmill: Run) -> None:
    ran = patchmill(*GIT, "-", stdin=b"\xff\xfe")
    assert ran.code == 2 and "UTF-8" in ran.err


@pytest.mark.parametrize("missing", ["PATCHMILL_URL", "PATCHMILL_API_KEY"])
def test_a_missing_setting_is_named(patchmill: Run, missing: str) -> None:
    ran = patchmill("list", env={missing: None})
    assert ran.code == 2 and f"{missing} is not set" in ran.err


def test_the_url_option_wins(api: FakeApi, patchmill: Run) -> None:
    assert patchmill("list", "--url", api.url, env={"PATCHMILL_URL": "http://127.0.0.1:9"}).code == 0


def test_no_contact_and_a_wrong_key_end_with_4(patchmill: Run) -> None:
    ran = patchmill("list", "--url", "http://127.0.0.1:9")
    assert ran.code == 4 and "127.0.0.1:9 can't be reached" in ran.err
    ran = patchmill("list", env={"PATCHMILL_API_KEY": "wrong"})
    assert ran.code == 4 and "PATCHMILL_API_KEY" in ran.err and "wrong" not in ran.err


def test_following_shows_states_log_and_outcome(patchmill: Run) -> None:
    ran = patchmill(*GIT, "x", "--agent", "mini", "--model", "scripted/demo", "--follow")
    assert ran.code == 0, ran.err
    assert ran.out == "reading\nwriting\ndone\n"
    words = ["01TASK0000", "queued", "agent running (mini, scripted/demo, scripted model)", "delivering", "COMPLETED"]
    places = [ran.err.index(word) for word in words]
    assert places == sorted(places)
    assert "1 file changed, +1 -1 (scripted model)" in ran.err and "patchmill diff 01TASK0000" in ran.err


def test_a_failed_task_ends_with_1_and_its_reason(api: FakeApi, patchmill: Run) -> None:
    api.road = Road(states=((0, "QUEUED"), (0.1, "FAILED")), log=b"boom\n", reason="AGENT_ERROR")
    ran = patchmill(*GIT, "x", "-f")
    assert (ran.code, ran.out) == (1, "boom\n")
    assert "FAILED after 0.1 s (AGENT_ERROR): the command ended with 3" in ran.err


def test_a_cancelled_task_ends_with_3(api: FakeApi, patchmill: Run) -> None:
    api.road = Road(states=((0, "QUEUED"), (0.2, "CANCELLED")), log=b"")
    assert patchmill(*GIT, "x", "-f").code == 3


def test_following_as_json_gives_objects_only(patchmill: Run) -> None:
    ran = patchmill(*GIT, "x", "-f", "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 0 and lines[0]["status"] == "QUEUED" and lines[-1]["status"] == "COMPLETED"
    assert "".join(line["log"] for line in lines if "log" in line) == "reading\nwriting\ndone\n"


def test_a_log_can_not_control_the_terminal(api: FakeApi, patchmill: Run) -> None:
    api.road = Road(states=DONE.states, log="\x1b]0;pwned\x07\x1b[2J\x1b[31m红\x1b[0m\x1b[5".encode())
    ran = patchmill(*GIT, "x", "-f")
    assert ran.out == "\x1b[31m红\x1b[0m\n\x1b[0m"
