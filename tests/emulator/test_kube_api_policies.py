"""Quotas, limits, priorities, network policies and namespaces as objects: what is valid, what is filled in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kube_api import RBAC, Api, binding, connection, new, role, running

CORE, NET, SCHEDULING = "/api/v1/namespaces/default", "networking.k8s.io/v1", "scheduling.k8s.io/v1"
POLICIES = f"/apis/{NET}/namespaces/default/networkpolicies"
CLASSES = f"/apis/{SCHEDULING}/priorityclasses"
QUOTAS, LIMITS = f"{CORE}/resourcequotas", f"{CORE}/limitranges"


@pytest.fixture(scope="module")
def api(tmp_path_factory: Any) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as started:
        yield started


def policy(name: str = "closed", **spec: Any) -> dict[str, Any]:
    return new("NetworkPolicy", name, NET, spec={"podSelector": {}, **spec})


def rule(**ends: Any) -> list[dict[str, Any]]:
    return [ends]


def limit(**fields: Any) -> dict[str, Any]:
    return new("LimitRange", "a", spec={"limits": [{"type": "Container", **fields}]})


def quota(**hard: Any) -> dict[str, Any]:
    return new("ResourceQuota", "a", spec={"hard": hard})


def priority(name: str = "a", value: int = 1, **fields: Any) -> dict[str, Any]:
    return new("PriorityClass", name, SCHEDULING, value=value, **fields)


def test_network_policy_is_kept_with_its_defaults(api: Api) -> None:
    egress = rule(to=[{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}], ports=[{"port": 443}])
    made = api.http.post(POLICIES, json=policy(egress=egress)).json()["spec"]
    assert made["policyTypes"] == ["Ingress", "Egress"]
    assert made["egress"][0]["ports"] == [{"port": 443, "protocol": "TCP"}]


def test_bounds_of_a_container_have_defaults(api: Api) -> None:
    made = api.http.post(LIMITS, json=limit(max={"cpu": 2}, min={"memory": "1Mi"})).json()["spec"]["limits"][0]
    assert made["default"] == {"cpu": "2"}
    assert made["defaultRequest"] == {"memory": "1Mi", "cpu": "2"}


@pytest.mark.parametrize(
    ("path", "obj", "field"),
    [
        (POLICIES, policy(ingress=rule(**{"from": [{}]})), "spec.ingress[0].from[0]"),
        (POLICIES, policy(egress=rule(to=[{"ipBlock": {"cidr": "10.0.0.0"}}])), "spec.egress[0].to[0].ipBlock.cidr"),
        (POLICIES, policy(egress=rule(to=[{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}])), "except"),
        (POLICIES, policy(egress=rule(to=[{"ipBlock": {"cidr": "::/0"}, "podSelector": {}}])), "spec.egress[0].to[0]"),
        (POLICIES, policy(ingress=rule(ports=[{"port": 0}])), "spec.ingress[0].ports[0].port"),
        (POLICIES, policy(ingress=rule(ports=[{"port": 5, "endPort": 4}])), "ports[0].endPort"),
        (POLICIES, policy(ingress=rule(ports=[{"port": "NO"}])), "ports[0].port"),
        (POLICIES, policy(policyTypes=["Both"]), "spec.policyTypes[0]"),
        (POLICIES, policy(podSelector={"matchExpressions": [{"key": "a", "operator": "In"}]}), "values"),
        (LIMITS, limit(min={"cpu": "2"}, max={"cpu": "1"}), "spec.limits[0].min[cpu]"),
        (LIMITS, limit(type="Node"), "spec.limits[0].type"),
        (LIMITS, limit(type="Pod", default={"cpu": "1"}), "spec.limits[0].default"),
        (LIMITS, limit(maxLimitRequestRatio={"cpu": "0.5"}), "maxLimitRequestRatio[cpu]"),
        (QUOTAS, quota(podz="1"), "spec.hard[podz]"),
        (QUOTAS, quota(pods="-1"), "spec.hard[pods]"),
        (QUOTAS, quota(pods="1500m"), "spec.hard[pods]"),
        (QUOTAS, new("ResourceQuota", "a", spec={"scopes": ["BestEffort"]}), "spec.scopes"),
        (CLASSES, priority("system-mine"), "metadata.name"),
        (CLASSES, priority(value=1_000_000_001), "value"),
        (CLASSES, priority(preemptionPolicy="Sometimes"), "preemptionPolicy"),
        ("/api/v1/namespaces", new("Namespace", "a.b"), "metadata.name"),
    ],
)  # fmt: skip
def test_bad_object_is_refused_by_field(api: Api, path: str, obj: dict[str, Any], field: str) -> None:
    answer = api.http.post(path, json=obj)
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["message"]


def test_level_of_pod_security_is_a_known_one(api: Api) -> None:
    space = new("Namespace", "safe")
    space["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "strict"}
    assert api.http.post("/api/v1/namespaces", json=space).status_code == 422


def test_value_of_a_class_never_changes(api: Api) -> None:
    api.http.post(CLASSES, json=priority("fixed", 1))
    assert api.http.put(f"{CLASSES}/fixed", json=priority("fixed", 2)).status_code == 422
    assert api.http.put(f"{CLASSES}/fixed", json=priority("fixed", 1, description="same")).status_code == 200


def test_misspelt_field_is_named(api: Api) -> None:
    answer = api.http.post(f"/apis/{RBAC}/namespaces/default/roles", json=new("Role", "a", RBAC, rulez=[]))
    assert (answer.status_code, "rulez" in answer.json()["message"]) == (400, True)


def test_official_client_makes_and_reads_every_kind(api: Api) -> None:
    from kubernetes import client

    with connection(api) as shared:
        core, rbac = client.CoreV1Api(shared), client.RbacAuthorizationV1Api(shared)
        core.create_namespace(new("Namespace", "sdk"))
        core.create_namespaced_service_account("sdk", new("ServiceAccount", "pods"))
        core.create_namespaced_resource_quota("sdk", new("ResourceQuota", "q", spec={"hard": {"pods": "3"}}))
        core.create_namespaced_limit_range("sdk", limit(default={"cpu": "1"}))
        rbac.create_namespaced_role("sdk", role("dispatch", "create get", "jobs", "batch"))
        rbac.create_namespaced_role_binding("sdk", binding("dispatch", "role-1"))
        client.SchedulingV1Api(shared).create_priority_class(priority("sdk", 7))
        client.NetworkingV1Api(shared).create_namespaced_network_policy("sdk", policy())
        assert {found.metadata.name for found in core.list_namespaced_service_account("sdk").items} == {
            "default",
            "pods",
        }
        assert rbac.read_namespaced_role_binding("dispatch", "sdk").subjects[0].name == "role-1"
        assert client.SchedulingV1Api(shared).read_priority_class("sdk").value == 7
        labelled = core.patch_namespace("sdk", {"metadata": {"labels": {"stage": "test"}}})
        assert labelled.metadata.labels["stage"] == "test"
        core.delete_namespace("sdk")
        with pytest.raises(client.ApiException, match="404"):
            core.read_namespace("sdk")


PLACES = {
    "roles": ["rules"],
    "rolebindings": ["roleRef", "subjects", "roleRef/name"],
    "networkpolicies": ["spec", "spec/podSelector", "spec/ingress", "spec/egress", "spec/policyTypes"],
    "resourcequotas": ["spec", "spec/hard"],
    "limitranges": ["spec", "spec/limits"],
    "serviceaccounts": ["secrets", "imagePullSecrets"],
    "priorityclasses": ["value", "globalDefault", "preemptionPolicy"],
}
PATHS = {
    "roles": f"/apis/{RBAC}/namespaces/default/roles",
    "rolebindings": f"/apis/{RBAC}/namespaces/default/rolebindings",
    "networkpolicies": POLICIES,
    "resourcequotas": QUOTAS,
    "limitranges": LIMITS,
    "serviceaccounts": f"{CORE}/serviceaccounts",
    "priorityclasses": CLASSES,
}
WORDS = st.sampled_from(
    ["type", "name", "kind", "verbs", "from", "to", "ports", "port", "cpu", "max", "ipBlock", "cidr"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "?", "Pod", "User", "1Gi", "10.0.0.0/8"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(place=st.sampled_from([(kind, field) for kind, fields in PLACES.items() for field in fields]), value=VALUES)
def test_whatever_is_sent_is_accepted_or_refused(api: Api, place: tuple[str, str], value: Any) -> None:
    kind, field = place
    sent: Any = {"metadata": {"name": "sent"}}
    found, (*steps, last) = sent, field.split("/")
    for step in steps:
        found = found.setdefault(step, {})
    found[last] = value
    answer = api.http.post(f"{PATHS[kind]}?dryRun=All", json=sent)
    assert answer.status_code in (201, 400, 403, 422), answer.text


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=40))
def test_whatever_protobuf_is_sent_is_answered(api: Api, content: bytes) -> None:
    path, headers = (
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"Content-Type": "application/vnd.kubernetes.protobuf"},
    )
    answer = api.http.post(path, content=b"k8s\x00" + content, headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (400, "Status")
