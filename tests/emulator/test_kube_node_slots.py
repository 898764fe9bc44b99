"""Places on the node: never more pods than slots, the oldest first, and what never fits says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kube_node import Kube, condition, container, pod, wait


@pytest.fixture
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    cluster = Kube(tmp_path_factory.mktemp("kube"), slots=2)
    yield cluster
    cluster.close()


def test_never_more_pods_run_than_there_are_slots(kube: Kube) -> None:
    for number in range(8):
        kube.create(pod(f"p{number}", container("date +%s.%N; sleep 0.2; date +%s.%N")))
    spans = []
    for number in range(8):
        begin, end = kube.log(kube.pod_ended(f"p{number}")).split()
        spans.append((float(begin), float(end)))
    assert max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) == 2
    assert [begin for begin, _ in spans[::2]] == sorted(begin for begin, _ in spans[::2])


def test_a_pod_without_a_slot_waits_and_says_why(kube: Kube) -> None:
    for name in ("a", "b", "c"):
        kube.create(pod(name, container("sleep 60")))
    kube.runs("b")
    held = wait(lambda: [each for each in [kube.get("Pod", "c")] if condition(each, "PodScheduled")])[0]
    scheduled = condition(held, "PodScheduled")
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert scheduled["message"] == "0/1 nodes are available: 1 Too many pods."
    assert kube.events("c") == ["FailedScheduling"]
    kube.delete("Pod", "a", grace=0)
    assert condition(kube.runs("c"), "PodScheduled")["status"] == "True"


@pytest.mark.parametrize(("name", "amount"), [("cpu", "4001m"), ("memory", "1Ei")])
def test_a_request_that_never_fits_waits_without_blocking_others(kube: Kube, name: str, amount: str) -> None:
    kube.create(pod("big", container("true", resources={"requests": {name: amount}})))
    kube.create(pod("small", container("true")))
    kube.pod_ended("small")
    assert (
        condition(kube.get("Pod", "big"), "PodScheduled")["message"]
        == f"0/1 nodes are available: 1 Insufficient {name}."
    )


def test_a_pod_that_never_got_a_place_is_removed_at_once(kube: Kube) -> None:
    kube.create(pod("big", container("true", resources={"requests": {"cpu": "100"}})))
    wait(lambda: condition(kube.get("Pod", "big"), "PodScheduled"))
    kube.delete("Pod", "big")
    assert not kube.exists("Pod", "big")


def test_containers_follow_one_another(kube: Kube) -> None:
    steps = tuple(container("date +%s.%N", f"s{number}") for number in range(6))
    kube.create(pod("quick", container("date +%s.%N"), inits=steps))
    done = kube.pod_ended("quick")
    times = [float(kube.log(done, name)) for name in (*(f"s{number}" for number in range(6)), "main")]
    assert times == sorted(times)
