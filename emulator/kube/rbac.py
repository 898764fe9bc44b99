"""May he do that? A user and what he asks for in, yes or no out, by the Roles and bindings that are stored.

Rules only ever allow. In a namespace its RoleBindings count and all ClusterRoleBindings; for what is in no namespace
only the latter (kubernetes docs, "Using RBAC Authorization"). Not done: aggregated ClusterRoles, and the check that
nobody grants what he does not have himself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from emulator.kube.errors import AccessRefused, NotFound
from emulator.kube.identity import MASTERS, Identity
from emulator.kube.objects import Obj
from emulator.kube.store import Store

# What every authenticated user may: the roles system:discovery, system:public-info-viewer and system:basic-user.
_OPEN_PATHS = ("/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version")
_SELF_REVIEWS = ("selfsubjectaccessreviews", "selfsubjectreviews")


@dataclass(frozen=True)
class Attributes:
    """What is asked for. `path` is set for what is no object, and then nothing else is but the verb."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass
class Decision:
    """`troubles`: bindings that lead to no role."""

    allowed: bool
    troubles: list[str] = field(default_factory=list)


def require(store: Store, identity: Identity, wanted: Attributes) -> None:
    """Raises AccessRefused, in the words of the real API."""
    decision = decide(store, identity, wanted)
    if decision.allowed:
        return
    why = f'User "{identity.name}" cannot {wanted.verb} '
    if wanted.path:
        raise AccessRefused(f'forbidden: {why}path "{wanted.path}"')
    place = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    why += f'resource "{wanted.full_resource}" in API group "{wanted.group}" {place}'
    if decision.troubles:
        why += ": RBAC: " + (
            decision.troubles[0] if len(decision.troubles) == 1 else f"[{', '.join(decision.troubles)}]"
        )
    qualified = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    shown = f'{qualified} "{wanted.name}"' if wanted.name else qualified
    details = {"name": wanted.name, "group": wanted.group, "kind": wanted.resource}
    raise AccessRefused(f"{shown} is forbidden: {why}", {key: value for key, value in details.items() if value})


def decide(store: Store, identity: Identity, wanted: Attributes) -> Decision:
    if MASTERS in identity.groups or _is_open(wanted):
        return Decision(True)
    decision = Decision(False)
    for binding in _bindings(store, identity, wanted.namespace):
        for rule in _rules(store, binding, decision.troubles):
            if _covers(rule, wanted):
                return Decision(True)
    return decision


def _is_open(wanted: Attributes) -> bool:
    if wanted.path:
        root = "/" + wanted.path.split("/")[1]
        return wanted.verb == "get" and root in _OPEN_PATHS
    if wanted.group != "authorization.k8s.io" and wanted.group != "authentication.k8s.io":
        return False
    return wanted.verb == "create" and wanted.resource in _SELF_REVIEWS


def _bindings(store: Store, identity: Identity, namespace: str) -> Iterator[Obj]:
    yield from (found for found in store.scan("ClusterRoleBinding", None) if _names(found, identity))
    if namespace:
        yield from (found for found in store.scan("RoleBinding", namespace) if _names(found, identity))


def _names(binding: Obj, identity: Identity) -> bool:
    for subject in binding.get("subjects", ()):
        if subject["kind"] == "User" and subject["name"] == identity.name:
            return True
        if subject["kind"] == "Group" and subject["name"] in identity.groups:
            return True
    return False


def _rules(store: Store, binding: Obj, troubles: list[str]) -> list[dict[str, Any]]:
    ref = binding["roleRef"]
    try:
        role = store.get(ref["kind"], binding["metadata"].get("namespace"), ref["name"])
    except NotFound as error:
        troubles.append(error.message)
        return []
    found: list[dict[str, Any]] = role.get("rules", [])
    return found


def _covers(rule: dict[str, Any], wanted: Attributes) -> bool:
    def has(field: str, *values: str) -> bool:
        listed = rule.get(field, ())
        return "*" in listed or any(value in listed for value in values)

    if not has("verbs", wanted.verb):
        return False
    if wanted.path:
        return any(_path_matches(pattern, wanted.path) for pattern in rule.get("nonResourceURLs", ()))
    resources = [wanted.full_resource, f"*/{wanted.subresource}"] if wanted.subresource else [wanted.resource]
    names = rule.get("resourceNames")
    return has("apiGroups", wanted.group) and has("resources", *resources) and (not names or wanted.name in names)


def _path_matches(pattern: str, path: str) -> bool:
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern[:-1]))
