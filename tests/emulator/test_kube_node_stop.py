"""The end of a pod from outside: SIGTERM, grace, SIGKILL, and the whole tree of processes gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.kube_node import MARKER, Kube, container, ending, pod, sleepers, wait

TRAP = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.02; done"
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.02; done"


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    cluster = Kube(tmp_path_factory.mktemp("kube"))
    yield cluster
    cluster.close()


def start(kube: Kube, name: str, script: str, **spec: Any) -> None:
    kube.create(pod(name, container(script), **spec))
    kube.runs(name)
    wait(lambda: "ready" in kube.log(kube.get("Pod", name)))


def last_states(kube: Kube, name: str) -> list[tuple[int, str]]:
    """How the container of a pod that is gone had ended, from the changes the store remembers."""
    changes = kube.loop.call(lambda: list(kube.cluster.store.changes_since("Pod", 1)))
    pods = [each.obj for each in changes if each.type == "DELETED" and each.obj["metadata"]["name"] == name]
    return [ending(each) for each in pods]


def test_a_deleted_pod_is_asked_to_end_and_its_exit_code_counts(kube: Kube) -> None:
    start(kube, "asked", TRAP)
    marked = kube.delete("Pod", "asked", grace=20)
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 20
    assert marked["metadata"]["deletionTimestamp"]
    wait(lambda: not kube.exists("Pod", "asked"), 10)
    assert last_states(kube, "asked") == [(5, "Error")]
    assert kube.events("asked").count("Killing") == 1


def test_a_pod_that_does_not_listen_is_killed_after_its_grace(kube: Kube) -> None:
    start(kube, "deaf", DEAF)
    began = time.monotonic()
    kube.delete("Pod", "deaf", grace=1)
    wait(lambda: not kube.exists("Pod", "deaf"))
    assert time.monotonic() - began > 0.9
    assert last_states(kube, "deaf") == [(137, "Error")]


def test_a_second_shorter_order_counts(kube: Kube) -> None:
    start(kube, "twice", DEAF)
    kube.delete("Pod", "twice", grace=60)
    time.sleep(0.1)
    kube.delete("Pod", "twice", grace=0)
    wait(lambda: not kube.exists("Pod", "twice"), 3)


def test_a_pod_over_its_own_deadline_fails(kube: Kube) -> None:
    kube.create(pod("late", container(TRAP), activeDeadlineSeconds=1))
    done = kube.pod_ended("late")
    assert (done["status"]["phase"], done["status"]["reason"]) == ("Failed", "DeadlineExceeded")
    assert ending(done) == (5, "Error")


def test_no_process_is_left_of_a_tree_that_hides(kube: Kube) -> None:
    marker = MARKER + ".1"
    start(kube, "tree", f"setsid sleep {marker} & (trap '' TERM HUP; sleep {marker} & ) ; echo ready; sleep {marker}")
    wait(lambda: sleepers(marker) == 3)
    kube.delete("Pod", "tree", grace=0)
    wait(lambda: not kube.exists("Pod", "tree"))
    assert sleepers(marker) == 0


def test_background_processes_end_with_pid_1(kube: Kube) -> None:
    kube.create(pod("early", container(f"setsid sleep {MARKER}.2 & exit 0")))
    kube.pod_ended("early")
    assert sleepers(MARKER + ".2") == 0


def test_a_waiting_container_ends_at_once(kube: Kube) -> None:
    kube.create(pod("stuck", {**container("true"), "image": "no/such"}))
    kube.waits_for("stuck", "ImagePullBackOff")
    kube.delete("Pod", "stuck", grace=60)
    wait(lambda: not kube.exists("Pod", "stuck"), 3)


def test_an_object_that_vanishes_takes_its_processes_with_it(kube: Kube) -> None:
    start(kube, "vanish", DEAF.replace("0.02", MARKER + ".3"))
    kube.loop.call(lambda: kube.cluster.store.delete("Pod", "default", "vanish"))
    wait(lambda: sleepers(MARKER + ".3") == 0)
