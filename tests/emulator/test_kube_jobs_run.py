"""The Job controller: pods made, counted and replaced; the Job's status and Events say what happened."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from tests.support.kube_node import Kube, condition, container, job, job_end, secret, wait


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    cluster = Kube(tmp_path_factory.mktemp("kube"))
    yield cluster
    cluster.close()


def test_a_job_is_complete_when_its_pod_has_succeeded(kube: Kube) -> None:
    kube.create(job("good", container("true")))
    status = kube.ended("good")["status"]
    assert [each["type"] for each in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert status["succeeded"] == 1
    assert status["startTime"] <= status["completionTime"]
    assert "active" not in status
    assert "failed" not in status
    assert kube.events("good") == ["SuccessfulCreate", "Completed"]


def test_the_pod_belongs_to_its_job(kube: Kube) -> None:
    made = kube.create(job("owner", container("true")))
    pod = kube.pod_of("owner")
    assert pod["metadata"]["name"].startswith("owner-")
    owner = pod["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Job", made["metadata"]["uid"], True)
    assert pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "owner"


def test_the_status_counts_an_active_and_a_ready_pod(kube: Kube) -> None:
    kube.create(job("busy", container("sleep 60")))
    status = wait(lambda: [s for s in [kube.get("Job", "busy")["status"]] if s.get("ready")])[0]
    assert (status["active"], status["ready"], "conditions" in status) == (1, 1, False)
    kube.delete("Job", "busy")


def test_no_second_pod_is_made_without_a_backoff_limit(kube: Kube) -> None:
    kube.create(job("once", container("exit 3")))
    status = kube.ended("once")["status"]
    assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
        ("FailureTarget", "BackoffLimitExceeded"),
        ("Failed", "BackoffLimitExceeded"),
    ]
    assert (status["failed"], "completionTime" in status) == (1, False)
    assert len(kube.objects("Pod", "job-name=once")) == 1
    assert kube.events("once") == ["SuccessfulCreate", "BackoffLimitExceeded"]


def test_failures_are_retried_with_growing_delays_up_to_the_limit(kube: Kube) -> None:
    kube.create(job("tries", container("date +%s.%N; exit 1"), backoffLimit=3))
    assert job_end(kube.ended("tries")) == ("Failed", "BackoffLimitExceeded")
    pods = kube.objects("Pod", "job-name=tries")
    times = sorted(float(kube.log(each)) for each in pods)
    assert len(times) == 4
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(gap >= delay for gap, delay in zip(gaps, (0.05, 0.1, 0.2), strict=True))  # 10, 20, 40 s, scaled
    assert kube.get("Job", "tries")["status"]["failed"] == 4


def test_a_retry_that_succeeds_completes_the_job(kube: Kube) -> None:
    kube.create(secret("outcome", code="1"))
    env = [{"name": "CODE", "valueFrom": {"secretKeyRef": {"name": "outcome", "key": "code"}}}]
    kube.create(job("lucky", container("exit $CODE", env=env), backoffLimit=6))
    wait(lambda: kube.get("Job", "lucky")["status"].get("failed"))
    kube.change("Secret", "outcome", lambda obj: obj["data"].update(code="MA=="))  # 0
    done = kube.ended("lucky")
    assert job_end(done) == ("Complete", "CompletionsReached")
    assert done["status"]["failed"] >= 1


def test_restarts_in_place_count_against_the_limit(kube: Kube) -> None:
    kube.create(job("inplace", container("exit 1"), backoffLimit=2, template={"restartPolicy": "OnFailure"}))
    assert job_end(kube.ended("inplace")) == ("Failed", "BackoffLimitExceeded")
    assert kube.events("inplace").count("SuccessfulCreate") == 1


def test_a_pod_that_is_deleted_counts_as_failed(kube: Kube) -> None:
    kube.create(job("robbed", container("sleep 60"), backoffLimit=0))
    name = kube.pod_of("robbed")["metadata"]["name"]
    kube.runs(name)
    kube.delete("Pod", name, grace=0)
    assert job_end(kube.ended("robbed")) == ("Failed", "BackoffLimitExceeded")


def test_a_job_over_its_deadline_fails_and_its_pod_is_ended(kube: Kube) -> None:
    began = time.monotonic()
    kube.create(job("slow", container("trap 'exit 0' TERM; while :; do sleep 0.02; done"), activeDeadlineSeconds=1))
    name = kube.pod_of("slow")["metadata"]["name"]
    done = kube.ended("slow")
    assert time.monotonic() - began > 0.9
    assert job_end(done) == ("Failed", "DeadlineExceeded")
    assert condition(done, "Failed")["message"] == "Job was active longer than specified deadline"
    assert done["status"]["failed"] == 1
    wait(lambda: not kube.exists("Pod", name))
    assert "Killing" in kube.events(name)
    assert {"SuccessfulDelete", "DeadlineExceeded"} <= set(kube.events("slow"))


def test_the_job_fails_only_when_its_pod_has_really_ended(kube: Kube) -> None:
    template = {"terminationGracePeriodSeconds": 1}
    script = "trap '' TERM; while :; do sleep 0.02; done"
    kube.create(job("slower", container(script), activeDeadlineSeconds=1, template=template))
    target = wait(lambda: [each for each in [kube.get("Job", "slower")] if condition(each, "FailureTarget")])[0]
    assert job_end(target) is None
    assert target["status"]["terminating"] == 1
    assert job_end(kube.ended("slower")) == ("Failed", "DeadlineExceeded")


def test_the_deadline_holds_for_an_image_that_cannot_be_pulled(kube: Kube) -> None:
    kube.create(job("nopull", {**container("true"), "image": "no/such"}, activeDeadlineSeconds=1))
    assert job_end(kube.ended("nopull")) == ("Failed", "DeadlineExceeded")


def test_a_suspended_job_has_no_pod_until_it_is_resumed(kube: Kube) -> None:
    kube.create(job("paused", container("sleep 60"), suspend=True))
    paused = wait(lambda: [each for each in [kube.get("Job", "paused")] if condition(each, "Suspended")])[0]
    assert "startTime" not in paused["status"]
    assert not kube.objects("Pod", "job-name=paused")
    kube.change("Job", "paused", lambda obj: obj["spec"].update(suspend=False))
    name = kube.pod_of("paused")["metadata"]["name"]
    kube.runs(name)
    assert condition(kube.get("Job", "paused"), "Suspended")["reason"] == "JobResumed"
    kube.change("Job", "paused", lambda obj: obj["spec"].update(suspend=True))
    wait(lambda: condition(kube.get("Job", "paused"), "Suspended")["status"] == "True")
    wait(lambda: kube.get("Pod", name)["metadata"].get("deletionTimestamp"))
    kube.delete("Pod", name, grace=0)
    wait(lambda: not kube.exists("Pod", name))
    assert "failed" not in kube.get("Job", "paused")["status"]
    assert set(kube.events("paused")) == {"Suspended", "Resumed", "SuccessfulCreate", "SuccessfulDelete"}
    kube.delete("Job", "paused")


def test_several_completions_run_as_wide_as_parallelism_says(kube: Kube) -> None:
    kube.create(job("many", container("sleep 0.1"), completions=5, parallelism=2))
    most = 0
    while job_end(current := kube.get("Job", "many")) is None:
        most = max(most, current["status"].get("active", 0))
        time.sleep(0.005)
    assert (current["status"]["succeeded"], most) == (5, 2)
    assert len(kube.objects("Pod", "job-name=many")) == 5
