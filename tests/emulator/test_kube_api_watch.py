"""Watches: pushed at once, resumable, filtered, ended in time."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes.client import ApiException
from kubernetes.watch import Watch

from tests.support.kube_api import Api, job, pod, running, sdk

JOBS, PODS = "/apis/batch/v1/namespaces/default/jobs", "/api/v1/namespaces/default/pods"


@pytest.fixture
def api(tmp_path: Any) -> Iterator[Api]:
    with running(tmp_path, window=50) as started:
        yield started


def watched(api: Api, path: str, count: int | None = None, **params: Any) -> list[dict[str, Any]]:
    """The first `count` things that a watch says, or everything in a second."""
    with api.http.stream("GET", path, params={"watch": "true", "timeoutSeconds": 1, **params}) as answer:
        return [json.loads(line) for line in itertools.islice(answer.iter_lines(), count)]


def names(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def soon(action: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(0.3, action)
    timer.start()
    return timer


def test_watch_begins_with_what_there_is_and_ends_in_time(api: Api) -> None:
    api.http.post(JOBS, json=job())
    start = time.monotonic()
    assert names(watched(api, JOBS)) == [("ADDED", "work")]
    assert 0.9 < time.monotonic() - start < 5


def test_watch_resumes_behind_a_list(api: Api) -> None:
    api.http.post(JOBS, json=job("before"))
    version = api.http.get(JOBS).json()["metadata"]["resourceVersion"]
    api.http.post(JOBS, json=job("after"))
    api.http.delete(f"{JOBS}/before")
    assert names(watched(api, JOBS, 2, resourceVersion=version)) == [("ADDED", "after"), ("DELETED", "before")]


def test_change_is_pushed(api: Api) -> None:
    with api.http.stream("GET", JOBS, params={"watch": 1, "timeoutSeconds": 20}) as answer:
        lines = answer.iter_lines()
        api.loop.call(lambda: api.store.create(job()))
        assert json.loads(next(lines))["object"]["metadata"]["name"] == "work"


def test_selector_makes_leaving_a_deletion_and_entering_an_addition(api: Api) -> None:
    api.http.post(PODS, json=pod("one"))
    version = api.http.get(PODS).json()["metadata"]["resourceVersion"]
    for phase in ("Running", "Succeeded"):
        api.change_pod("one", phase=phase)
    events = watched(api, PODS, 2, resourceVersion=version, fieldSelector="status.phase=Running")
    assert names(events) == [("ADDED", "one"), ("DELETED", "one")]


def test_other_namespaces_and_labels_are_not_seen(api: Api) -> None:
    api.http.post("/api/v1/namespaces", json={"metadata": {"name": "team"}})
    api.http.post("/api/v1/namespaces/team/pods", json=pod("theirs"))
    for name in ("one", "two"):
        api.http.post(PODS, json=pod(name))
    assert names(watched(api, PODS, labelSelector="app=two")) == [("ADDED", "two")]
    assert [name for _, name in names(watched(api, "/api/v1/pods", 3))] == ["one", "two", "theirs"]


def test_bookmark_gives_a_place_to_resume_from(api: Api) -> None:
    api.http.post(JOBS, json=job())
    *_, last = watched(api, JOBS, allowWatchBookmarks="true")
    assert last["type"] == "BOOKMARK"
    assert last["object"]["kind"] == "Job"
    version = last["object"]["metadata"]["resourceVersion"]
    assert watched(api, JOBS, resourceVersion=version) == []


def test_initial_events_end_with_a_bookmark(api: Api) -> None:
    api.http.post(JOBS, json=job())
    events = watched(
        api, JOBS, sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true"
    )
    assert names(events)[:1] == [("ADDED", "work")]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_lost_place_is_410(api: Api) -> None:
    api.loop.call(lambda: [api.store.create(job(f"j{number}")) for number in range(60)])
    event, *rest = watched(api, JOBS, resourceVersion="3")
    assert (event["type"], event["object"]["code"], event["object"]["reason"], rest) == ("ERROR", 410, "Expired", [])


def test_client_of_the_sdk_sees_410_as_an_error(api: Api) -> None:
    _, batch = sdk(api)
    with pytest.raises(ApiException) as caught:
        list(Watch().stream(batch.list_namespaced_job, "default", resource_version="999999", timeout_seconds=1))
    assert caught.value.status == 410


def test_client_of_the_sdk_follows_a_job(api: Api) -> None:
    _, batch = sdk(api)
    batch.create_namespaced_job("default", job())
    timer = soon(lambda: batch.delete_namespaced_job("work", "default", propagation_policy="Background"))
    seen = []
    for event in Watch().stream(batch.list_namespaced_job, "default", timeout_seconds=10):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            break
    timer.join()
    assert seen == [("ADDED", "work"), ("DELETED", "work")]


def test_table_is_pushed_as_rows(api: Api) -> None:
    api.http.post(JOBS, json=job())
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    with api.http.stream("GET", JOBS, params={"watch": 1, "timeoutSeconds": 1}, headers=accept) as answer:
        event = json.loads(next(answer.iter_lines()))
    assert (event["object"]["kind"], event["object"]["rows"][0]["cells"][0]) == ("Table", "work")


def test_watch_that_is_left_is_forgotten(api: Api) -> None:
    before = _listeners(api)
    with api.http.stream("GET", JOBS, params={"watch": 1}):
        assert _listeners(api) == before + 1
    deadline = time.monotonic() + 5
    while _listeners(api) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _listeners(api) == before


def _listeners(api: Api) -> int:
    return api.loop.call(lambda: api.store.subscribers)
