"""What a pod asks for in all: requests and limits of its containers in, one number for each resource out.

Containers run together, so theirs add up; init containers run one after the other before them, so the largest counts
(k8s.io/component-helpers/resource).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from emulator.kube import quantities
from emulator.kube.objects import Obj

Amounts = dict[str, Decimal]


def of_pod(pod: Obj, group: str) -> Amounts:
    """`group` is requests or limits."""
    spec, total = pod["spec"], Amounts()
    for container in spec.get("containers", []):
        total = add(total, of_container(container, group))
    for container in spec.get("initContainers", []):
        for name, amount in of_container(container, group).items():
            total[name] = max(total.get(name, amount), amount)
    return total


def of_container(container: Obj, group: str) -> Amounts:
    found = container.get("resources", {}).get(group, {})
    return {name: quantities.parse(str(amount)) for name, amount in found.items()}


def add(one: Amounts, other: Amounts) -> Amounts:
    return {name: one.get(name, Decimal(0)) + other.get(name, Decimal(0)) for name in one.keys() | other.keys()}


def listed(amounts: Amounts, names: Iterable[str]) -> str:
    """As quota refusals show them: cpu=2,memory=1Gi."""
    return ",".join(f"{name}={quantities.render(name, amounts.get(name, Decimal(0)))}" for name in sorted(names))
