"""A pod's container in, all that is needed to start it out: the sandbox, the command line, the limits.

Secrets are read when the container is about to start, not before: one that is missing holds up only its own container.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.kube import errors
from emulator.kube.images import Image
from emulator.kube.quantities import parse
from emulator.kube.store import Obj, Store
from emulator.kube.volumes import Volumes
from emulator.sandbox import Sandbox

_USER = 1000
_SCRATCH = 1 << 30
_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")
_FIELDS = {"metadata.name": "name", "metadata.namespace": "namespace", "metadata.uid": "uid"}


class CannotCreate(Exception):
    """The container cannot be made as things stand; `reason` is its waiting reason, the text says what is missing."""

    def __init__(self, message: str, reason: str = "CreateContainerConfigError") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Launch:
    """How to start one container. `memory_bytes` None: no limit."""

    sandbox: Sandbox
    argv: tuple[str, ...]
    memory_bytes: int | None
    log: Path


def prepare(pod: Obj, container: Obj, image: Image, store: Store, volumes: Volumes) -> Launch:
    """Resolve a container's environment, command, user, mounts and limits. Raises CannotCreate."""
    env = _environment(pod, container, store)
    # The program's own arguments see only what the pod declares, not the image's environment (kubernetes docs,
    # "define a command and arguments for a container").
    argv = tuple(expand(str(word), env) for word in (*container.get("command", ()), *container.get("args", ())))
    if not argv:
        raise CannotCreate("no command specified", "CreateContainerError")
    security = {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}
    read_only = bool(security.get("readOnlyRootFilesystem"))
    sandbox = Sandbox(
        mounts=(*image.all_mounts, *volumes.mounts(pod, container)),
        env={"HOME": "/tmp", "HOSTNAME": pod["metadata"]["name"], **image.environment, **env},  # noqa: S108
        workdir=container.get("workingDir") or "/",
        hostname=pod["spec"].get("hostname") or pod["metadata"]["name"],
        tmpfs=() if read_only else (("/tmp", _SCRATCH),),  # noqa: S108  a path inside the sandbox
        uid=_user(security),
        symlinks=image.symlinks,
        read_only_root=read_only,
    )
    memory = container.get("resources", {}).get("limits", {}).get("memory")
    log = volumes.log(pod, container["name"])
    return Launch(sandbox, argv, None if memory is None else int(parse(str(memory))), log)


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value; $$ stands for one $, and an unknown name stays as it is written."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else env.get(name, match[0])

    return _REFERENCE.sub(value, text)


def _user(security: Mapping[str, Any]) -> int:
    uid = int(security.get("runAsUser", _USER))
    if security.get("runAsNonRoot") and uid == 0:
        raise CannotCreate("container's runAsUser breaks non-root policy")
    return uid


def _environment(pod: Obj, container: Obj, store: Store) -> dict[str, str]:
    env: dict[str, str] = {}
    for entry in container.get("env", ()):
        if "valueFrom" in entry:
            env[entry["name"]] = _value_from(pod, entry, store)
        else:
            env[entry["name"]] = expand(entry.get("value") or "", env)
    return env


def _value_from(pod: Obj, entry: Obj, store: Store) -> str:
    source = entry["valueFrom"]
    if "secretKeyRef" in source:
        return _secret_value(pod["metadata"]["namespace"], source["secretKeyRef"], store)
    path = source.get("fieldRef", {}).get("fieldPath")
    if path in _FIELDS:
        return str(pod["metadata"][_FIELDS[path]])
    what = f"fieldPath {path}" if path else ", ".join(source)
    raise CannotCreate(f"env {entry['name']}: {what} is not supported on this node")


def _secret_value(namespace: str, ref: Obj, store: Store) -> str:
    name, key = ref["name"], ref["key"]
    try:
        data = store.get("Secret", namespace, name).get("data") or {}
    except errors.NotFound:
        data = None
    if data is not None and key in data:
        return base64.b64decode(data[key]).decode("utf-8", "surrogateescape")
    if ref.get("optional"):
        return ""
    missing = f'secret "{name}" not found' if data is None else f"couldn't find key {key} in Secret {namespace}/{name}"
    raise CannotCreate(missing)
