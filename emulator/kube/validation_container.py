"""Is one container of a pod valid? Yields a cause for each thing that is wrong (pkg/apis/core/validation)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from emulator.kube import quantities, rules
from emulator.kube.errors import Cause

_RESOURCES = {"cpu", "memory", "ephemeral-storage"}
_FIELD_PATH = re.compile(
    r"metadata\.(name|namespace|uid|labels|annotations|(labels|annotations)\['[^']+'\])"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs)\Z"
)
_ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def container(found: dict[str, Any], path: str, volumes: set[str]) -> Iterator[Cause]:
    yield from rules.dns_label(f"{path}.name", found["name"])
    image = found.get("image", "")
    if not image:
        yield rules.required(f"{path}.image")
    elif image != image.strip():
        yield rules.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from rules.one_of(
        f"{path}.imagePullPolicy", found.get("imagePullPolicy"), {"Always", "IfNotPresent", "Never"}
    )
    policies = {"File", "FallbackToLogsOnError"}
    yield from rules.one_of(f"{path}.terminationMessagePolicy", found.get("terminationMessagePolicy"), policies)
    yield from _environment(found, path)
    yield from _mounts(found.get("volumeMounts", []), f"{path}.volumeMounts", volumes)
    yield from _resources(found.get("resources", {}), f"{path}.resources")
    yield from _ports(found.get("ports", []), f"{path}.ports")
    yield from security(found.get("securityContext", {}), f"{path}.securityContext")


def init_container(found: dict[str, Any], path: str, volumes: set[str]) -> Iterator[Cause]:
    """An init container runs to its end before the next one starts: nothing may wait for it to be ready."""
    yield from container(found, path, volumes)
    for field in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        if field in found and found.get("restartPolicy") != "Always":
            yield rules.forbidden(f"{path}.{field}", "may not be set for init containers without restartPolicy=Always")


def _environment(found: dict[str, Any], path: str) -> Iterator[Cause]:
    for index, entry in enumerate(found.get("env", [])):
        where = f"{path}.env[{index}]"
        yield from _env_name(f"{where}.name", entry["name"])
        source = entry.get("valueFrom")
        if source is None:
            continue
        if entry.get("value"):
            yield rules.invalid(f"{where}.valueFrom", "", "may not be specified when `value` is not empty")
        given = [name for name in _ENV_SOURCES if name in source]
        if len(given) != 1:
            why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            yield rules.invalid(f"{where}.valueFrom", sorted(source), why)
            continue
        yield from _env_source(source[given[0]], f"{where}.valueFrom.{given[0]}", given[0])
    for index, entry in enumerate(found.get("envFrom", [])):
        if ("secretRef" in entry) == ("configMapRef" in entry):
            yield rules.invalid(f"{path}.envFrom[{index}]", "", "must specify one of: `configMapRef` or `secretRef`")


def _env_name(path: str, name: str) -> Iterator[Cause]:
    if not name:
        yield rules.required(path)
    elif "=" in name or not name.isascii() or not name.isprintable():
        yield rules.invalid(
            path,
            name,
            "a valid environment variable name must consist only of printable ASCII characters other than '='",
        )


def _env_source(source: dict[str, Any], path: str, kind: str) -> Iterator[Cause]:
    if kind == "fieldRef" and not _FIELD_PATH.match(source["fieldPath"]):
        yield rules.invalid(
            f"{path}.fieldPath", source["fieldPath"], "error converting fieldPath: field label not supported"
        )
    if kind in ("secretKeyRef", "configMapKeyRef"):
        yield from rules.dns_subdomain(f"{path}.name", source.get("name", ""))
        if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", source["key"]):
            yield rules.invalid(
                f"{path}.key",
                source["key"],
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            )


def _mounts(mounts: list[dict[str, Any]], path: str, volumes: set[str]) -> Iterator[Cause]:
    taken: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        if not mount["name"]:
            yield rules.required(f"{where}.name")
        elif mount["name"] not in volumes:
            yield rules.missing(f"{where}.name", mount["name"])
        if not mount["mountPath"]:
            yield rules.required(f"{where}.mountPath")
        elif mount["mountPath"] in taken:
            yield rules.invalid(f"{where}.mountPath", mount["mountPath"], "must be unique")
        taken.add(mount["mountPath"])
        yield from _relative(f"{where}.subPath", mount.get("subPath", ""))


def _relative(path: str, value: str) -> Iterator[Cause]:
    if value.startswith("/"):
        yield rules.invalid(path, value, "must be a relative path")
    if ".." in value.split("/"):
        yield rules.invalid(path, value, "must not contain '..'")


def _resources(found: dict[str, Any], path: str) -> Iterator[Cause]:
    limits = found.get("limits", {})
    for group in ("limits", "requests"):
        for name, amount in found.get(group, {}).items():
            where = f"{path}.{group}[{name}]"
            if name not in _RESOURCES and not name.startswith("hugepages-") and "/" not in name:
                yield rules.invalid(where, name, "must be a standard resource for containers")
            if quantities.parse(str(amount)) < 0:
                yield rules.invalid(where, amount, "must be greater than or equal to 0")
    for name, amount in found.get("requests", {}).items():
        if name in limits and quantities.parse(str(amount)) > quantities.parse(str(limits[name])):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield rules.invalid(f"{path}.requests", amount, why)


def _ports(ports: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    for index, port in enumerate(ports):
        yield from rules.between(f"{path}[{index}].containerPort", port["containerPort"], 1, 65535)
        yield from rules.one_of(f"{path}[{index}].protocol", port.get("protocol"), {"TCP", "UDP", "SCTP"})


def security(found: dict[str, Any], path: str) -> Iterator[Cause]:
    """What the security contexts of a pod and of a container have in common, and a contradiction in the latter."""
    for field in ("runAsUser", "runAsGroup", "fsGroup"):
        yield from rules.between(f"{path}.{field}", found.get(field), 0)
    profile = found.get("seccompProfile")
    if profile is not None:
        types = {"RuntimeDefault", "Unconfined", "Localhost"}
        yield from rules.one_of(f"{path}.seccompProfile.type", profile["type"], types)
    if found.get("privileged") and found.get("allowPrivilegeEscalation") is False:
        yield rules.invalid(path, "", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
