"""What a new object needs besides being valid: the admission plug-ins of the real API that this cluster has.

    ServiceAccount   a pod's account must exist; its pull secrets become the pod's
    LimitRanger      limits.py
    Priority         a pod's priority comes from its PriorityClass, or from the default one
    ResourceQuota    quota.py
    PodSecurity      podsecurity.py

`mutate` comes before validation and `check` after it, as in the real API; who makes objects from within (the Job
controller) calls `create`. A refusal is errors.Forbidden (403).
"""

from __future__ import annotations

from typing import Any

from emulator.kube import defaults, errors, limits, podsecurity, quota
from emulator.kube.objects import Obj
from emulator.kube.store import Store


def create(store: Store, obj: Obj) -> Obj:
    """Admit and store a valid object that has its defaults. Raises errors.Forbidden and what the store raises."""
    mutate(store, obj)
    check(store, obj)
    return store.create(obj)


def mutate(store: Store, obj: Obj) -> None:
    """Fill in what other objects say about this one."""
    if obj["kind"] == "Pod" and _namespace_exists(store, obj):
        _take_account(store, obj)
        limits.fill(store, obj)
        _take_priority(store, obj)
        obj["status"]["qosClass"] = defaults.quality(obj["spec"])


def check(store: Store, obj: Obj) -> None:
    """May this one be made?"""
    if obj["kind"] == "Pod" and _namespace_exists(store, obj):
        limits.check(store, obj)
        podsecurity.check(store, obj)
    if obj["kind"] == "PriorityClass":
        check_default(store, obj)
    if obj["kind"] != "Event":
        quota.check(store, obj)


def check_default(store: Store, obj: Obj) -> None:
    """Only one PriorityClass may be the default, also after a change."""
    name = obj["metadata"]["name"]
    if not obj.get("globalDefault"):
        return
    for other in store.scan("PriorityClass", None):
        if other.get("globalDefault") and other["metadata"]["name"] != name:
            why = f"PriorityClass {other['metadata']['name']} is already marked as default. Only one default can exist"
            raise errors.Forbidden("PriorityClass", name, why)


def _namespace_exists(store: Store, pod: Obj) -> bool:
    """Without it the store refuses the pod, in better words."""
    try:
        store.get("Namespace", None, pod["metadata"]["namespace"])
    except errors.NotFound:
        return False
    return True


def _take_account(store: Store, pod: Obj) -> None:
    spec, metadata = pod["spec"], pod["metadata"]
    name = spec["serviceAccountName"]
    try:
        account = store.get("ServiceAccount", metadata["namespace"], name)
    except errors.NotFound:
        why = f'error looking up service account {metadata["namespace"]}/{name}: serviceaccount "{name}" not found'
        raise errors.Forbidden("Pod", metadata["name"], why) from None
    if account.get("imagePullSecrets"):
        spec.setdefault("imagePullSecrets", account["imagePullSecrets"])


def _take_priority(store: Store, pod: Obj) -> None:
    spec, name = pod["spec"], pod["metadata"]["name"]
    found = _priority_class(store, pod)
    value = found["value"] if found else 0
    if found:
        spec["priorityClassName"] = found["metadata"]["name"]
    if spec.setdefault("priority", value) != value:
        why = "the integer value of priority (%d) must not be provided in pod spec; priority admission controller "
        why += "computed %d from the given PriorityClass name"
        raise errors.Forbidden("Pod", name, why % (spec["priority"], value))
    policy = found.get("preemptionPolicy", "PreemptLowerPriority") if found else "PreemptLowerPriority"
    spec.setdefault("preemptionPolicy", policy)


def _priority_class(store: Store, pod: Obj) -> dict[str, Any] | None:
    wanted = pod["spec"].get("priorityClassName")
    if not wanted:
        return next((found for found in store.scan("PriorityClass", None) if found.get("globalDefault")), None)
    try:
        return store.get("PriorityClass", None, wanted)
    except errors.NotFound:
        why = f"no PriorityClass with name {wanted} was found"
        raise errors.Forbidden("Pod", pod["metadata"]["name"], why) from None
