"""The agent's image: its tag follows its content, and a registry's answer is told for what it is."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.image import BadReference, Exists, Missing, Reference, Unknown, build_command, check, content_tag, parse
from tests.support import registry
from tests.support.registry import BASIC, NAME, PASSWORD, Tokens

PROJECT = Path(__file__).resolve().parents[2]
LOGIN = {"PATCHMILL_REGISTRY_USERNAME": NAME, "PATCHMILL_REGISTRY_PASSWORD": PASSWORD}


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """A copy of agent/ in a project of its own."""
    shutil.copytree(PROJECT / "agent", tmp_path / "agent")
    return tmp_path / "agent"


def test_tag_is_the_same_for_the_same_content_anywhere(agent: Path) -> None:
    assert content_tag(agent.parent) == content_tag(PROJECT)
    (agent / "README.md").write_text("not in the image")
    (agent / "patchmill_agent/__pycache__").mkdir(exist_ok=True)
    (agent / "patchmill_agent/__pycache__/run.cpython-313.pyc").write_bytes(b"x")
    (agent / "patchmill_agent/.swap").write_text("x")
    assert content_tag(agent.parent) == content_tag(PROJECT)


@pytest.mark.parametrize("name", ["Dockerfile", "requirements.txt", "patchmill_agent/run.py", "patchmill_agent/new.py"])
def test_tag_changes_with_whatever_goes_into_the_image(agent: Path, name: str) -> None:
    before = content_tag(agent.parent)
    with (agent / name).open("a") as file:
        file.write("# changed\n")
    assert content_tag(agent.parent) != before


def test_every_file_that_the_dockerfile_copies_counts(agent: Path) -> None:
    copied = [
        word
        for line in (agent / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
    ]
    assert copied
    for name in copied:
        before = content_tag(agent.parent)
        path = agent / name
        (path / "added" if path.is_dir() else path).write_text("changed")
        assert content_tag(agent.parent) != before


def test_build_command_names_engine_base_and_folder(tmp_path: Path) -> None:
    command = build_command(tmp_path, "registry.test/a/b:1", "podman", "debian:12")
    assert command == [
        "podman",
        "build",
        "--build-arg=BASE=debian:12",
        "--tag=registry.test/a/b:1",
        f"{tmp_path}/agent",
    ]


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("ccr.ccs.tencentyun.com/team/agent:1", ("ccr.ccs.tencentyun.com", "team/agent", "1")),
        ("localhost:5000/agent", ("localhost:5000", "agent", "latest")),
        ("team/agent:1", ("", "team/agent", "1")),
        ("r.test/a@sha256:" + "0" * 64, ("r.test", "a", "sha256:" + "0" * 64)),
        ("r.test/a:1@sha256:" + "0" * 64, ("r.test", "a", "sha256:" + "0" * 64)),
    ],
)
def test_names_are_read_as_docker_reads_them(image: str, parts: tuple[str, str, str]) -> None:
    assert parse(image) == Reference(*parts)


@pytest.mark.parametrize("image", ["", "r.test/Agent:1", "r.test/a:b c", "r.test/a@sha256:12", "https://r.test/a:1"])
def test_malformed_names_are_refused_and_never_asked_for(image: str) -> None:
    with pytest.raises(BadReference):
        parse(image)
    assert isinstance(check(image, {}), Unknown)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry.real(tmp_path_factory.mktemp("public")) as address:
        yield address


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry.real(tmp_path_factory.mktemp("private"), private=True) as address:
        registry.push(address, "team/agent", "1", BASIC)
        yield address


def test_real_registry_has_what_was_pushed_and_nothing_else(public: str) -> None:
    digest = registry.push(public, "team/agent", "1")
    assert check(f"{public}/team/agent:1", {}) == Exists(digest)
    assert check(f"{public}/team/agent@{digest}", {}) == Exists(digest)
    assert check(f"{public}/team/agent:2", {}) == Missing()
    assert check(f"{public}/team/other:1", {}) == Missing()


def test_private_registry_wants_the_login_and_takes_it_from_either_place(private: str, tmp_path: Path) -> None:
    image = f"{private}/team/agent:1"
    assert check(image, {}) == Unknown(f"{private} wants a login that it did not get")
    assert isinstance(check(image, LOGIN), Exists)
    wrong = {**LOGIN, "PATCHMILL_REGISTRY_PASSWORD": "canary"}
    assert check(image, wrong) == Unknown(f"{private} refuses the login that it got (HTTP 401)")
    auth = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {private: {"auth": auth}}}))
    assert isinstance(check(image, {"DOCKER_CONFIG": str(tmp_path)}), Exists)
    (tmp_path / "config.json").write_text(json.dumps({"auths": {private: {}}, "credsStore": "desktop"}))
    assert isinstance(check(image, {"DOCKER_CONFIG": str(tmp_path)}), Unknown)


def test_token_is_fetched_for_just_this_repository() -> None:
    tokens = Tokens()
    with registry.ours(tokens) as address:
        assert check(f"{address}/team/agent:1", {}) == Exists("")
    assert tokens.asked == ["/token?service=tests&scope=repository%3Ateam%2Fagent%3Apull"]


def test_login_goes_to_the_token_server() -> None:
    with registry.ours(Tokens(grants=(BASIC,))) as address:
        assert check(f"{address}/a:1", LOGIN) == Exists("")
        assert isinstance(check(f"{address}/a:1", {}), Unknown)


@pytest.mark.parametrize(("status", "answer"), [(404, Missing()), (403, None), (500, None), (429, None)])
def test_every_answer_but_yes_and_no_is_unknown(status: int, answer: Missing | None) -> None:
    with registry.ours(Tokens(status=status)) as address:
        found = check(f"{address}/a:1", {})
    if answer is None:
        assert isinstance(found, Unknown)
        assert str(status) in found.reason
    else:
        assert found == answer


def test_silent_registry_is_given_up_in_time() -> None:
    with registry.ours(Tokens(pause_s=0.6)) as address:
        began = time.monotonic()
        assert check(f"{address}/a:1", {}, timeout_s=0.2) == Unknown(f"{address} does not answer (ReadTimeout)")
        assert time.monotonic() - began < 0.5
    assert check("127.0.0.1:1/a:1", {}) == Unknown("127.0.0.1:1 does not answer (ConnectError)")


def test_name_without_a_registry_is_looked_for_nowhere() -> None:
    assert check("patchmill-agent:local", {}) == Unknown("patchmill-agent:local names no registry of its own")


def test_token_server_over_another_scheme_gets_no_password() -> None:
    tokens = Tokens(realm="ftp://elsewhere.test/token")
    with registry.ours(tokens) as address:
        assert isinstance(check(f"{address}/a:1", LOGIN), Unknown)
    assert tokens.asked == []
