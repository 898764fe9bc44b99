"""Jobs in a namespace with quotas and priorities: their pods wait for room, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emulator.kube.deletion import Options, delete
from emulator.kube.store import Obj
from tests.support.kube_node import Kube, container, job, job_end, pod, wait


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Kube]:
    with closing(Kube(tmp_path, slots=1)) as started:
        yield started


def quota(**hard: str) -> Obj:
    metadata = {"name": "few", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}


def priority_class(name: str, value: int) -> Obj:
    head = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
    return {**head, "value": value}


def test_job_waits_for_room_and_then_runs(kube: Kube) -> None:
    kube.create(quota(pods="0"))
    kube.create(job("work", container("true")))
    wait(lambda: "FailedCreate" in kube.events("work"))
    message = kube.messages("work")
    assert 'Error creating: pods "work-' in message
    assert "exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0" in message
    assert kube.objects("Pod") == []
    assert job_end(kube.get("Job", "work")) is None
    kube.change("ResourceQuota", "few", lambda each: each["spec"]["hard"].update(pods="1"))
    assert job_end(kube.ended("work")) == ("Complete", "CompletionsReached")


def test_refused_pod_does_not_count_as_a_failure(kube: Kube) -> None:
    kube.create(job("work", container("true"), template={"serviceAccountName": "runner"}))
    wait(lambda: kube.events("work").count("FailedCreate") > 2)
    assert 'serviceaccount "runner" not found' in kube.messages("work")
    assert kube.get("Job", "work")["status"].get("failed", 0) == 0
    kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runner", "namespace": "default"}})
    assert job_end(kube.ended("work")) == ("Complete", "CompletionsReached")


def test_parallel_pods_take_turns_within_the_quota(kube: Kube) -> None:
    kube.create(quota(pods="1"))
    kube.create(job("work", container("true"), completions=3, parallelism=3))
    assert job_end(kube.ended("work")) == ("Complete", "CompletionsReached")
    assert len(kube.objects("Pod")) == 3


def test_status_follows_the_pods(kube: Kube) -> None:
    kube.create(quota(pods="2", **{"count/pods": "5"}))
    kube.create(pod("one", container("true")))
    kube.pod_ended("one")
    used = wait(lambda: kube.get("ResourceQuota", "few").get("status"))
    wait(lambda: kube.get("ResourceQuota", "few")["status"]["used"] == {"pods": "0", "count/pods": "1"})
    assert used["hard"] == {"pods": "2", "count/pods": "5"}


def test_waiting_pods_are_taken_by_priority(kube: Kube) -> None:
    kube.create(priority_class("urgent", 100))
    kube.create(pod("first", container("until [ -e go ]; do sleep 0.02; done", workingDir="/tmp")))
    kube.runs("first")
    kube.create(pod("late", container("true")))
    kube.create(pod("urgent", container("true"), priorityClassName="urgent"))
    kube.delete("Pod", "first", grace=0)
    late = kube.pod_ended("late")
    urgent = kube.pod_ended("urgent")

    def began(obj: Obj) -> int:
        events = [e for e in kube.objects("Event") if e["involvedObject"]["uid"] == obj["metadata"]["uid"]]
        return next(int(e["metadata"]["resourceVersion"]) for e in events if e["reason"] == "Scheduled")

    assert began(urgent) < began(late)


def test_namespace_ends_with_its_running_pods(kube: Kube) -> None:
    space: Obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}}
    kube.create(space)
    inside = pod("one", container("sleep 60"), terminationGracePeriodSeconds=1)
    inside["metadata"]["namespace"] = "short"
    kube.create(inside)
    store = kube.cluster.store
    wait(lambda: kube.loop.call(lambda: store.get("Pod", "short", "one"))["status"]["phase"] == "Running")
    kube.loop.call(lambda: delete(store, kube.cluster.deleter, store.get("Namespace", None, "short"), Options()))
    assert kube.loop.call(lambda: store.get("Namespace", None, "short"))["status"]["phase"] == "Terminating"
    wait(lambda: "short" not in [each["metadata"]["name"] for each in kube.loop.call(lambda: store.list("Namespace"))])
