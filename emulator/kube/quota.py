"""ResourceQuotas: what a namespace uses, whether one more object still fits, and the status that says so.

Usage is counted anew from the store each time: nothing can drift. Pods that have ended no longer count, except for
count/pods. Scopes are refused by validation.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from emulator.kube import amounts, errors, podstatus, quantities
from emulator.kube.amounts import Amounts
from emulator.kube.follow import Follower
from emulator.kube.objects import Obj
from emulator.kube.resources import RESOURCES
from emulator.kube.store import Change, Store

_MUST_SAY = ("cpu", "memory")  # of a pod, when a quota limits them
_OBJECTS = {f"count/{r.plural}.{r.group}" if r.group else f"count/{r.plural}": r.kind for r in RESOURCES}
_OBJECTS |= {r.plural: r.kind for r in RESOURCES if r.kind in ("Secret", "ResourceQuota")}  # their older names
_COUNTS = {r.kind: [key for key, kind in _OBJECTS.items() if kind == r.kind] for r in RESOURCES}


def check(store: Store, obj: Obj) -> None:
    """Raises errors.Forbidden when a quota of the namespace has no room for a new object."""
    namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
    if namespace is None:
        return
    for quota in store.scan("ResourceQuota", namespace):
        hard = _hard(quota)
        if obj["kind"] == "Pod" and (missing := _missing(obj, hard)):
            why = f"failed quota: {quota['metadata']['name']}: must specify {missing}"
            raise errors.Forbidden(obj["kind"], name, why)
        wanted = {key: amount for key, amount in _of(obj).items() if key in hard}
        used = usage(store, namespace, hard) if wanted else {}
        full = [key for key, amount in wanted.items() if amount > 0 and used[key] + amount > hard[key]]
        if full:
            asked, taken, limit = (amounts.listed(each, full) for each in (wanted, used, hard))
            why = f"exceeded quota: {quota['metadata']['name']}, requested: {asked}, used: {taken}, limited: {limit}"
            raise errors.Forbidden(obj["kind"], name, why)


def usage(store: Store, namespace: str, hard: Amounts) -> Amounts:
    """How much of each limited resource the namespace's objects use."""
    used: Amounts = dict.fromkeys(hard, Decimal(0))
    kinds = {_OBJECTS[key] for key in hard if key in _OBJECTS}
    if any(key not in _OBJECTS for key in hard):
        kinds.add("Pod")
    for kind in kinds:
        for obj in store.scan(kind, namespace):
            for key, amount in _of(obj).items():
                if key in used:
                    used[key] += amount
    return used


def _hard(quota: Obj) -> Amounts:
    return {name: quantities.parse(amount) for name, amount in quota["spec"].get("hard", {}).items()}


def _of(obj: Obj) -> Amounts:
    """What one object takes of every resource a quota may name."""
    one = Decimal(1)
    found = dict.fromkeys(_COUNTS[obj["kind"]], one)
    if obj["kind"] != "Pod" or podstatus.is_terminal(obj):
        return found
    requests, limits = amounts.of_pod(obj, "requests"), amounts.of_pod(obj, "limits")
    for name, amount in requests.items():
        found |= {name: amount, f"requests.{name}": amount}
    return found | {f"limits.{name}": amount for name, amount in limits.items()} | {"pods": one}


def _missing(pod: Obj, hard: Amounts) -> str:
    """The limited resources about which a container says nothing: `limits.cpu for: main; requests.cpu for: main`."""
    texts = []
    for key in sorted(hard):
        group, _, name = key.rpartition(".")
        if name not in _MUST_SAY or group not in ("", "requests", "limits"):
            continue
        containers = [*pod["spec"]["containers"], *podstatus.init_containers(pod)]
        silent = [c["name"] for c in containers if name not in amounts.of_container(c, group or "requests")]
        if silent:
            texts.append(f"{key} for: {','.join(silent)}")
    return "; ".join(texts)


class QuotaKeeper:
    """Keeps the status of every ResourceQuota up to date; many changes at once make one write.

    Events are not followed: a quota that counts them shows their number as of another change.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dirty: set[str] = set()
        kinds = {r.kind for r in RESOURCES if r.namespaced} - {"Event"}
        self._follower = Follower(store, kinds, self._follow, self._look_at_all)

    def start(self) -> None:
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    def _look_at_all(self) -> None:
        for quota in self._store.list("ResourceQuota"):
            self._mark(quota["metadata"]["namespace"])

    def _follow(self, change: Change) -> None:
        namespace = change.obj["metadata"]["namespace"]
        if change.type == "MODIFIED" and change.previous and not _matters(change.obj, change.previous):
            return
        if next(self._store.scan("ResourceQuota", namespace), None) is not None:
            self._mark(namespace)

    def _mark(self, namespace: str) -> None:
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._update)
        self._dirty.add(namespace)

    def _update(self) -> None:
        namespaces, self._dirty = self._dirty, set()
        for namespace in namespaces:
            for quota in self._store.list("ResourceQuota", namespace):
                hard = _hard(quota)
                used = usage(self._store, namespace, hard)
                shown = {key: quantities.render(key, amount) for key, amount in used.items()}
                quota["status"] = {"hard": quota["spec"].get("hard", {}), "used": shown}
                self._store.update(quota)


def _matters(obj: Obj, before: Obj) -> bool:
    """Whether a changed object may use more or less than before."""
    if obj["kind"] == "Pod":
        return podstatus.is_terminal(obj) != podstatus.is_terminal(before)
    return str(obj["kind"]) == "ResourceQuota"
