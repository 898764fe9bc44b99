"""LimitRanges: what they fill into a new pod's containers, and what of it they then refuse (plugin LimitRanger)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from emulator.kube import amounts, errors, quantities
from emulator.kube.amounts import Amounts
from emulator.kube.objects import Obj
from emulator.kube.store import Store


def fill(store: Store, pod: Obj) -> None:
    """Requests and limits that the containers leave open."""
    for item in _items(store, pod, "Container"):
        for container in _containers(pod):
            resources = container.setdefault("resources", {})
            for group, field in (("requests", "defaultRequest"), ("limits", "default")):
                for name, amount in item.get(field, {}).items():
                    resources.setdefault(group, {}).setdefault(name, amount)


def check(store: Store, pod: Obj) -> None:
    """Raises errors.Forbidden for a pod outside the bounds."""
    found = [
        why
        for item in _items(store, pod, "Container")
        for container in _containers(pod)
        for why in _breaches(
            item, amounts.of_container(container, "requests"), amounts.of_container(container, "limits")
        )
    ]
    for item in _items(store, pod, "Pod"):
        found += _breaches(item, amounts.of_pod(pod, "requests"), amounts.of_pod(pod, "limits"))
    if found:
        why = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        raise errors.Forbidden("Pod", pod["metadata"]["name"], why)


def _items(store: Store, pod: Obj, type_: str) -> Iterator[dict[str, Any]]:
    for limit_range in store.scan("LimitRange", pod["metadata"]["namespace"]):
        yield from (item for item in limit_range["spec"]["limits"] if item["type"] == type_)


def _containers(pod: Obj) -> list[Obj]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def _breaches(item: dict[str, Any], requests: Amounts, limits: Amounts) -> Iterator[str]:
    type_ = item["type"]
    for name, least in item.get("min", {}).items():
        start = f"minimum {name} usage per {type_} is {least}"
        for word, given in (("request", requests.get(name)), ("limit", limits.get(name))):
            if given is not None and given < quantities.parse(least):
                yield f"{start}, but {word} is {quantities.render(name, given)}"
        if name not in requests:
            yield f"{start}.  No request is specified"
    for name, most in item.get("max", {}).items():
        start = f"maximum {name} usage per {type_} is {most}"
        for word, given in (("limit", limits.get(name)), ("request", requests.get(name))):
            if given is not None and given > quantities.parse(most):
                yield f"{start}, but {word} is {quantities.render(name, given)}"
        if name not in limits:
            yield f"{start}.  No limit is specified"
    for name, ratio in item.get("maxLimitRequestRatio", {}).items():
        yield from _ratio(name, type_, ratio, requests.get(name), limits.get(name))


def _ratio(name: str, type_: str, most: str, request: Decimal | None, limit: Decimal | None) -> Iterator[str]:
    start = f"{name} max limit to request ratio per {type_} is {most}"
    if not request or limit is None:
        yield (
            f"{start}, but no request is specified or request is 0"
            if not request
            else f"{start}, but no limit is specified"
        )
    elif limit / request > quantities.parse(most):
        yield f"{start}, but provided ratio is {limit / request:.6f}"
