"""`fetch` as a process: real repositories over real HTTP, real ZIP files, both with what may be wrong with them."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from patchmill_agent.errors import SourceError
from patchmill_agent.gitsource import check_ref, check_url
from tests.agent.conftest import Pod
from tests.support.git_http import GitServer, commit, git, make_repository
from tests.support.zips import Entry, build

FILES = {"README.md": "hello\n", "src/run.sh": "#!/bin/sh\n"}


def facts(report: dict[str, Any]) -> dict[str, Any]:
    """A report without its times."""
    return {name: value for name, value in report.items() if name not in ("started_at", "finished_at")}


def test_branch_tag_commit_and_default_are_fetched(pod: Pod, repositories: GitServer) -> None:
    repository = repositories.root / "r"
    first = make_repository(repository, FILES)
    git("tag", "v1", cwd=repository)
    git("switch", "-qc", "topic/x", cwd=repository)
    second = commit(repository, {"new.txt": "new\n"})
    git("switch", "-q", "main", cwd=repository)
    for ref, expected in ((None, first), ("v1", first), ("topic/x", second), (second, second), ("main", first)):
        report = pod.fetch_git(f"{repositories.url}/r/.git", ref)
        assert report["ok"] is True, report
        assert report["commit"] == expected
    assert report["started_at"] < report["finished_at"]
    assert facts(report) == {"v": 1, "ok": True, "commit": first, "files": 2, "bytes": 16}
    assert pod.bucket.objects.keys() >= {"phases/DOWNLOADING_CODE", "phases/RUNNING_AGENT", "code.tar.gz"}


def test_agent_gets_a_clean_repository_and_base_has_none(pod: Pod, repositories: GitServer) -> None:
    repository = repositories.root / "r"
    make_repository(repository, FILES | {".gitattributes": "* text eol=crlf\n*.sh filter=lfs\n", "win.txt": "a\nb\n"})
    (repository / "src" / "run.sh").chmod(0o755)
    (repository / "inside").symlink_to("src/run.sh")
    (repository / "outside").symlink_to("../../../etc/passwd")
    (repository / "absolute").symlink_to("/etc/passwd")
    (repository / "config").symlink_to(".git/config")
    commit(repository)
    assert pod.fetch_git(f"{repositories.url}/r/.git")["ok"] is True
    assert git("status", "--porcelain", "--ignored", cwd=pod.code) == ""
    for tree in (pod.code, pod.base / "tree"):
        assert (tree / "win.txt").read_bytes() == b"a\nb\n"
        assert (tree / "inside").readlink() == Path("src/run.sh")
        assert os.access(tree / "src" / "run.sh", os.X_OK)
        assert not any((tree / name).is_symlink() for name in ("outside", "absolute", "config"))
    assert not (pod.base / "tree" / ".git").exists()
    assert [path.name for path in (pod.code / ".git").rglob("*.sample")] == []


def test_zip_becomes_a_repository_with_one_commit(pod: Pod) -> None:
    content = build(Entry(b"repo-main/a.txt"), Entry(b"repo-main/x.pyc"), Entry(b"repo-main/.gitignore", b"*.pyc\n"))
    assert facts(pod.fetch_zip(content)) == {"v": 1, "ok": True, "commit": None, "files": 3, "bytes": 10}
    assert git("status", "--porcelain", cwd=pod.code) == ""
    assert git("ls-files", cwd=pod.code).split() == ["repo-main/.gitignore", "repo-main/a.txt", "repo-main/x.pyc"]


def test_code_archive_depends_on_the_content_only(pod: Pod) -> None:
    entries = Entry(b"b.txt"), Entry("ä -o.sh".encode(), mode=0o100755), Entry(b"-x/a", b"")
    pod.fetch_zip(build(*entries))
    first = pod.bucket.objects["code.tar.gz"]
    time.sleep(1.1)
    pod.fetch_zip(build(*reversed(entries)))
    assert pod.bucket.objects["code.tar.gz"] == first
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first))) as archive:
        found = {member.name: (member.mode, member.mtime, member.uid) for member in archive}
    assert found == {"-x/a": (0o644, 0, 0), "b.txt": (0o644, 0, 0), "ä -o.sh": (0o755, 0, 0)}


def test_second_start_of_the_container_begins_anew(pod: Pod) -> None:
    assert pod.fetch_zip(b"no zip")["ok"] is False
    (pod.code / "left").mkdir()
    assert pod.fetch_zip(build(Entry(b"a")))["ok"] is True
    assert sorted(path.name for path in pod.code.iterdir()) == [".git", "a"]


def _assert_failed(pod: Pod, report: dict[str, object], message: str) -> None:
    assert report["reason"] == "SOURCE_ERROR"
    assert message in str(report["message"])
    assert [path.name for path in pod.code.iterdir()] == [".patchmill-fetch-failed"]
    assert [path.name for path in pod.base.iterdir()] == ["fetch.json"]
    assert list((pod.root / "tmp").iterdir()) == []
    assert "phases/RUNNING_AGENT" not in pod.bucket.objects


@pytest.mark.parametrize(
    ("path", "ref", "message"),
    [
        ("/none/.git", None, "repository not found"),
        ("/r/.git", "nope", "ref 'nope' not found"),
        ("/r/.git", "0" * 40, "not found"),
        ("/empty/.git", None, "is empty"),
        ("/private/r/.git", None, "not found or private"),
        ("/moved/r/.git", None, "redirects"),
        ("/r/.git", "--upload-pack=touch pwned", "cannot be the name"),
        ("/r/.git", "a:b", "cannot be the name"),
    ],
)
def test_repository_that_cannot_be_had_fails_clearly(
    pod: Pod, repositories: GitServer, path: str, ref: str | None, message: str
) -> None:
    make_repository(repositories.root / "r", FILES)
    git("init", "--quiet", "empty", cwd=repositories.root)
    _assert_failed(pod, pod.fetch_git(f"{repositories.url}{path}", ref), message)


def test_server_that_never_answers_ends_at_the_time_limit(pod: Pod, repositories: GitServer) -> None:
    started = time.monotonic()
    report = pod.fetch_git(f"{repositories.url}/silent/r", PATCHMILL_LIMITS='{"timeout_s": 1}')
    assert time.monotonic() - started < 5
    _assert_failed(pod, report, "longer than 1 seconds")


def test_host_that_refuses_is_named(pod: Pod) -> None:
    _assert_failed(pod, pod.fetch_git("http://127.0.0.1:1/r.git"), "does not answer")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_unpacked_bytes": 300_000}, "limit"),
        ({"max_files": 2}, "3 files"),
        ({"max_unpacked_bytes": 4000}, "limit"),
    ],
)
def test_repository_above_a_limit_is_refused(
    pod: Pod, repositories: GitServer, limits: dict[str, int], message: str
) -> None:
    make_repository(repositories.root / "r", FILES | {"big": os.urandom(500_000)})
    report = pod.fetch_git(f"{repositories.url}/r/.git", PATCHMILL_LIMITS=json.dumps(limits))
    _assert_failed(pod, report, message)


def test_scheme_that_is_not_allowed_never_reaches_git(pod: Pod, repositories: GitServer) -> None:
    make_repository(repositories.root / "r", FILES)
    report = pod.fetch_git(f"{repositories.url}/r/.git", PATCHMILL_GIT_SCHEMES="https")
    _assert_failed(pod, report, "must start with https://")
    assert repositories.requests == []


def test_hostile_zip_fails_with_the_entry_named(pod: Pod) -> None:
    _assert_failed(pod, pod.fetch_zip(build(Entry(b"ok"), Entry(b"../../evil"))), "'../../evil'")
    assert not list(pod.root.rglob("evil"))


def test_zip_that_lies_leaves_nothing_behind(pod: Pod) -> None:
    _assert_failed(pod, pod.fetch_zip(build(Entry(b"ok"), Entry(b"a", crc=1))), "damaged")


def test_zip_above_the_download_limit_is_refused(pod: Pod) -> None:
    content = build(Entry(b"a", os.urandom(5000)))
    _assert_failed(pod, pod.fetch_zip(content, PATCHMILL_LIMITS='{"max_zip_bytes": 4000}'), "limit of 4000 bytes")


def test_zip_that_is_not_there_is_a_source_error(pod: Pod) -> None:
    pod.bucket.faults["code.zip"] = [404]
    _assert_failed(pod, pod.fetch_zip(build(Entry(b"a"))), "HTTP 404")


def test_download_survives_faults_on_the_way(pod: Pod) -> None:
    pod.bucket.faults["code.zip"] = [503, 0]
    assert pod.fetch_zip(build(Entry(b"a")))["ok"] is True


def test_failing_phase_and_code_uploads_do_not_fail_the_fetch(pod: Pod) -> None:
    pod.bucket.faults |= {"phases/DOWNLOADING_CODE": [500], "code.tar.gz": [403], "phases/RUNNING_AGENT": [0]}
    assert pod.fetch_zip(build(Entry(b"a")))["ok"] is True


def test_name_of_our_own_marker_is_refused(pod: Pod) -> None:
    _assert_failed(pod, pod.fetch_zip(build(Entry(b".patchmill-fetch-failed"))), "a name that Patchmill needs")


def test_submodule_is_neither_fetched_nor_an_error(pod: Pod, repositories: GitServer) -> None:
    repository = repositories.root / "r"
    make_repository(repository, FILES | {".gitmodules": '[submodule "s"]\n\tpath = s\n\turl = ../other\n'})
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},s", cwd=repository)
    git("commit", "-qm", "submodule", cwd=repository)
    assert pod.fetch_git(f"{repositories.url}/r/.git")["files"] == 3
    assert not any("other" in request for request in repositories.requests)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch pwned'",
        "file:///etc",
        "/etc",
        "--upload-pack=touch pwned",
        "-u./x",
        "ssh://-oProxyCommand=touch/x",
        "host:path",
        "git://host/x",
        "http://host/x",
        "https://user:pass@host/x",
        "https://user@host/x",
        "https://host/x\ny",
        "https://host/x\0y",
        "https://host/x y",
        "https://host\\@other/x",
        "https://host/%2e%2e/x",
        "https://höst/x",
        "https:///x",
        "https://",
        "https://[::1/x",
        "https://host:port/x",
        "https://host/x#y",
        "HTTPS",
        "",
    ],
)
def test_url_that_is_not_plain_https_is_refused_before_git(url: str) -> None:
    with pytest.raises(SourceError):
        check_url(url, ["https"])


@pytest.mark.parametrize(
    "ref",
    [
        "-x",
        "--all",
        "+main",
        "a..b",
        "a@{1}",
        "@",
        "a b",
        "a\nb",
        "a\0b",
        "a:b",
        "a~1",
        "a^",
        "a*",
        "a?",
        "a[",
        "a\\b",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.lock",
        "a.",
        "",
        "x" * 256,
    ],
)
def test_ref_that_git_could_misread_is_refused(ref: str) -> None:
    with pytest.raises(SourceError):
        check_ref(ref)


@pytest.mark.parametrize("ref", ["main", "v1.0-rc.1", "feature/a_b#3", "refs/pull/1/head", "a" * 40, "中文"])
def test_ordinary_ref_is_accepted(ref: str) -> None:
    check_ref(ref)


def test_sigterm_ends_the_stage_at_once(pod: Pod, repositories: GitServer) -> None:
    source = json.dumps({"kind": "git", "url": f"{repositories.url}/silent/r", "ref": None})
    process = subprocess.Popen(
        [sys.executable, "-m", "patchmill_agent", "fetch"], env=pod.env | {"PATCHMILL_SOURCE": source}
    )
    while not repositories.requests:
        time.sleep(0.02)
    process.terminate()
    assert process.wait(10) == 143
