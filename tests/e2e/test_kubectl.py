"""Debian's kubectl on what the functions made: get, describe, logs -f, delete; and a Job with a misspelt field."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.gate import Gate
from tests.support.road import NAMESPACE, Obj, Road, until


@pytest.fixture
def running(road: Road, closed_gate: Gate) -> tuple[str, str]:
    """A task whose agent waits at the gate, and its Job's name."""
    task_id = road.submit(f"echo so far; {closed_gate.command}; echo the e''nd")
    closed_gate.wait_for(1)
    return task_id, f"pm-{task_id.lower()}-1"


def test_get_shows_the_running_job_and_its_pod(road: Road, running: tuple[str, str]) -> None:
    task_id, name = running
    chosen = ("-l", f"patchmill/task={task_id.lower()}")
    head, line = road.kubectl("get", "jobs", *chosen).stdout.splitlines()
    assert (head.split()[0], line.split()[0]) == ("NAME", name)
    assert "0/1" in line
    [line] = road.kubectl("get", "pods", *chosen, "--no-headers").stdout.splitlines()
    assert line.split()[:3] == [line.split()[0], "0/1", "Init:1/2"]
    assert line.startswith(f"{name}-")


def test_describe_tells_the_containers_and_events_but_no_secret(road: Road, running: tuple[str, str]) -> None:
    task_id, name = running
    job = road.kubectl("describe", "job", name)
    assert job.returncode == 0, job.stderr
    assert "SuccessfulCreate" in job.stdout
    [pod] = road.objects("pods", task_id)
    shown = road.kubectl("describe", "pod", pod["metadata"]["name"]).stdout
    for word in ("Scheduled", "Started", "fetch:", "agent:", "deliver:", "Controlled By:  Job/" + name):
        assert word in shown
    assert "<set to the key 'prompt' in secret" in shown
    assert "q-signature" not in shown + json.dumps(pod)


def test_logs_are_followed_until_the_container_ends(road: Road, running: tuple[str, str], closed_gate: Gate) -> None:
    task_id, name = running
    argv = ["kubectl", "-n", NAMESPACE, "logs", "-f", f"job/{name}", "-c", "agent"]
    follower = subprocess.Popen(argv, env=road.shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert follower.stdout
    lines: list[str] = []
    while not lines or lines[-1] != "so far\n":
        lines.append(follower.stdout.readline())
        assert lines[-1], "the log ended too early"
    assert road.task(task_id)["status"] == "PROCESSING"
    closed_gate.open()
    rest, _ = follower.communicate(timeout=60)
    assert follower.returncode == 0
    assert "the end\n" in rest
    assert road.ended(task_id)["status"] == "COMPLETED"
    assert "".join(lines) + rest == road.log(task_id)


def test_deleted_job_ends_its_task_after_a_sweep(road: Road, running: tuple[str, str]) -> None:
    task_id, name = running
    done = road.kubectl("delete", "job", name)
    assert done.returncode == 0, done.stderr
    task = road.ended(task_id)
    assert (task["status"], task["reason"]) == ("FAILED", "JOB_LOST")
    assert "deleted" in task["message"]
    until("the pod to be gone", lambda: not road.objects("pods", task_id))
    assert road.kubectl("get", "secret", name).returncode != 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (("spec",), "backofLimit"),
        (("spec", "template", "spec"), "restartPolcy"),
        (("spec", "template", "spec", "containers", 0), "imagePullpolicy"),
    ],
)
def test_job_with_a_misspelt_field_is_refused_by_name(
    road: Road, finished_job: Obj, path: tuple[str | int, ...], field: str
) -> None:
    job = json.loads(json.dumps(finished_job))
    place = job
    for step in path:
        place = place[step]
    place[field] = "1"
    done = road.kubectl("create", "--validate=false", "-f", "-", stdin=json.dumps(job))
    assert done.returncode != 0
    assert field in done.stderr
    assert road.kubectl("get", "job", "copied").returncode != 0


@pytest.fixture(scope="module")
def finished_job(road: Road) -> Obj:
    """A Job that dispatch made, under another name."""
    [job] = road.objects("jobs", road.run("true")["id"])
    labels = {"app": "copied"}
    template = {"metadata": {"labels": labels}, "spec": job["spec"]["template"]["spec"]}
    spec = {"backoffLimit": 0, "suspend": True, "template": template}
    copied: Obj = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "copied", "labels": labels}}
    return {**copied, "spec": spec}
