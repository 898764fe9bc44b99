"""Objects that every cluster has from its first moment (kubernetes pkg/apis/rbac, pkg/apis/scheduling)."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.kube.identity import MASTERS
from emulator.kube.objects import Obj, new_namespace

RBAC = "rbac.authorization.k8s.io"
CLUSTER_ADMIN = "cluster-admin"
NAMESPACES = ("default", "kube-system")


def objects() -> Iterator[Obj]:
    """In the order in which they have to be made."""
    for name in NAMESPACES:
        yield new_namespace(name)
    rules = [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ]
    role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": CLUSTER_ADMIN}}
    yield {**role, "rules": rules}
    yield _binding(CLUSTER_ADMIN, MASTERS)
    for name, value in (("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)):
        head = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        yield {**head, "value": value, "preemptionPolicy": "PreemptLowerPriority"}


def _binding(role: str, group: str) -> Obj:
    head = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": role}}
    ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
    return {**head, "roleRef": ref, "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group}]}
