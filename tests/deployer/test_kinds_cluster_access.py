"""RBAC of the committed manifests: the functions' own adapter works with it, and no verb is there without need.

The functions come as sessions of their roles, ask TKE for a kubeconfig and get certificates of the users that the
bindings name; the emulator's CAM and Kubernetes API enforce policies and Roles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.kinds.cluster import ClusterKind
from deployer.kinds.role import RoleKind
from patchmill.adapters.clusteraccess import ClusterAccess
from patchmill.adapters.kubernetes import Cluster
from patchmill.errors import ClusterBusy, ClusterError
from tests.support.deployer_stage import Stage, deployed_to
from tests.support.kube_api import Api, running
from tests.support.samples import settings_with

MANIFESTS = Path("deployer/cluster").resolve()
LABELS = {"app.kubernetes.io/name": "patchmill", "patchmill/task": "t", "patchmill/attempt": "1"}
ROLES = {
    each["metadata"]["name"].rpartition("-")[2]: each["rules"]
    for each in yaml.safe_load_all((MANIFESTS / "access.yml").read_text())
    if each["kind"] == "Role"
}
VERBS = [
    (function, rule["resources"][0], verb)
    for function, rules in ROLES.items()
    for rule in rules
    for verb in rule["verbs"]
]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as api:
        yield api


@pytest.fixture(scope="module")
def stage(kube: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with deployed_to(tmp_path_factory.mktemp("stage"), kube) as stage:
        work = stage.declaration.functions["work"]
        functions = {name: replace(work, name=name) for name in ROLES}
        cluster = replace(stage.declaration.cluster, manifests=MANIFESTS)
        stage.change(functions=functions, cluster=cluster)
        stage.apply(RoleKind)
        stage.apply(ClusterKind)
        yield stage


class RoleApi:
    """The cloud API as a function's role sees it."""

    def __init__(self, stage: Stage, function: str) -> None:
        self._api, self._keys = stage.api, stage.api.account.session(f"shop-test-{function}", 60).credential

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        return self._api.call(service, action, self._keys, **params)


@pytest.fixture
def namespace(stage: Stage, kube: Api, tmp_path: Path) -> Iterator[Callable[[str], Cluster]]:
    """Gives the functions' own view of the namespace; what a test made and took away is undone."""
    made: list[ClusterAccess] = []

    def of(function: str) -> Cluster:
        settings = settings_with(PATCHMILL_TKE_CLUSTER="cls-1")
        made.append(ClusterAccess(settings, RoleApi(stage, function), tmp_path))
        return Cluster(made[-1], "shop", tries=1)

    yield of
    for access in made:
        access.close()
    for path in ("/apis/batch/v1/namespaces/shop/jobs", "/api/v1/namespaces/shop/secrets"):
        for obj in kube.http.get(path).json()["items"]:
            kube.http.delete(f"{path}/{obj['metadata']['name']}")
    stage.apply(ClusterKind)


def job(name: str) -> dict[str, Any]:
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "deliver", "image": "patchmill-agent:local", "command": ["true"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }  # fmt: skip
    metadata = {"name": name, "namespace": "shop", "labels": LABELS}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}


def secret(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": LABELS}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "b"}}


def dispatch(cluster: Cluster) -> None:
    """Start an attempt, start it once more, and have one refused."""
    cluster.create_job(job("one"), secret("one"))
    cluster.create_job(job("one"), secret("one"))
    bad = job("two")
    bad["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    with pytest.raises(ClusterError) as caught:
        cluster.create_job(bad, secret("two"))
    if caught.value.status == 403:
        raise caught.value


def collect(cluster: Cluster) -> None:
    cluster.jobs()
    cluster.secrets()
    found = cluster.job("one")
    assert found is not None
    cluster.adopt("one", found["metadata"]["uid"])
    cluster.pod_of("one")
    cluster.log("gone", "agent", 10)
    assert cluster.delete_job("one")
    cluster.delete("secrets", "one")


def submit(cluster: Cluster) -> None:
    cluster.pod_of("one")
    cluster.log("gone", "agent", 10)
    assert cluster.delete_job("one")


USES: dict[str, Callable[[Cluster], None]] = {"dispatch": dispatch, "collect": collect, "submit": submit}


def prepare(kube: Api, function: str) -> None:
    """What the function finds."""
    if function != "dispatch":
        kube.http.post("/api/v1/namespaces/shop/secrets", json=secret("one")).raise_for_status()
        kube.http.post("/apis/batch/v1/namespaces/shop/jobs", json=job("one")).raise_for_status()


def take_away(kube: Api, function: str, resource: str, verb: str) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/shop-test-{function}"
    role = kube.http.get(path).json()
    for rule in role["rules"]:
        if rule["resources"] == [resource]:
            rule["verbs"].remove(verb)
    role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
    kube.http.put(path, json=role).raise_for_status()


@pytest.mark.parametrize("function", USES)
def test_a_function_does_its_work_with_its_role(kube: Api, namespace: Callable[[str], Cluster], function: str) -> None:
    prepare(kube, function)
    USES[function](namespace(function))


@pytest.mark.parametrize(("function", "resource", "verb"), VERBS)
def test_no_verb_is_there_without_need(
    kube: Api, namespace: Callable[[str], Cluster], function: str, resource: str, verb: str
) -> None:
    prepare(kube, function)
    take_away(kube, function, resource, verb)
    with pytest.raises(ClusterError, match=f'cannot {verb} resource "{resource}"') as caught:
        USES[function](namespace(function))
    assert caught.value.status == 403 and not isinstance(caught.value, ClusterBusy)


@pytest.mark.parametrize("function", USES)
def test_a_function_sees_nothing_of_other_namespaces(stage: Stage, kube: Api, function: str) -> None:
    with kube.as_user(stage.facts.get(f"role/{function}.user")) as client:
        for path in ("/api/v1/namespaces/default/pods", "/api/v1/secrets", "/api/v1/namespaces/kube-system/secrets"):
            assert client.get(path).status_code == 403
