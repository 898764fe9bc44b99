"""What this node does not do: a pod in, the first thing of it that is refused out, in words that name the field.

Such a pod is not run in another way than it asks for: it fails at once with reason Unsupported.
"""

from __future__ import annotations

from collections.abc import Iterator

from emulator.kube.store import Obj

_MOUNT_FIELDS = {"name", "mountPath", "readOnly", "recursiveReadOnly"}
_CONTAINER_FIELDS = ("envFrom", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe", "volumeDevices", "tty")
_POD_FIELDS = ("hostPID", "hostIPC", "ephemeralContainers", "hostAliases", "nodeSelector", "affinity", "dnsConfig")


def refused(pod: Obj) -> str | None:
    """The first field that cannot be honoured, or None."""
    return next(_refusals(pod["spec"]), None)


def _refusals(spec: Obj) -> Iterator[str]:
    for field in _POD_FIELDS:
        if spec.get(field):
            yield f"spec.{field} is not supported on this node"
    for volume in spec.get("volumes", ()):
        if "emptyDir" not in volume:
            kinds = ", ".join(key for key in volume if key != "name")
            yield f'volume "{volume["name"]}": {kinds} is not supported on this node, only emptyDir is'
        elif volume["emptyDir"].get("medium"):
            yield f'volume "{volume["name"]}": emptyDir.medium is not supported on this node'
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        for problem in _container(container):
            yield f'container "{container["name"]}": {problem} is not supported on this node'


def _container(container: Obj) -> Iterator[str]:
    for field in _CONTAINER_FIELDS:
        if container.get(field):
            yield field
    if container.get("restartPolicy"):
        yield "restartPolicy (a sidecar)"
    for mount in container.get("volumeMounts", ()):
        yield from (f"volumeMounts.{field}" for field in sorted(set(mount) - _MOUNT_FIELDS))
    security = container.get("securityContext", {})
    if security.get("privileged"):
        yield "securityContext.privileged"
    if security.get("capabilities", {}).get("add"):
        yield "securityContext.capabilities.add"
