"""An ordinary kubectl does its ordinary things."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.support.kube_api import RBAC, Api, binding, event, job, new, pod, role, running

JOBS, PODS = "/apis/batch/v1/namespaces/default/jobs", "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: Any) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as started:
        yield started


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    yield shared
    shared.http.delete(JOBS)
    shared.http.delete(PODS)


def test_get_prints_tables(api: Api) -> None:
    api.http.post(JOBS, json=job())
    api.http.post(PODS, json=pod())
    jobs = api.kubectl("get", "jobs").splitlines()
    assert jobs[0].split() == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert jobs[1].split()[:3] == ["work", "Running", "0/1"]
    assert api.kubectl("get", "pods", "-A").splitlines()[1].split()[:4] == ["default", "one", "0/1", "Pending"]
    assert "patchmill-agent:local" in api.kubectl("get", "jobs", "-o", "wide")
    assert "job.batch/work" in api.kubectl("get", "all")
    assert api.kubectl("get", "jobs", "-l", "job-name=work", "-o", "name") == "job.batch/work\n"


def test_get_as_json_is_the_object(api: Api) -> None:
    api.http.post(JOBS, json=job())
    assert json.loads(api.kubectl("get", "job", "work", "-o", "json"))["spec"]["backoffLimit"] == 6


def test_describe_shows_the_object_and_its_events(api: Api) -> None:
    made = api.http.post(PODS, json=pod()).json()
    api.loop.call(lambda: api.store.create(event("started", made, message="Started container main")))
    described = api.kubectl("describe", "pod", "one")
    assert "QoS Class:" in described
    assert "Started container main" in described
    api.http.post(JOBS, json=job())
    assert "Pods Statuses:" in api.kubectl("describe", "job", "work")
    assert "Started container main" in api.kubectl("get", "events")


def test_missing_object_is_said_so(api: Api) -> None:
    assert 'jobs.batch "none" not found' in api.kubectl("get", "job", "none", fails=True)


def test_create_and_apply_a_manifest(api: Api) -> None:
    assert api.kubectl("create", "-f", "-", stdin=json.dumps(job("made"))) == "job.batch/made created\n"
    manifest = json.dumps(job("applied", backoffLimit=1))
    assert api.kubectl("apply", "-f", "-", stdin=manifest) == "job.batch/applied created\n"
    assert api.kubectl("apply", "-f", "-", stdin=manifest) == "job.batch/applied unchanged\n"
    changed = json.dumps(job("applied", backoffLimit=2))
    assert api.kubectl("apply", "-f", "-", stdin=changed) == "job.batch/applied configured\n"
    assert api.http.get(f"{JOBS}/applied").json()["spec"]["backoffLimit"] == 2


def test_misspelt_field_is_named(api: Api) -> None:
    manifest = json.dumps(job("typo", backofflimit=1))
    for extra in ([], ["--validate=false"]):
        assert "spec.backofflimit" in api.kubectl("create", "-f", "-", *extra, stdin=manifest, fails=True)


def test_labels_and_patches(api: Api) -> None:
    api.http.post(JOBS, json=job())
    api.kubectl("label", "job", "work", "stage=test")
    api.kubectl("annotate", "job", "work", "note=a")
    api.kubectl("patch", "job", "work", "-p", '{"spec": {"suspend": true}}')
    found = api.http.get(f"{JOBS}/work").json()
    assert (found["metadata"]["labels"]["stage"], found["metadata"]["annotations"]["note"]) == ("test", "a")
    assert found["spec"]["suspend"] is True


def test_delete_waits_until_it_is_gone(api: Api) -> None:
    api.http.post(JOBS, json=job())
    api.http.post(PODS, json=pod())
    assert 'job.batch "work" deleted' in api.kubectl("delete", "job", "work")
    assert 'pod "one" deleted' in api.kubectl("delete", "pod", "one")
    assert api.kubectl("get", "all") == ""
    assert api.http.get(f"{JOBS}/work").status_code == 404


def test_logs_are_followed_to_the_end(api: Api) -> None:
    uid = api.http.post(PODS, json=pod()).json()["metadata"]["uid"]
    path = api.logs / uid / "main.log"
    path.parent.mkdir(parents=True)

    def say(text: str) -> None:
        with path.open("a") as file:
            file.write(f"{datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%f000Z')} stdout F {text}\n")

    def end() -> None:
        say("last")
        api.change_pod("one", containerStatuses=[{"name": "main", "state": {"terminated": {"exitCode": 0}}}])

    say("first")
    api.change_pod("one", phase="Running", containerStatuses=[{"name": "main", "state": {"running": {}}}])
    timer = threading.Timer(1, end)
    timer.start()
    assert api.kubectl("logs", "-f", "one") == "first\nlast\n"
    timer.join()
    assert api.kubectl("logs", "one", "--tail=1") == "last\n"


def test_watch_prints_changes(api: Api) -> None:
    api.http.post(PODS, json=pod())
    with subprocess.Popen(
        api.kubectl_argv("get", "pods", "--watch"), stdout=subprocess.PIPE, text=True, env=api.env()
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("NAME")
        assert "Pending" in process.stdout.readline()
        api.change_pod("one", phase="Running")
        assert "Running" in process.stdout.readline()
        process.kill()


def test_version_and_resources_are_known(api: Api) -> None:
    assert "Server Version" in api.kubectl("version")
    assert "jobs" in api.kubectl("api-resources")


SPACE = new("Namespace", "patchmill")
MANIFESTS = [
    SPACE,
    new("ServiceAccount", "runner"),
    role("dispatch", "create get list", "jobs", "batch"),
    binding("dispatch", "role-1"),
    role("watcher", "list watch", "pods", kind="ClusterRole"),
    binding("watcher", "role-1", kind="ClusterRoleBinding", to_kind="ClusterRole"),
    new("ResourceQuota", "size", spec={"hard": {"pods": "10", "requests.cpu": "4", "limits.memory": "8Gi"}}),
    new("LimitRange", "bounds", spec={"limits": [{"type": "Container", "defaultRequest": {"memory": "1Gi"}}]}),
    new("PriorityClass", "urgent", "scheduling.k8s.io/v1", value=1000, description="At once"),
    new("NetworkPolicy", "closed", "networking.k8s.io/v1", spec={"podSelector": {"matchLabels": {"app": "task"}}}),
]
NAMES = [
    *("namespace/patchmill", "serviceaccount/runner", "role.rbac.authorization.k8s.io/dispatch"),
    *("rolebinding.rbac.authorization.k8s.io/dispatch", "clusterrole.rbac.authorization.k8s.io/watcher"),
    *("clusterrolebinding.rbac.authorization.k8s.io/watcher", "resourcequota/size", "limitrange/bounds"),
    *("priorityclass.scheduling.k8s.io/urgent", "networkpolicy.networking.k8s.io/closed"),
]


def test_every_kind_is_applied_shown_and_deleted(api: Api) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": MANIFESTS})
    for expected in ("created", "unchanged"):
        printed = api.kubectl("apply", "-n", "patchmill", "-f", "-", stdin=manifest).splitlines()
        assert printed == [f"{name} {expected}" for name in NAMES]
    for name in NAMES:
        assert name.rpartition("/")[2] in api.kubectl("get", "-n", "patchmill", name, "-o", "wide")
        described = api.kubectl("describe", "-n", "patchmill", name).split()
        assert described[:2] == ["Name:", name.rpartition("/")[2]]
    assert "requests.cpu: 0/4" in api.kubectl("get", "quota", "-n", "patchmill")
    backwards = json.dumps({"apiVersion": "v1", "kind": "List", "items": MANIFESTS[::-1]})
    api.kubectl("delete", "-n", "patchmill", "-f", "-", stdin=backwards)
    assert "NotFound" in api.kubectl("get", "namespace", "patchmill", fails=True)
    assert "NotFound" in api.kubectl("get", "priorityclass", "urgent", fails=True)


def test_change_of_each_kind_is_applied(api: Api) -> None:
    api.kubectl("apply", "-f", "-", stdin=json.dumps(SPACE))
    for before, after in (
        (MANIFESTS[2], role("dispatch", "create", "jobs", "batch")),
        (MANIFESTS[3], binding("dispatch", "role-2")),
        (MANIFESTS[6], new("ResourceQuota", "size", spec={"hard": {"pods": "11"}})),
        (MANIFESTS[9], new("NetworkPolicy", "closed", "networking.k8s.io/v1", spec={"podSelector": {}})),
        (SPACE, {**SPACE, "metadata": {"name": "patchmill", "labels": {"stage": "test"}}}),
    ):
        api.kubectl("apply", "-n", "patchmill", "-f", "-", stdin=json.dumps(before))
        printed = api.kubectl("apply", "-n", "patchmill", "-f", "-", stdin=json.dumps(after))
        assert printed.endswith("configured\n")
    found = json.loads(api.kubectl("get", "quota", "size", "-n", "patchmill", "-o", "json"))
    assert found["spec"]["hard"] == {"pods": "11"}
    api.kubectl("delete", "namespace", "patchmill")


def test_describe_of_a_namespace_shows_quota_and_limits(api: Api) -> None:
    for manifest in (SPACE, MANIFESTS[6], MANIFESTS[7]):
        api.kubectl("apply", "-n", "patchmill", "-f", "-", stdin=json.dumps(manifest))
    described = api.kubectl("describe", "namespace", "patchmill")
    assert "Resource Quotas" in described
    assert "Resource Limits" in described
    api.kubectl("delete", "namespace", "patchmill")


def test_refusal_of_a_certificate_user_is_printed(api: Api) -> None:
    config = ("--kubeconfig", str(api.kubeconfig_of("role-1")))
    printed = api.kubectl(*config, "get", "jobs", fails=True)
    assert 'User "role-1" cannot list resource "jobs" in API group "batch" in the namespace "default"' in printed
    api.http.post(f"/apis/{RBAC}/namespaces/default/roles", json=role("dispatch", "list", "jobs", "batch"))
    api.http.post(f"/apis/{RBAC}/namespaces/default/rolebindings", json=binding("dispatch", "role-1"))
    assert api.kubectl(*config, "get", "jobs", "-o", "name") == ""
