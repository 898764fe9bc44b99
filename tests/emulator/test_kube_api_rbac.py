"""What a user may do is what the Roles bound to him say, and a refusal says it in Kubernetes' words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.kube_api import RBAC, Api, binding, job, new, pod, role, running, secret

NS = "/api/v1/namespaces/patchmill"
ROLES, BINDINGS = (f"/apis/{RBAC}/namespaces/patchmill/{name}" for name in ("roles", "rolebindings"))
JOBS = "/apis/batch/v1/namespaces/patchmill/jobs"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: Any) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as started:
        started.http.post("/api/v1/namespaces", json=new("Namespace", "patchmill"))
        yield started


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    yield shared
    for path in (ROLES, BINDINGS, JOBS, f"{NS}/secrets", f"{NS}/pods"):
        shared.http.delete(path)
    for kind in ("clusterroles", "clusterrolebindings"):
        shared.http.delete(f"/apis/{RBAC}/{kind}/extra")


@pytest.fixture
def user(api: Api) -> Iterator[httpx.Client]:
    with api.as_user("role-1") as client:
        yield client


def give(api: Api, verbs: str, resources: str, group: str = "", **more: Any) -> None:
    for path, obj in ((ROLES, role("mine", verbs, resources, group, **more)), (BINDINGS, binding("mine", "role-1"))):
        api.http.delete(f"{path}/mine")
        assert api.http.post(path, json=obj).status_code == 201


def refusal(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.json()["reason"], answer.json()["code"]) == (403, "Forbidden", 403)
    message: str = answer.json()["message"]
    return message


def test_user_without_a_role_may_nothing(user: httpx.Client) -> None:
    assert refusal(user.post(JOBS, json=job())) == (
        'jobs.batch is forbidden: User "role-1" cannot create resource "jobs" in API group "batch" '
        'in the namespace "patchmill"'
    )
    assert refusal(user.get(f"{NS}/secrets/a")) == (
        'secrets "a" is forbidden: User "role-1" cannot get resource "secrets" in API group "" '
        'in the namespace "patchmill"'
    )
    assert refusal(user.get("/api/v1/nodes")).endswith(
        'cannot list resource "nodes" in API group "" at the cluster scope'
    )
    assert refusal(user.get("/metrics")) == 'forbidden: User "role-1" cannot get path "/metrics"'


def test_user_may_discover_what_there_is(user: httpx.Client) -> None:
    for path in ("/api", "/apis", "/api/v1", "/apis/batch/v1", "/version", "/openapi/v3"):
        assert user.get(path).status_code == 200


ACTS = {
    "get": ("GET", f"{NS}/secrets/a"),
    "list": ("GET", f"{NS}/secrets"),
    "watch": ("GET", f"{NS}/secrets?watch=true&timeoutSeconds=1"),
    "create": ("POST", f"{NS}/secrets"),
    "update": ("PUT", f"{NS}/secrets/a"),
    "patch": ("PATCH", f"{NS}/secrets/a"),
    "delete": ("DELETE", f"{NS}/secrets/a"),
    "deletecollection": ("DELETE", f"{NS}/secrets"),
}


@pytest.mark.parametrize("verb", ACTS)
def test_each_verb_is_allowed_by_itself_only(api: Api, user: httpx.Client, verb: str) -> None:
    method, path = ACTS[verb]
    headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
    body = {"metadata": {"labels": {"a": "b"}}} if method == "PATCH" else secret("a")
    content = body if method in ("POST", "PUT", "PATCH") else None
    if verb != "create":
        api.http.post(f"{NS}/secrets", json=secret("a"))
    give(api, " ".join(set(ACTS) - {verb}), "secrets")
    assert f"cannot {verb} resource" in refusal(user.request(method, path, json=content, headers=headers))
    give(api, verb, "secrets")
    assert user.request(method, path, json=content, headers=headers).status_code in (200, 201)


def test_role_ends_at_its_namespace(api: Api, user: httpx.Client) -> None:
    give(api, "*", "*", "*")
    assert user.post(JOBS, json=job()).status_code == 201
    assert user.get("/apis/batch/v1/namespaces/default/jobs").status_code == 403
    assert user.get("/apis/batch/v1/jobs").status_code == 403
    assert user.get(NS).status_code == 200
    assert user.get("/api/v1/namespaces/default").status_code == 403
    assert user.get("/api/v1/namespaces").status_code == 403


def test_subresource_is_a_resource_of_its_own(api: Api, user: httpx.Client) -> None:
    api.http.post(f"{NS}/pods", json=pod())
    give(api, "get", "pods")
    assert refusal(user.get(f"{NS}/pods/one/log")).startswith(
        'pods "one" is forbidden: User "role-1" cannot get resource "pods/log" in API group ""'
    )
    give(api, "get", "pods/log")
    assert user.get(f"{NS}/pods/one/log").status_code == 400  # the container has not begun
    assert user.get(f"{NS}/pods/one").status_code == 403


def test_names_narrow_a_rule_down(api: Api, user: httpx.Client) -> None:
    api.http.post(f"{NS}/secrets", json=secret("a"))
    give(api, "get list", "secrets", resourceNames=["a"])
    assert user.get(f"{NS}/secrets/a").status_code == 200
    assert user.get(f"{NS}/secrets/b").status_code == 403
    assert user.get(f"{NS}/secrets").status_code == 403
    assert user.get(f"{NS}/secrets?fieldSelector=metadata.name=a").status_code == 200


@pytest.mark.parametrize("first", ["fieldSelector=metadata.name=a", "watch=false", "watch=0"])
def test_parameter_given_twice_is_judged_as_it_is_read(api: Api, user: httpx.Client, first: str) -> None:
    api.http.post(f"{NS}/secrets", json=secret("a"))
    give(api, "list", "secrets", "", **({"resourceNames": ["a"]} if "field" in first else {}))
    second = "fieldSelector=" if "field" in first else "watch=true&timeoutSeconds=1"
    assert user.get(f"{NS}/secrets?{first}").status_code == 200
    assert user.get(f"{NS}/secrets?{first}&{second}").status_code == 403


def test_nobody_may_act_as_somebody_else(api: Api, user: httpx.Client) -> None:
    give(api, "*", "*", "*")
    for client in (user, api.http):
        answer = client.get(f"{NS}/secrets", headers={"Impersonate-User": "kubernetes-admin"})
        assert refusal(answer) == "impersonation is not served by this cluster"


def test_cluster_role_counts_everywhere_or_where_it_is_bound(api: Api, user: httpx.Client) -> None:
    root = f"/apis/{RBAC}"
    api.http.post(f"{root}/clusterroles", json=role("extra", "list", "pods nodes", kind="ClusterRole"))
    api.http.post(BINDINGS, json=binding("mine", "role-1", "extra", to_kind="ClusterRole"))
    assert [user.get(path).status_code for path in (f"{NS}/pods", "/api/v1/pods", "/api/v1/nodes")] == [200, 403, 403]
    bound = binding("extra", "role-1", kind="ClusterRoleBinding", to_kind="ClusterRole")
    api.http.post(f"{root}/clusterrolebindings", json=bound)
    assert [user.get(path).status_code for path in (f"{NS}/pods", "/api/v1/pods", "/api/v1/nodes")] == [200, 200, 200]


def test_groups_are_bound_too(api: Api, user: httpx.Client) -> None:
    api.http.post(ROLES, json=role("mine", "list", "pods"))
    everybody = binding("mine", "")
    everybody["subjects"] = [{"kind": "Group", "name": "system:authenticated"}]
    api.http.post(BINDINGS, json=everybody)
    assert user.get(f"{NS}/pods").status_code == 200


def test_binding_to_a_missing_role_is_told(api: Api, user: httpx.Client) -> None:
    api.http.post(BINDINGS, json=binding("mine", "role-1", "lost"))
    assert refusal(user.get(f"{NS}/pods")).endswith(': RBAC: roles.rbac.authorization.k8s.io "lost" not found')


def test_permission_ends_with_its_binding(api: Api, user: httpx.Client) -> None:
    give(api, "list", "pods")
    assert user.get(f"{NS}/pods").status_code == 200
    api.http.delete(f"{BINDINGS}/mine")
    assert user.get(f"{NS}/pods").status_code == 403


def test_role_of_a_binding_cannot_be_changed(api: Api) -> None:
    api.http.post(BINDINGS, json=binding("mine", "role-1"))
    answer = api.http.put(f"{BINDINGS}/mine", json=binding("mine", "role-1", "other"))
    assert answer.status_code == 422
    assert "cannot change roleRef" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "obj", "field"),
    [
        (ROLES, role("a", "", "pods"), "rules[0].verbs"),
        (ROLES, role("a", "get", ""), "rules[0].resources"),
        (ROLES, new("Role", "a", RBAC, rules=[{"verbs": ["get"], "nonResourceURLs": ["/x"]}]), "nonResourceURLs"),
        (ROLES, role("a%", "get", "pods"), "metadata.name"),
        (BINDINGS, binding("a", "u", to_kind="Rolle"), "roleRef.kind"),
        (BINDINGS, {**binding("a", "u"), "subjects": [{"kind": "ServiceAccount", "name": "x"}]}, "[0].namespace"),
        (BINDINGS, {**binding("a", "u"), "subjects": [{"kind": "Person", "name": "x"}]}, "subjects[0].kind"),
    ],
)  # fmt: skip
def test_bad_role_or_binding_is_refused(api: Api, path: str, obj: dict[str, Any], field: str) -> None:
    answer = api.http.post(path, json=obj)
    assert answer.status_code == 422
    assert field in answer.json()["message"]


def test_kubectl_tells_what_it_may(api: Api) -> None:
    give(api, "create", "jobs", "batch")
    config = ("--kubeconfig", str(api.kubeconfig_of("role-1")), "-n", "patchmill", "auth")
    assert api.kubectl(*config, "can-i", "create", "jobs.batch") == "yes\n"
    assert api.kubectl(*config, "can-i", "delete", "jobs.batch", fails=True).startswith("no\n")
    assert "role-1" in api.kubectl(*config, "whoami")
