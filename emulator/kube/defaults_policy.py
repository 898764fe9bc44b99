"""What the real API fills into quotas, limits, priorities, network policies, bindings (pkg/apis/*/v1/defaults.go)."""

from __future__ import annotations

from emulator.kube.builtins import RBAC
from emulator.kube.objects import Obj

_LIMITS = ("default", "defaultRequest", "max", "min", "maxLimitRequestRatio")


def quota(obj: Obj) -> Obj:
    spec = obj.setdefault("spec", {})
    spec["hard"] = {name: str(amount) for name, amount in spec.get("hard", {}).items()}
    obj.setdefault("status", {})
    return obj


def limit_range(obj: Obj) -> Obj:
    """Of a container's limits the default is the maximum, and the default request the default, unless given."""
    for item in obj.setdefault("spec", {"limits": []})["limits"]:
        for field in _LIMITS:
            if field in item:
                item[field] = {name: str(amount) for name, amount in item[field].items()}
        if item["type"] == "Container":
            default = {**item.get("max", {}), **item.get("default", {})}
            request = {**item.get("min", {}), **default, **item.get("defaultRequest", {})}
            item.update({field: found for field, found in (("default", default), ("defaultRequest", request)) if found})
    return obj


def priority_class(obj: Obj) -> Obj:
    obj.setdefault("value", 0)
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")
    return obj


def network_policy(obj: Obj) -> Obj:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
        for port in rule.get("ports", []):
            port.setdefault("protocol", "TCP")
    return obj


def binding(obj: Obj) -> Obj:
    obj["roleRef"].setdefault("apiGroup", RBAC)
    for subject in obj.get("subjects", []):
        if subject["kind"] in ("User", "Group"):
            subject.setdefault("apiGroup", RBAC)
    return obj
