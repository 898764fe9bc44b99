"""Are a ResourceQuota, LimitRange, PriorityClass, NetworkPolicy valid? One cause for each thing that is wrong
(pkg/apis/core, scheduling and networking).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from emulator.kube import quantities, rules
from emulator.kube.errors import Cause
from emulator.kube.objects import Obj

USER_PRIORITY_MAX = 1_000_000_000  # scheduling.HighestUserDefinablePriority
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = (
    *("pods", "secrets", "configmaps", "services", "resourcequotas", "persistentvolumeclaims"),
    *("replicationcontrollers", "services.loadbalancers", "services.nodeports"),
)
_QUOTA_NAMES = {*_COMPUTE, *(f"{group}.{name}" for group in ("requests", "limits") for name in _COMPUTE), *_COUNTED}
_NOT_SERVED = "the quotas of this cluster do not have it"
_LIMIT_TYPES = {"Container", "Pod", "PersistentVolumeClaim"}
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?\Z")


def quota(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec", {})
    for field in ("scopes", "scopeSelector"):
        if spec.get(field):
            yield rules.forbidden(f"spec.{field}", _NOT_SERVED)
    for name, amount in spec.get("hard", {}).items():
        where, value = f"spec.hard[{name}]", quantities.parse(str(amount))
        if name not in _QUOTA_NAMES and "/" not in name:  # count/<resource>, requests.<vendor>/<thing>
            yield rules.invalid(where, name, "must be a standard resource for quota")
        if value < 0:
            yield rules.invalid(where, amount, "must be greater than or equal to 0")
        if (name in _COUNTED or name.startswith("count/")) and value != int(value):
            yield rules.invalid(where, amount, "must be an integer")


def limit_range(obj: Obj) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, item in enumerate(obj["spec"]["limits"]):
        where = f"spec.limits[{index}]"
        yield from rules.one_of(f"{where}.type", item["type"], _LIMIT_TYPES)
        if item["type"] in seen:
            yield rules.duplicate(f"{where}.type", item["type"])
        seen.add(item["type"])
        if item["type"] == "Pod":
            for field in ("default", "defaultRequest"):
                if item.get(field):
                    yield rules.forbidden(f"{where}.{field}", "may not be specified when `type` is 'Pod'")
        yield from _ordered(item, where)
        for name, ratio in item.get("maxLimitRequestRatio", {}).items():
            if quantities.parse(str(ratio)) < 1:
                yield rules.invalid(f"{where}.maxLimitRequestRatio[{name}]", ratio, f"ratio {ratio} is less than 1")


def _ordered(item: dict[str, Any], where: str) -> Iterator[Cause]:
    """min <= defaultRequest <= default <= max, of each resource."""
    order = ("min", "defaultRequest", "default", "max")
    for name in sorted({name for field in order for name in item.get(field, {})}):
        given = [(field, str(item[field][name])) for field in order if name in item.get(field, {})]
        for (low, less), (high, more) in pairwise(given):
            if quantities.parse(less) > quantities.parse(more):
                why = f"{low} value {less} is greater than {high} value {more}"
                yield rules.invalid(f"{where}.{low}[{name}]", less, why)


def priority_class(obj: Obj) -> Iterator[Cause]:
    name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
    if name.startswith("system-"):
        yield rules.forbidden(
            "metadata.name", "priority class names with 'system-' prefix are reserved for system use only"
        )
    elif value > USER_PRIORITY_MAX:
        why = f"maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}"
        yield rules.forbidden("value", why)
    policies = {"Never", "PreemptLowerPriority"}
    yield from rules.one_of("preemptionPolicy", obj.get("preemptionPolicy"), policies)


def priority_class_update(new: Obj, old: Obj) -> Iterator[Cause]:
    for field in ("value", "preemptionPolicy"):
        if new.get(field) != old.get(field):
            yield rules.forbidden(field, "may not be changed in an update.")


def network_policy(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec", {})
    yield from _selector(spec.get("podSelector", {}), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction, [])):
            where = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports", [])):
                yield from _port(port, f"{where}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers, [])):
                yield from _peer(peer, f"{where}.{peers}[{number}]")
    types = spec.get("policyTypes", [])
    for index, type_ in enumerate(types):
        yield from rules.one_of(f"spec.policyTypes[{index}]", type_, {"Ingress", "Egress"})
    if len(types) > 2:
        yield rules.invalid("spec.policyTypes", types, "may not specify more than two policyTypes")


def _port(port: dict[str, Any], where: str) -> Iterator[Cause]:
    yield from rules.one_of(f"{where}.protocol", port.get("protocol"), {"TCP", "UDP", "SCTP"})
    number, end = port.get("port"), port.get("endPort")
    if isinstance(number, int):
        yield from rules.between(f"{where}.port", number, 1, 65535)
        if end is not None and not number <= end <= 65535:
            yield rules.invalid(f"{where}.endPort", end, "must be greater than or equal to `port`, and a port")
    elif number is not None and not _PORT_NAME.match(number):
        yield rules.invalid(
            f"{where}.port", number, "must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)"
        )
    elif end is not None:
        yield rules.invalid(f"{where}.endPort", end, "may not be specified when `port` is not specified or not numeric")


def _peer(peer: dict[str, Any], where: str) -> Iterator[Cause]:
    selectors = [field for field in ("podSelector", "namespaceSelector") if field in peer]
    if not peer:
        yield rules.required(where, "must specify a peer")
    if "ipBlock" in peer:
        if selectors:
            yield rules.forbidden(where, "may not specify both ipBlock and another peer")
        yield from _block(peer["ipBlock"], f"{where}.ipBlock")
    for field in selectors:
        yield from _selector(peer[field], f"{where}.{field}")


def _block(block: dict[str, Any], where: str) -> Iterator[Cause]:
    network = _network(block["cidr"])
    if network is None:
        yield rules.invalid(f"{where}.cidr", block["cidr"], "must be a valid CIDR value, (e.g. 10.9.8.0/24)")
        return
    for index, text in enumerate(block.get("except", [])):
        inner = _network(text)
        if inner is None:
            yield rules.invalid(f"{where}.except[{index}]", text, "must be a valid CIDR value, (e.g. 10.9.8.0/24)")
        elif inner.version != network.version or inner == network or not _within(inner, network):
            yield rules.invalid(f"{where}.except[{index}]", text, f"must be a strict subset of `cidr` {block['cidr']}")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _within(inner: Any, outer: Any) -> bool:
    return bool(inner.subnet_of(outer))


def _selector(selector: dict[str, Any], where: str) -> Iterator[Cause]:
    yield from rules.labels(f"{where}.matchLabels", selector.get("matchLabels", {}))
    for index, found in enumerate(selector.get("matchExpressions", [])):
        place, operator = f"{where}.matchExpressions[{index}]", found["operator"]
        yield from rules.qualified_name(f"{place}.key", found["key"])
        yield from rules.one_of(f"{place}.operator", operator, {"In", "NotIn", "Exists", "DoesNotExist"})
        if operator in ("In", "NotIn") and not found.get("values"):
            yield rules.required(f"{place}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        if operator in ("Exists", "DoesNotExist") and found.get("values"):
            yield rules.forbidden(
                f"{place}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
