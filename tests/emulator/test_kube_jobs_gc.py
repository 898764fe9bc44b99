"""What goes with what: owners and dependents, propagation, time to live."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from emulator.kube.store import Obj
from tests.support.kube_node import Kube, container, job, secret, wait

SLOW = "trap 'sleep 0.3; exit' TERM; echo ready; while :; do sleep 0.02; done"


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    cluster = Kube(tmp_path_factory.mktemp("kube"))
    yield cluster
    cluster.close()


def owned_secret(name: str, owner: Obj) -> Obj:
    made = secret(name, key="value")
    ref = {"apiVersion": "batch/v1", "kind": "Job", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    made["metadata"]["ownerReferences"] = [ref]
    return made


def running(kube: Kube, name: str, script: str = "echo ready; sleep 60") -> tuple[Obj, str]:
    made = kube.create(job(name, container(script)))
    pod = kube.pod_of(name)["metadata"]["name"]
    kube.runs(pod)
    wait(lambda: "ready" in kube.log(kube.get("Pod", pod)))
    return made, pod


def test_background_removes_the_job_first_and_then_what_it_owns(kube: Kube) -> None:
    made, pod = running(kube, "back", SLOW)
    kube.create(owned_secret("back", made))
    kube.delete("Job", "back", "Background")
    assert not kube.exists("Job", "back")
    assert kube.exists("Pod", pod)
    wait(lambda: not kube.exists("Secret", "back"))
    wait(lambda: not kube.exists("Pod", pod))


def test_foreground_keeps_the_job_until_its_pod_has_ended(kube: Kube) -> None:
    _, pod = running(kube, "fore", SLOW)
    marked = kube.delete("Job", "fore", "Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert kube.exists("Job", "fore")
    wait(lambda: not kube.exists("Job", "fore"))
    assert not kube.exists("Pod", pod)


def test_orphan_leaves_the_pod_running(kube: Kube) -> None:
    _, pod = running(kube, "orphan")
    kube.delete("Job", "orphan", "Orphan")
    time.sleep(0.1)
    left = kube.get("Pod", pod)
    assert left["metadata"]["ownerReferences"] == []
    assert "running" in left["status"]["containerStatuses"][0]["state"]
    kube.delete("Pod", pod, grace=0)


def test_what_is_made_for_an_owner_that_is_gone_is_removed(kube: Kube) -> None:
    made = kube.create(job("brief", container("true")))
    kube.ended("brief")
    kube.delete("Job", "brief")
    kube.create(owned_secret("too-late", made))
    wait(lambda: not kube.exists("Secret", "too-late"))


def test_a_new_job_of_the_same_name_is_not_the_old_owner(kube: Kube) -> None:
    made = kube.create(job("same", container("true")))
    kube.ended("same")
    kube.delete("Job", "same")
    kube.create(job("same", container("true")))
    kube.create(owned_secret("of-the-old", made))
    wait(lambda: not kube.exists("Secret", "of-the-old"))
    assert kube.ended("same")["metadata"]["uid"] != made["metadata"]["uid"]


def test_a_secret_without_an_owner_stays(kube: Kube) -> None:
    kube.create(secret("free", key="value"))
    time.sleep(0.1)
    assert kube.exists("Secret", "free")


def test_a_finished_job_goes_when_its_time_to_live_is_over(kube: Kube) -> None:
    kube.create(job("brief-ttl", container("true"), ttlSecondsAfterFinished=1))
    pod = kube.pod_of("brief-ttl")["metadata"]["name"]
    kube.ended("brief-ttl")
    wait(lambda: not kube.exists("Job", "brief-ttl"), 3)
    wait(lambda: not kube.exists("Pod", pod))


def test_a_time_to_live_that_is_set_later_counts_too(kube: Kube) -> None:
    kube.create(job("later-ttl", container("exit 1")))
    kube.ended("later-ttl")
    kube.change("Job", "later-ttl", lambda obj: obj["spec"].update(ttlSecondsAfterFinished=0))
    wait(lambda: not kube.exists("Job", "later-ttl"))


def test_somebody_elses_finalizer_holds_an_object(kube: Kube) -> None:
    held = secret("held", key="value")
    held["metadata"]["finalizers"] = ["example.org/wait"]
    kube.create(held)
    assert kube.delete("Secret", "held")["metadata"]["deletionTimestamp"]
    assert kube.exists("Secret", "held")
    kube.change("Secret", "held", lambda obj: obj["metadata"].pop("finalizers"))
    wait(lambda: not kube.exists("Secret", "held"))
