"""podFailurePolicy: which failures end the Job, which count and which do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.kube.failurepolicy import judge
from emulator.kube.store import Obj
from tests.support.kube_node import Kube, condition, container, job, job_end, wait


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    cluster = Kube(tmp_path_factory.mktemp("kube"))
    yield cluster
    cluster.close()


def codes(action: str, operator: str, *values: int, name: str | None = None) -> Obj:
    rule: dict[str, Any] = {"operator": operator, "values": list(values)}
    return {"action": action, "onExitCodes": {**rule, **({"containerName": name} if name else {})}}


def disrupted(action: str) -> Obj:
    return {"action": action, "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def failed(**by_name: int) -> Obj:
    entries = [{"name": name, "state": {"terminated": {"exitCode": code}}} for name, code in by_name.items()]
    return {"metadata": {"namespace": "ns", "name": "p"}, "status": {"containerStatuses": entries}}


@pytest.mark.parametrize(
    ("rules", "exits", "action"),
    [
        ([codes("FailJob", "In", 42)], {"a": 42}, "FailJob"),
        ([codes("FailJob", "In", 42)], {"a": 41}, "Count"),
        ([codes("FailJob", "NotIn", 42)], {"a": 41}, "FailJob"),
        ([codes("FailJob", "NotIn", 42)], {"a": 0, "b": 42}, "Count"),
        ([codes("Ignore", "In", 42, name="a")], {"a": 0, "b": 42}, "Count"),
        ([codes("Ignore", "In", 42, name="b")], {"a": 0, "b": 42}, "Ignore"),
        ([codes("Count", "In", 42), codes("FailJob", "In", 42)], {"a": 42}, "Count"),
        ([disrupted("Ignore"), codes("FailJob", "In", 42)], {"a": 42}, "FailJob"),
        ([], {"a": 1}, "Count"),
    ],
)
def test_the_first_rule_that_fits_decides(rules: list[Obj], exits: dict[str, int], action: str) -> None:
    assert judge({"spec": {"podFailurePolicy": {"rules": rules}}}, failed(**exits))[0] == action


def test_a_condition_is_matched_by_type_and_status() -> None:
    pod = failed(a=137)
    pod["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
    policy = {"spec": {"podFailurePolicy": {"rules": [disrupted("FailJob")]}}}
    assert judge(policy, pod) == ("FailJob", "Pod ns/p has condition DisruptionTarget matching FailJob rule at index 0")
    pod["status"]["conditions"][0]["status"] = "False"
    assert judge(policy, pod)[0] == "Count"


def test_failjob_ends_the_job_at_the_first_failure(kube: Kube) -> None:
    rules = {"rules": [codes("FailJob", "In", 42)]}
    init = container("exit 42", "setup")
    kube.create(job("fatal", container("true"), inits=(init,), backoffLimit=5, podFailurePolicy=rules))
    done = kube.ended("fatal")
    assert job_end(done) == ("Failed", "PodFailurePolicy")
    name = kube.pod_of("fatal")["metadata"]["name"]
    text = f"Container setup for pod default/{name} failed with exit code 42 matching FailJob rule at index 0"
    assert condition(done, "Failed")["message"] == text
    assert done["status"]["failed"] == 1


def test_ignored_failures_are_retried_and_not_counted(kube: Kube) -> None:
    rules = {"rules": [codes("Ignore", "In", 7)]}
    kube.create(job("ignored", container("exit 7"), backoffLimit=0, podFailurePolicy=rules))
    wait(lambda: len(kube.objects("Pod", "job-name=ignored")) >= 3)
    status = kube.get("Job", "ignored")["status"]
    assert "failed" not in status
    assert job_end({"status": status}) is None
    kube.delete("Job", "ignored")
    wait(lambda: not kube.objects("Pod", "job-name=ignored"))
