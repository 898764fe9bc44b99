"""What POST bodies may hold, and how a wrong one is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from submit import requests
from submit.problems import Problem
from submit.requests import TaskRequest, check_git, check_prompt, parse

UPLOAD = {"upload_id": "01JDB0000000000000000000BB"}


def refused(body: object) -> Problem:
    with pytest.raises(Problem) as caught:
        parse(TaskRequest, body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


def test_smallest_and_largest_request_are_read() -> None:
    assert parse(TaskRequest, json.dumps({"prompt": "p", "source": UPLOAD}).encode()).agent is None
    body = {"prompt": "p", "source": {"git": {"url": "https://x/y", "ref": "v1"}}, "agent": "mini", "model": "a/b:c"}
    body |= {"limits": {"timeout_s": 5, "max_steps": 3}, "labels": {"team": "core"}}
    assert parse(TaskRequest, json.dumps(body).encode()).limits.timeout_s == 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"source": UPLOAD}, "prompt"),
        ({"prompt": 7, "source": UPLOAD}, "prompt"),
        ({"prompt": "p"}, "source"),
        ({"prompt": "p", "source": {}}, "source"),
        ({"prompt": "p", "source": {**UPLOAD, "git": {"url": "https://x"}}}, "source"),
        ({"prompt": "p", "source": {"upload_id": "../x"}}, "source.upload_id"),
        ({"prompt": "p", "source": {"git": {}}}, "source.git.url"),
        ({"prompt": "p", "source": UPLOAD, "promt": "x"}, "promt"),
        ({"prompt": "p", "source": UPLOAD, "limits": {"timeout_s": 0}}, "limits.timeout_s"),
        ({"prompt": "p", "source": UPLOAD, "limits": {"timeout_s": True}}, "limits.timeout_s"),
        ({"prompt": "p", "source": UPLOAD, "limits": {"cpu": 1}}, "limits.cpu"),
        ({"prompt": "p", "source": UPLOAD, "labels": {"a b": "x"}}, "labels.a b"),
        ({"prompt": "p", "source": UPLOAD, "model": "a b"}, "model"),
    ],
)
def test_wrong_field_is_named(body: dict[str, Any], field: str) -> None:
    problem = refused(body)
    assert problem.status == 422
    assert field in [error["field"] for error in problem.errors or []]


@pytest.mark.parametrize("body", [b"", b"x", b"\xff", b"[]", b"1", b"[" * 100_000])
def test_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert refused(body).status in (400, 422)


def test_too_long_body_is_413() -> None:
    assert refused(b"x" * (requests.MAX_BODY + 1)).status == 413


@pytest.mark.parametrize("prompt", ["", " \n", "a\x00b", "\ud800", "x" * 200_000])
def test_prompt_is_refused(prompt: str) -> None:
    assert check_prompt(prompt)


def test_prompt_of_the_greatest_length_is_taken() -> None:
    assert check_prompt("x" * requests.MAX_PROMPT) is None
    assert check_prompt("项" * requests.MAX_PROMPT)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% pwned", "file:///etc", "/etc", "--upload-pack=touch", "-u./x", "git://h/r", "http://h/r",
        "ssh://-oProxyCommand=x/r", "host:path", "https://user:pw@h/r", "https://user@h/r", "https://h/r\n",
        "https://h/ r", "https://h/\x00", "https://", "https:///r", "https://[::1", "https://h:99999/r", "https://hö/r",
        "HTTPS://h/r x",
        "",
    ],
)  # fmt: skip
def test_git_url_is_refused(url: str) -> None:
    found = check_git(url, None, ("https",))
    assert found is not None and found[0] == "source.git.url"


@pytest.mark.parametrize("ref", ["-x", "a..b", "a@{1}", "a b", "a.lock", "a/", "~", "", "a\nb"])
def test_git_ref_is_refused(ref: str) -> None:
    found = check_git("https://h/r", ref, ("https",))
    assert found is not None and found[0] == "source.git.ref"


@pytest.mark.parametrize("ref", [None, "main", "feature/x-1", "v1.2.3", "a" * 40, "release_2+rc1"])
def test_ordinary_git_source_is_taken(ref: str | None) -> None:
    assert check_git("https://git.example:8443/team/repo.git", ref, ("https",)) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_is_a_request_or_a_problem(value: Any) -> None:
    try:
        parse(TaskRequest, json.dumps(value).encode())
    except Problem as problem:
        assert 400 <= problem.status < 500


@given(st.text(), st.none() | st.text())
def test_any_url_and_ref_are_judged_without_an_exception(url: str, ref: str | None) -> None:
    check_git(url, ref, ("https",))
