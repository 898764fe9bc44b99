"""Is a Role or a binding valid, and is a change to it allowed? One cause for each fault (pkg/apis/rbac/validation)."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.kube import rules
from emulator.kube.builtins import RBAC
from emulator.kube.errors import Cause
from emulator.kube.objects import Obj

_SUBJECTS = {"User": RBAC, "Group": RBAC, "ServiceAccount": ""}  # kind and its API group


def path_segment(path: str, name: str) -> Iterator[Cause]:
    """RBAC names may be anything that can stand in a URL."""
    if not name:
        yield rules.required(path, "name or generateName is required")
    elif name in (".", "..") or "/" in name or "%" in name:
        yield rules.invalid(path, name, "may not be '.' or '..' or contain '/' or '%'")


def role(obj: Obj) -> Iterator[Cause]:
    if "aggregationRule" in obj:
        yield rules.forbidden("aggregationRule", "aggregated roles are not served by this cluster")
    for index, rule in enumerate(obj.get("rules", [])):
        where = f"rules[{index}]"
        if not rule["verbs"]:
            yield rules.required(f"{where}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            if obj["kind"] == "Role":
                why = "namespaced rules cannot apply to non-resource URLs"
                yield rules.invalid(f"{where}.nonResourceURLs", rule["nonResourceURLs"], why)
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                why = "rules cannot apply to both regular resources and non-resource URLs"
                yield rules.invalid(f"{where}.nonResourceURLs", rule["nonResourceURLs"], why)
            continue
        if not rule.get("apiGroups"):
            yield rules.required(f"{where}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield rules.required(f"{where}.resources", "resource rules must supply at least one resource")


def binding(obj: Obj) -> Iterator[Cause]:
    ref = obj["roleRef"]
    yield from rules.one_of("roleRef.apiGroup", ref["apiGroup"], {RBAC})
    kinds = {"ClusterRole"} if obj["kind"] == "ClusterRoleBinding" else {"Role", "ClusterRole"}
    yield from rules.one_of("roleRef.kind", ref["kind"], kinds)
    yield from path_segment("roleRef.name", ref["name"])
    for index, subject in enumerate(obj.get("subjects", [])):
        where = f"subjects[{index}]"
        if not subject["name"]:
            yield rules.required(f"{where}.name")
        if subject["kind"] not in _SUBJECTS:
            yield rules.unsupported(f"{where}.kind", subject["kind"], _SUBJECTS)
            continue
        group = _SUBJECTS[subject["kind"]]
        yield from rules.one_of(f"{where}.apiGroup", subject.get("apiGroup", ""), {group})
        if subject["kind"] == "ServiceAccount":
            if not subject.get("namespace"):
                yield rules.required(f"{where}.namespace")
            yield from rules.dns_subdomain(f"{where}.name", subject["name"])


def binding_update(new: Obj, old: Obj) -> Iterator[Cause]:
    if new["roleRef"] != old["roleRef"]:
        yield rules.invalid("roleRef", new["roleRef"], "cannot change roleRef")
