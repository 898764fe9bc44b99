"""The node holds containers to their limits: memory, processes, files, output.

The host and the emulator do not notice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.kube_node import FAST, Kube, container, ending, pod, wait

needs_cgroups = pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root")
EAT = "python3 -c 'b = bytearray(200 << 20)'"
MEMORY: dict[str, Any] = {"resources": {"limits": {"memory": "64Mi"}}}
TMP = [{"name": "t", "mountPath": "/tmp"}]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    settings = replace(FAST, pids=64, log_limit=100_000)
    cluster = Kube(tmp_path_factory.mktemp("kube"), settings=settings)
    yield cluster
    cluster.close()


def still_works(kube: Kube, name: str) -> bool:
    kube.create(pod(name, container("true")))
    return bool(kube.pod_ended(name)["status"]["phase"] == "Succeeded")


@needs_cgroups
def test_pid_1_over_the_memory_limit_is_oomkilled(kube: Kube) -> None:
    kube.create(pod("oom", container(f"exec {EAT}", **MEMORY)))
    assert ending(kube.pod_ended("oom")) == (137, "OOMKilled")
    assert still_works(kube, "after-oom")


@needs_cgroups
def test_a_child_over_the_memory_limit_leaves_the_exit_code_to_pid_1(kube: Kube) -> None:
    kube.create(pod("childoom", container(f"{EAT}; echo child $?; exit 3", **MEMORY)))
    done = kube.pod_ended("childoom")
    assert ending(done) == (3, "Error")
    assert "child 137" in kube.log(done)


@needs_cgroups
def test_files_in_memory_count_as_memory(kube: Kube) -> None:
    kube.create(pod("shm", container("exec dd if=/dev/zero of=/dev/shm/x bs=1M count=200", **MEMORY)))
    assert ending(kube.pod_ended("shm")) == (137, "OOMKilled")


@needs_cgroups
def test_a_fork_bomb_stays_in_its_container(kube: Kube) -> None:
    before = len(os.listdir("/proc"))
    kube.create(pod("bomb", container("bomb() { bomb | bomb & }; bomb; sleep 60", **MEMORY)))
    kube.runs("bomb")
    wait(lambda: "ork" in kube.log(kube.get("Pod", "bomb")))  # "Cannot fork"
    assert len(os.listdir("/proc")) < before + 300
    assert still_works(kube, "during-bomb")
    kube.delete("Pod", "bomb", grace=0)
    wait(lambda: not kube.exists("Pod", "bomb"))


def test_a_pod_is_evicted_when_a_volume_is_over_its_limit(kube: Kube) -> None:
    script = "trap '' TERM; dd if=/dev/zero of=/tmp/x bs=1M count=12 2>/dev/null; sleep 60"
    volumes = [{"name": "t", "emptyDir": {"sizeLimit": "8Mi"}}]
    kube.create(pod("full", container(script, volumeMounts=TMP), volumes=volumes))
    done = kube.pod_ended("full")
    assert done["status"]["reason"] == "Evicted"
    assert done["status"]["message"] == 'Usage of EmptyDir volume "t" exceeds the limit "8Mi". '
    assert ending(done) == (137, "Error")
    assert {"Evicted", "Killing"} <= set(kube.events("full"))


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("dd if=/dev/zero of=/tmp/x bs=1M count=12", "Pod ephemeral local storage usage exceeds the total limit"),
        (
            "head -c 5000000 /dev/zero; sleep 0.1; yes",
            'Container main exceeded its local ephemeral storage limit "64Ki"',
        ),
    ],
)
def test_a_pod_is_evicted_when_its_files_are_over_the_sum_of_limits(kube: Kube, script: str, text: str) -> None:
    limit = "8Mi" if "dd" in script else "64Ki"
    resources: dict[str, Any] = {"resources": {"limits": {"ephemeral-storage": limit}}}
    name = f"sum-{limit.lower()}"
    kube.create(pod(name, container(f"{script}; sleep 60", volumeMounts=TMP, **resources), volumes=[{"name": "t"}]))
    done = kube.pod_ended(name)
    assert (done["status"]["reason"], text in done["status"]["message"]) == ("Evicted", True)


def test_output_over_the_limit_is_dropped_and_the_container_goes_on(kube: Kube) -> None:
    kube.create(pod("loud", container("head -c 3000000 /dev/zero | tr '\\0' x; echo; exit 6")))
    done = kube.pod_ended("loud")
    assert ending(done) == (6, "Error")
    log = kube.log(done)
    assert 100_000 <= len(log) < 300_000
    assert log.rstrip().endswith("[the log of this container ends here: it has reached 100000 bytes]")


def test_a_tree_that_is_deep_and_locked_is_removed(kube: Kube) -> None:
    dig = "import os; os.chdir('/tmp'); [(os.mkdir('d'), os.chdir('d')) for _ in range(3000)]; os.chmod('/tmp/d', 0)"
    script = f'python3 -c "{dig}"'
    kube.create(pod("deep", container(script, volumeMounts=TMP), volumes=[{"name": "t"}]))
    done = kube.pod_ended("deep")
    assert done["status"]["phase"] == "Succeeded"
    wait(lambda: not (kube.root / "pods" / done["metadata"]["uid"]).exists())
