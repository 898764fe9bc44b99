"""Requests that are wrong: a 4xx that names the field, and no task."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.road import Obj, Road, zip_of

GIT = {"git": {"url": "https://never.example/app.git"}}
GOOD: Obj = {"prompt": "true", "agent": "command", "source": GIT}


def url(text: str) -> Obj:
    return {"source": {"git": {"url": text}}}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agnet": "command"}, "agnet"),
        ({"limits": {"timeout": 5}}, "limits.timeout"),
        ({"prompt": 7}, "prompt"),
        ({"source": "https://never.example/app.git"}, "source"),
        ({"limits": {"timeout_s": "5"}}, "limits.timeout_s"),
        ({"labels": ["a"]}, "labels"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "x" * 200_000}, "prompt"),
        ({"agent": "robot"}, "agent"),
        (url("file:///etc"), "source.git.url"),
        (url("ssh://git@never.example/app.git"), "source.git.url"),
        (url("ext::sh -c id"), "source.git.url"),
        (url("https://user:secret@never.example/app.git"), "source.git.url"),
        ({"source": {"git": {"url": "https://never.example/app.git", "ref": "--upload-pack=id"}}}, "source.git.ref"),
        ({"source": {"upload_id": "01JDB0000000000000000000BB"}}, "source.upload_id"),
        ({"source": {"upload_id": "../../etc"}}, "source.upload_id"),
        ({"source": {}}, "source"),
        ({"source": None}, "source"),
        ({"agent": "mini", "model": "a model"}, "model"),
    ],
)
def test_wrong_field_is_named(road: Road, changes: dict[str, Any], field: str) -> None:
    answer = road.request("POST", "/v1/tasks", json={**GOOD, **changes})
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert field in [error["field"] for error in problem["errors"]]
    assert all(error["message"] for error in problem["errors"])
    assert field in problem["detail"] or len(problem["errors"]) == 1
    assert "secret" not in answer.text


@pytest.mark.parametrize(("body", "status"), [("{", 400), ("[]", 400), ("x" * 300_000, 413), ("", 422)])
def test_body_that_is_no_object_is_refused(road: Road, body: str, status: int) -> None:
    answer = road.request("POST", "/v1/tasks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_upload_that_never_came_is_refused(road: Road) -> None:
    place = road.request("POST", "/v1/uploads").json()
    answer = road.request("POST", "/v1/tasks", json={**GOOD, "source": {"upload_id": place["upload_id"]}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "source.upload_id")


def test_upload_of_another_tenant_is_as_good_as_none(road: Road, other_key: str) -> None:
    source = road.upload(zip_of({"a.txt": "a\n"}))
    answer = road.request("POST", "/v1/tasks", key=other_key, json={**GOOD, "source": source})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "source.upload_id")


def test_command_names_the_field_and_ends_with_2(road: Road) -> None:
    done = road.patchmill("submit", "--repo", "https://never.example/app.git", "--agent", "robot", "true")
    assert done.returncode == 2
    assert "agent" in done.stderr


def test_nothing_wrong_has_become_a_task(road: Road) -> None:
    tasks = road.request("GET", "/v1/tasks", params={"limit": 200}).json()["tasks"]
    assert [task for task in tasks if "never.example" in task["source"].get("url", "")] == []
