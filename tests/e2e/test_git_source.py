"""A Git URL as the source: branch, tag and commit, and the patch against just that state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.git_http import GitServer, commit, git, git_server, make_repository
from tests.support.road import Road


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GitServer, dict[str, str]]]:
    """A repository with a tag, a branch and a commit that neither names, and what `state.txt` says at each."""
    root = tmp_path_factory.mktemp("git")
    work = root / "app"
    make_repository(work, {"state.txt": "first\n"})
    git("tag", "-a", "v1", "-m", "one", cwd=work)
    between = commit(work, {"state.txt": "between\n"})
    commit(work, {"state.txt": "newest\n"})
    git("checkout", "--quiet", "-b", "feature/x", cwd=work)
    commit(work, {"state.txt": "feature\n"})
    git("checkout", "--quiet", "main", cwd=work)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=work)
    with git_server(root) as server:
        yield server, {"main": "newest", "feature/x": "feature", "v1": "first", between: "between", "": "newest"}


@pytest.mark.parametrize("kind", ["main", "feature/x", "v1", "sha", ""])
def test_ref_of_a_git_url_is_what_the_agent_works_on(
    road: Road, repository: tuple[GitServer, dict[str, str]], kind: str
) -> None:
    server, states = repository
    ref = next(each for each in states if len(each) == 40) if kind == "sha" else kind
    source = {"git": {"url": f"{server.url}/app/.git", **({"ref": ref} if ref else {})}}
    task = road.run("cat state.txt; echo changed > state.txt", source)
    assert task["status"] == "COMPLETED", task
    assert f"\n{states[ref]}\n" in road.log(task["id"])
    assert f"-{states[ref]}\n+changed\n" in road.artifact(task["id"], "diff.patch").decode()


def test_patch_of_a_git_url_applies_to_a_clone(
    road: Road, repository: tuple[GitServer, dict[str, str]], tmp_path: Path
) -> None:
    server, _ = repository
    url = f"{server.url}/app/.git"
    arguments = ["submit", "--repo", url, "--ref", "v1", "--agent", "command", "git mv state.txt moved.txt", "--follow"]
    done = road.patchmill(*arguments)
    assert done.returncode == 0, done.stderr
    git("clone", "--quiet", "--branch", "v1", url, "clone", cwd=tmp_path)
    newest = road.request("GET", "/v1/tasks", params={"limit": 1}).json()["tasks"][0]
    applied = road.patchmill("diff", newest["id"], "--apply", cwd=tmp_path / "clone")
    assert applied.returncode == 0, applied.stderr
    assert (tmp_path / "clone/moved.txt").read_text() == "first\n"
