"""The kinds this API serves: their names in paths, their groups and their verbs. One table, nothing else knows them."""

from __future__ import annotations

from dataclasses import dataclass

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")


@dataclass(frozen=True)
class Resource:
    """One kind. `group` is empty for the core group; `has_status` adds the status subresource."""

    kind: str
    plural: str
    group: str = ""
    namespaced: bool = True
    has_status: bool = False
    writable: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def verbs(self) -> tuple[str, ...]:
        return tuple(sorted(_READ + _WRITE)) if self.writable else _READ

    def collection(self, namespace: str) -> str:
        """The path of the collection in one namespace."""
        root = f"/apis/{self.api_version}" if self.group else "/api/v1"
        return f"{root}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{root}/{self.plural}"


_RBAC = "rbac.authorization.k8s.io"

RESOURCES = (
    Resource("Event", "events", short_names=("ev",)),
    Resource("LimitRange", "limitranges", short_names=("limits",)),
    Resource("Namespace", "namespaces", namespaced=False, has_status=True, short_names=("ns",)),
    Resource("Node", "nodes", namespaced=False, writable=False, short_names=("no",)),
    Resource("Pod", "pods", has_status=True, short_names=("po",), categories=("all",)),
    Resource("ResourceQuota", "resourcequotas", has_status=True, short_names=("quota",)),
    Resource("Secret", "secrets"),
    Resource("ServiceAccount", "serviceaccounts", short_names=("sa",)),
    Resource("Job", "jobs", group="batch", has_status=True, categories=("all",)),
    Resource("NetworkPolicy", "networkpolicies", group="networking.k8s.io", short_names=("netpol",)),
    Resource("ClusterRole", "clusterroles", group=_RBAC, namespaced=False),
    Resource("ClusterRoleBinding", "clusterrolebindings", group=_RBAC, namespaced=False),
    Resource("Role", "roles", group=_RBAC),
    Resource("RoleBinding", "rolebindings", group=_RBAC),
    Resource("PriorityClass", "priorityclasses", group="scheduling.k8s.io", namespaced=False, short_names=("pc",)),
)
KINDS = {resource.kind: resource for resource in RESOURCES}


GROUPS = tuple(dict.fromkeys(resource.group for resource in RESOURCES if resource.group))


def resource_of(kind: str) -> Resource:
    """Raises KeyError for a kind that is not served: a programming error, routes only use the table."""
    return KINDS[kind]
