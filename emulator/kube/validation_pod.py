"""Is the spec of a pod valid, alone or as a Job's template? Yields a cause for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.kube import quantities, rules
from emulator.kube.errors import Cause
from emulator.kube.validation_container import container, init_container, security

_DNS = {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}


def pod_spec(spec: dict[str, Any], path: str) -> Iterator[Cause]:
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    yield from _volumes(spec.get("volumes", []), f"{path}.volumes")
    if not spec["containers"]:
        yield rules.required(f"{path}.containers")
    for index, found in enumerate(spec["containers"]):
        yield from container(found, f"{path}.containers[{index}]", volumes)
    for index, found in enumerate(spec.get("initContainers", [])):
        yield from init_container(found, f"{path}.initContainers[{index}]", volumes)
    yield from _container_names(spec, path)
    if spec.get("ephemeralContainers"):
        yield rules.forbidden(f"{path}.ephemeralContainers", "cannot be set on create")
    yield from _settings(spec, path)
    yield from security(spec.get("securityContext", {}), f"{path}.securityContext")


def _container_names(spec: dict[str, Any], path: str) -> Iterator[Cause]:
    """Unique among all containers of the pod, whichever list they are in."""
    seen: set[str] = set()
    for group in ("containers", "initContainers"):
        for index, found in enumerate(spec.get(group, [])):
            if found["name"] in seen:
                yield rules.duplicate(f"{path}.{group}[{index}].name", found["name"])
            seen.add(found["name"])


def _settings(spec: dict[str, Any], path: str) -> Iterator[Cause]:
    yield from rules.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), {"Always", "OnFailure", "Never"})
    yield from rules.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS)
    yield from rules.one_of(f"{path}.preemptionPolicy", spec.get("preemptionPolicy"), {"Never", "PreemptLowerPriority"})
    yield from rules.between(f"{path}.activeDeadlineSeconds", spec.get("activeDeadlineSeconds"), 1)
    yield from rules.between(f"{path}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"), 0)
    yield from rules.labels(f"{path}.nodeSelector", spec.get("nodeSelector", {}))
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            yield from rules.dns_label(f"{path}.{field}", spec[field])
    if spec.get("serviceAccountName"):
        yield from rules.dns_subdomain(f"{path}.serviceAccountName", spec["serviceAccountName"])
    for index, toleration in enumerate(spec.get("tolerations", [])):
        where = f"{path}.tolerations[{index}]"
        yield from rules.one_of(f"{where}.operator", toleration.get("operator"), {"Exists", "Equal", "Lt", "Gt"})
        effects = {"NoSchedule", "PreferNoSchedule", "NoExecute", ""}
        yield from rules.one_of(f"{where}.effect", toleration.get("effect"), effects)


def _volumes(volumes: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    yield from rules.unique(path, "name", volumes)
    for index, volume in enumerate(volumes):
        where = f"{path}[{index}]"
        yield from rules.dns_label(f"{where}.name", volume["name"])
        for extra in sorted(set(volume) - {"name"})[1:]:
            yield rules.forbidden(f"{where}.{extra}", "may not specify more than 1 volume type")
        yield from _volume_source(volume, where)


def _volume_source(volume: dict[str, Any], where: str) -> Iterator[Cause]:
    if (empty := volume.get("emptyDir")) is not None:
        yield from rules.one_of(f"{where}.emptyDir.medium", empty.get("medium"), {"", "Memory", "HugePages"})
        if quantities.parse(str(empty.get("sizeLimit", "0"))) < 0:
            yield rules.invalid(f"{where}.emptyDir.sizeLimit", empty["sizeLimit"], "must be greater than or equal to 0")
    if (secret := volume.get("secret")) is not None:
        if not secret.get("secretName"):
            yield rules.required(f"{where}.secret.secretName")
        yield from rules.between(f"{where}.secret.defaultMode", secret.get("defaultMode"), 0, 0o777)
    if (host := volume.get("hostPath")) is not None and not host["path"]:
        yield rules.required(f"{where}.hostPath.path")
