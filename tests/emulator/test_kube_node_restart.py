"""A killed emulator: no process outlives it, and the next start settles what it left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.kube_node import MARKER, Kube, condition, container, ending, job, job_end, pod, sleepers, wait

CHILD = """
import sys, time
from pathlib import Path
from tests.support.kube_node import Kube, container, job, pod
kube = Kube(Path(sys.argv[1]), slots=2)
script = "trap '' TERM; setsid sleep {0} & sleep {0}".format(sys.argv[2])
kube.create(job("ran", container(script), inits=(container("true", "a"),)))
kube.create(pod("stuck", {**container("true"), "image": "late:1"}))
kube.create(job("waited", container("echo ran")))
kube.runs(kube.pod_of("ran")["metadata"]["name"])
kube.waits_for("stuck", "ImagePullBackOff")
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """The folder of a cluster that was killed while one pod ran, one could not start and one waited for a slot."""
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), MARKER], stdout=subprocess.PIPE, env=env
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"up\n"
        wait(lambda: sleepers(MARKER) == 2)
        child.send_signal(signal.SIGKILL)
    return tmp_path


def test_no_process_survives_and_the_next_start_settles_everything(crashed: Path) -> None:
    wait(lambda: not sleepers(MARKER), 5)
    kube = Kube(crashed)
    try:
        lost = wait(lambda: [each for each in kube.objects("Pod") if each["status"].get("reason") == "NodeLost"])[0]
        assert lost["status"]["phase"] == "Failed"
        assert ending(lost) == (137, "ContainerStatusUnknown")
        assert ending(lost, "a") == (0, "Completed")
        assert condition(lost, "DisruptionTarget")["status"] == "True"
        assert job_end(kube.ended("ran")) == ("Failed", "BackoffLimitExceeded")
        assert job_end(kube.ended("waited")) == ("Complete", "CompletionsReached")
        kube.waits_for("stuck", "ImagePullBackOff")
        assert not (crashed / "pods" / lost["metadata"]["uid"]).exists()
    finally:
        kube.close()


def test_what_had_ended_is_counted_once_over_restarts(tmp_path: Path) -> None:
    kube = Kube(tmp_path)
    kube.create(job("done", container("true")))
    kube.create(job("again", container("exit 1"), backoffLimit=3))
    kube.ended("done")
    kube.close()
    for _ in range(2):
        kube = Kube(tmp_path)
        assert kube.ended("done")["status"]["succeeded"] == 1
        kube.close()
    kube = Kube(tmp_path)
    assert kube.ended("again")["status"]["failed"] <= 4
    assert len(kube.objects("Pod", "job-name=done")) == 1
    kube.close()


def test_a_stop_ends_every_container_soon(tmp_path: Path) -> None:
    kube = Kube(tmp_path)
    kube.create(pod("deaf", container(f"trap '' TERM; sleep {MARKER}")))
    kube.runs("deaf")
    began = time.monotonic()
    kube.close()
    assert time.monotonic() - began < 3
    assert not sleepers(MARKER)


def test_a_pod_that_was_being_deleted_is_gone_after_the_restart(tmp_path: Path) -> None:
    kube = Kube(tmp_path)
    kube.create(pod("leaving", container(f"trap '' TERM; sleep {MARKER}")))
    kube.runs("leaving")
    kube.delete("Pod", "leaving", grace=60)
    kube.close()
    kube = Kube(tmp_path)
    wait(lambda: not kube.exists("Pod", "leaving"))
    kube.close()
