"""What is posted must be right: every fault is refused with 400 or 422 and the path of the field."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.kube import quantities
from emulator.kube.schema import SCHEMA_FILE, generate
from tests.support.kube_api import Api, job, pod, running, secret

JOBS, PODS = "/apis/batch/v1/namespaces/default/jobs", "/api/v1/namespaces/default/pods"
TEMPLATE = "spec.template.spec"


@pytest.fixture(scope="module")
def api(tmp_path_factory: Any) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as started:
        yield started


def put(obj: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one field set; numbers in the path are list indexes."""
    changed = copy.deepcopy(obj)
    found: Any = changed
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in steps:
        found = found.setdefault(step, {}) if isinstance(found, dict) else found[step]
    found[last] = value
    return changed


CONTAINER = "spec/template/spec/containers/0"
JOB_FAULTS = [
    ("spec/backofflimit", 2, 400, "spec.backofflimit"),
    ("spec/template/spec/containers/0/comand", ["x"], 400, f"{TEMPLATE}.containers[0].comand"),
    ("sepc", {}, 400, "sepc"),
    ("metadata/label", {}, 400, "metadata.label"),
    ("spec/backoffLimit", "2", 400, "spec.backoffLimit"),
    ("spec/backoffLimit", True, 400, "spec.backoffLimit"),
    ("spec/backoffLimit", 2.5, 400, "spec.backoffLimit"),
    ("spec/backoffLimit", 10**30, 400, "spec.backoffLimit"),
    ("spec/suspend", "yes", 400, "spec.suspend"),
    ("metadata/labels", ["a"], 400, "metadata.labels"),
    ("metadata/labels", {"a": 1}, 400, "metadata.labels[a]"),
    (f"{CONTAINER}/command", "true", 400, f"{TEMPLATE}.containers[0].command"),
    (f"{CONTAINER}/env", [{"name": "A", "value": 1}], 400, f"{TEMPLATE}.containers[0].env[0].value"),
    (f"{CONTAINER}/resources", {"limits": {"cpu": "many"}}, 400, f"{TEMPLATE}.containers[0].resources.limits[cpu]"),
    ("spec", [], 400, "spec"),
    ("metadata/name", "Upper", 422, "metadata.name"),
    ("metadata/name", "a" * 64, 422, "metadata.name"),
    ("metadata/name", "", 422, "metadata.name"),
    ("metadata/labels", {"a": "b c"}, 422, "metadata.labels"),
    ("metadata/labels", {"-a": "b"}, 422, "metadata.labels"),
    ("spec/backoffLimit", -1, 422, "spec.backoffLimit"),
    ("spec/activeDeadlineSeconds", 2**40, 422, "spec.activeDeadlineSeconds"),
    ("spec/ttlSecondsAfterFinished", -5, 422, "spec.ttlSecondsAfterFinished"),
    ("spec/completionMode", "Indexed", 422, "spec.completionMode"),
    ("spec/successPolicy", {"rules": [{"succeededCount": 1}]}, 422, "spec.successPolicy"),
    ("spec/selector", {"matchLabels": {"a": "b"}}, 422, "spec.selector"),
    ("spec/template", {}, 422, f"{TEMPLATE}.containers"),
    ("spec/template/spec/containers", [], 422, f"{TEMPLATE}.containers"),
    ("spec/template/spec/restartPolicy", "Always", 422, f"{TEMPLATE}.restartPolicy"),
    ("spec/template/spec/restartPolicy", "Sometimes", 422, f"{TEMPLATE}.restartPolicy"),
    ("spec/template/spec/dnsPolicy", "Mine", 422, f"{TEMPLATE}.dnsPolicy"),
    ("spec/template/metadata", {"labels": {"job-name": "other"}}, 422, "spec.template.metadata.labels[job-name]"),
    (f"{CONTAINER}/name", "Main", 422, f"{TEMPLATE}.containers[0].name"),
    (f"{CONTAINER}/image", "", 422, f"{TEMPLATE}.containers[0].image"),
    (f"{CONTAINER}/imagePullPolicy", "Maybe", 422, f"{TEMPLATE}.containers[0].imagePullPolicy"),
    (f"{CONTAINER}/env", [{"name": "A=B"}], 422, f"{TEMPLATE}.containers[0].env[0].name"),
    (f"{CONTAINER}/env", [{"name": "A", "valueFrom": {}}], 422, f"{TEMPLATE}.containers[0].env[0].valueFrom"),
    (
        f"{CONTAINER}/volumeMounts",
        [{"name": "x", "mountPath": "/x"}],
        422,
        f"{TEMPLATE}.containers[0].volumeMounts[0].name",
    ),
    (f"{CONTAINER}/resources", {"limits": {"cpus": "1"}}, 422, f"{TEMPLATE}.containers[0].resources.limits[cpus]"),
    (
        f"{CONTAINER}/resources",
        {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}},
        422,
        f"{TEMPLATE}.containers[0].resources.requests",
    ),
    (f"{CONTAINER}/securityContext", {"runAsUser": -1}, 422, f"{TEMPLATE}.containers[0].securityContext.runAsUser"),
    ("spec/template/spec/initContainers", [{"name": "main", "image": "x"}], 422, f"{TEMPLATE}.initContainers[0].name"),
    ("spec/template/spec/initContainers", [{"image": "x"}], 422, f"{TEMPLATE}.initContainers[0].name"),
    ("spec/template/spec/volumes", [{"name": "a"}, {"name": "a"}], 422, f"{TEMPLATE}.volumes[1].name"),
    ("spec/template/spec/volumes", [{"name": "a", "secret": {}}], 422, f"{TEMPLATE}.volumes[0].secret.secretName"),
    (
        "spec/podFailurePolicy",
        {"rules": [{"action": "Explode", "onExitCodes": {"operator": "In", "values": [1]}}]},
        422,
        "spec.podFailurePolicy.rules[0].action",
    ),
    (
        "spec/podFailurePolicy",
        {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [0]}}]},
        422,
        "spec.podFailurePolicy.rules[0].onExitCodes.values",
    ),
    ("spec/podFailurePolicy", {"rules": [{"action": "FailJob"}]}, 422, "spec.podFailurePolicy.rules[0]"),
]


@pytest.mark.parametrize(("path", "value", "code", "field"), JOB_FAULTS, ids=lambda value: str(value)[:40])
def test_faulty_job_is_refused_with_the_path(api: Api, path: str, value: Any, code: int, field: str) -> None:
    answer = api.http.post(JOBS, params={"fieldValidation": "Ignore"}, json=put(job("faulty"), path, value))
    status = answer.json()
    assert (answer.status_code, status["kind"], status["code"]) == (code, "Status", code), status
    assert field in [cause["field"] for cause in status["details"]["causes"]], status
    assert field in status["message"]


def test_every_fault_is_named_at_once(api: Api) -> None:
    faulty = put(put(job(), "spec/backofflimit", 1), f"{CONTAINER}/comand", ["x"])
    message = api.http.post(JOBS, json=faulty).json()["message"]
    assert 'unknown field "spec.backofflimit"' in message
    assert f'unknown field "{TEMPLATE}.containers[0].comand"' in message


@pytest.mark.parametrize("missing", ["spec", "spec/template"])
def test_missing_part_is_named(api: Api, missing: str) -> None:
    short = job("short")
    del (short if missing == "spec" else short["spec"])[missing.rpartition("/")[2]]
    answer = api.http.post(JOBS, json=short)
    assert answer.status_code == 422
    assert "spec.template: Required value" in answer.json()["message"]


def test_null_is_an_absent_field(api: Api) -> None:
    answer = api.http.post(
        JOBS, json=put(put(job("nulls"), "spec/backoffLimit", None), "metadata/creationTimestamp", None)
    )
    assert (answer.status_code, answer.json()["spec"]["backoffLimit"]) == (201, 6)


def test_missing_mount_of_a_pod_is_refused(api: Api) -> None:
    faulty = pod()
    faulty["spec"]["containers"][0]["volumeMounts"] = [{"name": "x", "mountPath": "/x"}]
    answer = api.http.post(PODS, json=faulty)
    assert (answer.status_code, 'volumeMounts[0].name: Not found: "x"' in answer.json()["message"]) == (422, True)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"data": {"a": "not base64!"}}, 400, "data[a]"),
        ({"data": {"a/b": "eA=="}}, 422, "data[a/b]"),
        ({"stringData": {"a": "x" * 1_100_000}}, 422, "data"),
        ({"stringdata": {}}, 400, "stringdata"),
    ],
)
def test_faulty_secret_is_refused_without_showing_it(api: Api, fields: dict[str, Any], code: int, field: str) -> None:
    answer = api.http.post("/api/v1/namespaces/default/secrets", json=secret("faulty", **fields))
    assert answer.status_code == code
    assert [cause["field"] for cause in answer.json()["details"]["causes"]] == [field]
    assert "not base64!" not in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"completions": 2},
        {"selector": {"matchLabels": {"a": "b"}}},
        {"template": {"spec": {"terminationGracePeriodSeconds": 1}}},
        {"template": {"metadata": {"labels": {"a": "b"}}}},
        {"podFailurePolicy": {"rules": []}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_immutable_field_of_a_job_stays(api: Api, change: dict[str, Any]) -> None:
    api.http.post(JOBS, json=job("fixed"))
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = api.http.patch(f"{JOBS}/fixed", json={"spec": change}, headers=headers)
    assert answer.status_code == 422
    assert f"spec.{next(iter(change))}: Invalid value" in answer.json()["message"]
    assert "field is immutable" in answer.json()["message"]


def test_patched_object_is_checked_too(api: Api) -> None:
    api.http.post(JOBS, json=job("patched"))
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = api.http.patch(f"{JOBS}/patched", json={"spec": {"paralelism": 2}}, headers=headers)
    assert (answer.status_code, "spec.paralelism" in answer.json()["message"]) == (400, True)


def test_spec_of_a_pod_stays(api: Api) -> None:
    api.http.post(PODS, json=pod("steady"))
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = api.http.patch(f"{PODS}/steady", json={"spec": {"restartPolicy": "Never"}}, headers=headers)
    assert (answer.status_code, "pod updates may not change" in answer.json()["message"]) == (422, True)


def test_immutable_secret_stays(api: Api) -> None:
    path = "/api/v1/namespaces/default/secrets"
    api.http.post(path, json=secret("sealed", immutable=True, stringData={"a": "b"}))
    assert api.http.put(f"{path}/sealed", json=secret("sealed", stringData={"a": "c"})).status_code == 422


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("500m", 0.5), ("1.5Gi", 1610612736), ("1e3", 1000), ("2k", 2000), (".5", 0.5), ("12E", 12 * 10**18)],
)
def test_quantity_is_read(text: str, number: float) -> None:
    assert quantities.parse(text) == number


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1gb", "0x1", "1e", "--1", "1e999999", "NaN", "9" * 100])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        quantities.parse(text)


def test_schema_file_is_what_the_official_client_says() -> None:
    assert SCHEMA_FILE.read_text() == generate.text(), "run: python -m emulator.kube.schema.generate"
