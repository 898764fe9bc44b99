"""The committed manifests, applied to the emulator's Kubernetes API with its owner's kubeconfig."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.cluster import KubeApi
from deployer.context import DeployError
from deployer.declaration.model import Quota
from deployer.errors import CloudError
from deployer.kinds.cluster import ClusterKind
from deployer.kinds.role import RoleKind
from deployer.model import UNKNOWN, Foreign
from deployer.retry import Again
from tests.support.deployer_stage import Stage, deployed_to, names
from tests.support.kube_api import Api, running

MANIFESTS = Path("deployer/cluster").resolve()


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Api]:
    (tmp_path / "kube").mkdir()
    with running(tmp_path / "kube") as api:
        yield api


@pytest.fixture
def stage(kube: Api, tmp_path: Path) -> Iterator[Stage]:
    """With the functions that the manifests know."""
    with deployed_to(tmp_path, kube) as stage:
        work = stage.declaration.functions["work"]
        functions = {name: replace(work, name=name) for name in ("submit", "dispatch", "collect")}
        cluster = replace(stage.declaration.cluster, manifests=MANIFESTS)
        stage.change(functions=functions, cluster=cluster)
        stage.apply(RoleKind)
        yield stage


def cluster(stage: Stage, **changes: Any) -> None:
    stage.change(cluster=replace(stage.declaration.cluster, **changes))


def get(kube: Api, path: str) -> dict[str, Any]:
    found: dict[str, Any] = kube.http.get(path).raise_for_status().json()
    return found


def make_namespace(kube: Api, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kube.http.post("/api/v1/namespaces", json=body).raise_for_status()


def restricted_pod(name: str) -> dict[str, Any]:
    """One that the namespace's pod security lets in."""
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "main", "image": "patchmill-agent:local", "command": ["true"],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }  # fmt: skip


def test_all_manifests_are_applied_and_a_second_plan_has_no_changes(stage: Stage, kube: Api) -> None:
    steps = stage.apply(ClusterKind)
    assert [step.resource.name for step in steps][:1] == ["Namespace/shop"]
    assert {step.action for step in steps} == {"create"}
    assert not stage.plan(ClusterKind) and not stage.orphans(ClusterKind)
    hard = get(kube, "/api/v1/namespaces/shop/resourcequotas/tasks")["spec"]["hard"]
    assert hard == {"pods": "10", "limits.cpu": "20", "limits.memory": "40Gi"}


def test_a_binding_names_the_user_that_the_cluster_knows_the_role_by(stage: Stage, kube: Api) -> None:
    stage.apply(ClusterKind)
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/shop-test-dispatch"
    assert get(kube, path)["subjects"][0]["name"] == stage.facts.get("role/dispatch.user")


def test_a_plan_can_do_without_users_that_are_not_known_yet(stage: Stage) -> None:
    stage.apply(ClusterKind)
    stage.facts.known.clear()
    changes = [change for step in stage.plan(ClusterKind) for change in step.changes]
    assert {change.field for change in changes} == {"subjects"} and all(UNKNOWN in change.after for change in changes)


def test_a_function_that_fetches_no_kubeconfig_gets_no_rights(stage: Stage) -> None:
    functions = stage.declaration.functions
    stage.change(functions={**functions, "submit": replace(functions["submit"], permissions=())})
    planned = names([step.resource for step in stage.plan(ClusterKind)])
    assert "RoleBinding/shop-test-submit" not in planned and "RoleBinding/shop-test-collect" in planned


def test_a_stage_without_a_quota_has_none_in_the_cluster(stage: Stage) -> None:
    stage.apply(ClusterKind)
    cluster(stage, quota=None)
    assert names(stage.orphans(ClusterKind)) == ["ResourceQuota/tasks"]


def test_a_changed_quota_changes_one_object(stage: Stage, kube: Api) -> None:
    stage.apply(ClusterKind)
    cluster(stage, quota=Quota(11, "20", "40Gi"))
    (step,) = stage.apply(ClusterKind)
    assert [(change.field, change.before, change.after) for change in step.changes] == [("spec.hard.pods", "10", "11")]
    assert not stage.plan(ClusterKind)


def test_quantities_are_compared_by_their_amount(stage: Stage) -> None:
    stage.apply(ClusterKind)
    cluster(stage, quota=Quota(10, "20000m", "40960Mi"))
    assert not stage.plan(ClusterKind)


def test_what_others_add_to_an_object_stays(stage: Stage, kube: Api) -> None:
    stage.apply(ClusterKind)
    kube.kubectl("label", "namespace", "shop", "team=blue")
    assert not stage.plan(ClusterKind)
    kube.kubectl("label", "namespace", "shop", "pod-security.kubernetes.io/enforce=baseline", "--overwrite")
    (step,) = stage.apply(ClusterKind)
    assert [change.after for change in step.changes] == ["restricted"]
    assert get(kube, "/api/v1/namespaces/shop")["metadata"]["labels"]["team"] == "blue"


def test_a_fixed_field_is_changed_by_making_the_object_anew(stage: Stage, kube: Api, tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    text = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata:\n  name: ${name}-task\nvalue: %d\n"
    (folder / "a.yml").write_text(text % 5)
    cluster(stage, manifests=folder)
    stage.apply(ClusterKind)
    (folder / "a.yml").write_text(text % 6)
    stage.apply(ClusterKind)
    assert get(kube, "/apis/scheduling.k8s.io/v1/priorityclasses/shop-test-task")["value"] == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "is not YAML"),
        ("kind: Secret\nmetadata: {name: a}", "Secret is none of Namespace,"),
        ("kind: Role", "needs kind, apiVersion and metadata.name"),
        ("kind: Role\nmetadata:\n  name: ${nmae}", "unknown variable ${nmae}; there are name, namespace,"),
    ],
)
def test_a_bad_manifest_is_told_with_its_file(stage: Stage, tmp_path: Path, text: str, told: str) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "bad.yml").write_text(text)
    cluster(stage, manifests=folder)
    with pytest.raises(DeployError) as caught:
        stage.plan(ClusterKind)
    assert "bad.yml" in str(caught.value) and told in str(caught.value)


def test_a_namespace_of_others_is_not_touched(stage: Stage, kube: Api) -> None:
    make_namespace(kube, "shop")
    with pytest.raises(Foreign, match="Namespace shop is in the cluster and was not made by"):
        stage.plan(ClusterKind)
    kind = ClusterKind(stage.context())
    kind.delete(kind.resources()[0])
    assert get(kube, "/api/v1/namespaces/shop")["status"]["phase"] == "Active"


def test_what_is_in_no_manifest_any_more_is_found(stage: Stage, tmp_path: Path) -> None:
    stage.apply(ClusterKind)
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "namespace.yml").write_text((MANIFESTS / "namespace.yml").read_text())
    cluster(stage, manifests=folder)
    found = names(stage.orphans(ClusterKind))
    assert "PriorityClass/shop-test-task" in found and "Role/shop-test-submit" in found
    assert "Namespace/shop" not in found


def test_destroy_leaves_nothing_of_ours_and_everything_of_others(stage: Stage, kube: Api) -> None:
    stage.apply(ClusterKind)
    make_namespace(kube, "theirs")
    stage.destroy(ClusterKind)
    assert kube.http.get("/api/v1/namespaces/shop").status_code == 404
    assert all(step.action == "create" for step in stage.plan(ClusterKind))
    assert get(kube, "/api/v1/namespaces/theirs")


def test_a_namespace_in_which_others_run_something_stays_and_that_is_said(stage: Stage, kube: Api) -> None:
    stage.apply(ClusterKind)
    made = kube.http.post("/api/v1/namespaces/shop/pods", json=restricted_pod("theirs"))
    assert made.status_code == 201, made.text
    stage.destroy(ClusterKind)
    assert stage.said == ["kept namespace shop of the cluster: others have something in it (Pod/theirs)"]
    assert get(kube, "/api/v1/namespaces/shop/pods/theirs")


def test_apply_comes_to_the_same_end_wherever_it_stops(stage: Stage) -> None:
    """Each step alone, in turn: what a killed apply leaves."""
    total = len(stage.plan(ClusterKind))
    for done in range(1, total, 4):
        for step in stage.plan(ClusterKind)[:done]:
            ClusterKind(stage.context()).apply(step)
        stage.apply(ClusterKind)
        assert not stage.plan(ClusterKind)
        stage.destroy(ClusterKind)


def test_refusals_have_kubernetes_reason(stage: Stage, kube: Api) -> None:
    api = KubeApi(kube.kubeconfig_of("nobody").read_text())
    with pytest.raises(CloudError, match=r"Kubernetes\.Forbidden: .*nobody"):
        api.find("/api/v1/namespaces/default/pods/a")


def test_a_cluster_that_does_not_answer_is_told() -> None:
    text = (
        "{contexts: [{name: a, context: {cluster: a, user: a}}], current-context: a, users: [{name: a, user: {}}], "
        "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]}"
    )
    api = KubeApi(text, Again(tries=2, sleep=lambda seconds: None))
    with pytest.raises(CloudError, match=r"Kubernetes\.NoAnswer"):
        api.find("/api/v1/namespaces/a")


@pytest.mark.parametrize("text", ["", "{}", "a: [", "{contexts: [], current-context: a}"])
def test_no_usable_kubeconfig_is_told(text: str) -> None:
    with pytest.raises(CloudError, match="gave no usable kubeconfig"):
        KubeApi(text)
