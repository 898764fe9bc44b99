"""Sources that can't be had or are not acceptable: the task fails with a sentence, and no other one is disturbed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.git_http import GitServer, git_server, make_repository
from tests.support.road import Obj, Road
from tests.support.zips import LINK, Entry, build

GOOD = Entry(b"good.txt")
BOMB = build(*(Entry(b"big-%d" % number, bytes(100_000), size=2 << 30) for number in range(5)))


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    root = tmp_path_factory.mktemp("git")
    make_repository(root / "app", {"a.txt": "a\n"})
    with git_server(root) as server:
        yield server


def fails(road: Road, source: Obj, *words: str) -> None:
    task_id, following = road.submit("echo never > never.txt", source), road.submit("cat readme.txt")
    task = road.ended(task_id)
    assert (task["status"], task["reason"]) == ("FAILED", "SOURCE_ERROR"), task
    for word in words:
        assert word in task["message"]
        assert word in road.log(task["id"])
    assert "Traceback" not in road.log(task["id"])
    assert "never.txt" not in str(task["artifacts"])
    assert road.ended(following)["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("archive", "word"),
    [
        pytest.param(b"this is no ZIP", "ZIP", id="no ZIP"),
        pytest.param(build(GOOD)[:60], "ZIP", id="cut off"),
        pytest.param(build(GOOD, Entry(b"../outside.txt")), "../outside.txt", id="outside"),
        pytest.param(build(GOOD, Entry(b"a/../../outside.txt")), "outside.txt", id="outside by a detour"),
        pytest.param(build(GOOD, Entry(b"/etc/passwd")), "/etc/passwd", id="absolute"),
        pytest.param(build(GOOD, Entry(b"C:\\Windows\\x")), "Windows", id="absolute elsewhere"),
        pytest.param(build(GOOD, Entry(b"link", b"/etc/passwd", mode=LINK)), "link", id="symlink"),
        pytest.param(BOMB, "limit", id="10 GB in 10 KB"),
    ],
)
def test_zip_that_is_not_acceptable(road: Road, archive: bytes, word: str) -> None:
    assert len(archive) < 10_000
    fails(road, road.upload(archive), word)


def test_repository_that_does_not_exist(road: Road, repositories: GitServer) -> None:
    fails(road, {"git": {"url": f"{repositories.url}/nowhere.git"}}, "nowhere.git")


def test_host_that_does_not_answer(road: Road) -> None:
    fails(road, {"git": {"url": "http://127.0.0.1:1/app.git"}}, "does not answer")


def test_repository_that_is_private(road: Road, repositories: GitServer) -> None:
    fails(road, {"git": {"url": f"{repositories.url}/private/app/.git"}}, "private")


def test_ref_that_does_not_exist(road: Road, repositories: GitServer) -> None:
    source = {"git": {"url": f"{repositories.url}/app/.git", "ref": "no-such-branch"}}
    fails(road, source, "no-such-branch", "not found")


def test_commit_that_does_not_exist(road: Road, repositories: GitServer) -> None:
    fails(road, {"git": {"url": f"{repositories.url}/app/.git", "ref": "0" * 39 + "1"}}, "not found")
