"""Cells of the rows that kubectl prints for bindings, quotas and network policies."""

from __future__ import annotations

from collections.abc import Callable

from emulator.kube.objects import Obj


def created(obj: Obj) -> str:
    return str(obj["metadata"].get("creationTimestamp", ""))


def role_ref(binding: Obj) -> str:
    return f"{binding['roleRef']['kind']}/{binding['roleRef']['name']}"


def subjects(kind: str) -> Callable[[Obj], str]:
    def names(binding: Obj) -> str:
        found = [subject for subject in binding.get("subjects", []) if subject["kind"] == kind]
        return ", ".join(f"{s['namespace']}/{s['name']}" if s.get("namespace") else s["name"] for s in found)

    return names


def quota(limits: bool) -> Callable[[Obj], str]:
    """One column for the limits, one for everything else: `pods: 1/10, requests.cpu: 500m/4`."""

    def used(quota: Obj) -> str:
        status = quota.get("status", {})
        hard, used = status.get("hard", {}), status.get("used", {})
        names = [name for name in sorted(hard) if name.startswith("limits.") is limits]
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in names)

    return used


def pod_selector(policy: Obj) -> str:
    selector = policy.get("spec", {}).get("podSelector", {})
    texts = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    for found in selector.get("matchExpressions", []):
        values = f" ({','.join(found['values'])})" if found.get("values") else ""
        texts.append(f"{found['key']} {found['operator'].lower()}{values}")
    return ",".join(texts) or "<none>"
