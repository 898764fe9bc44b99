"""Pod security: a namespace labelled pod-security.kubernetes.io/enforce=restricted lets in harmless pods only.

The rules are those of the restricted level (kubernetes docs, "Pod Security Standards") for what such a pod can say on
this cluster; `baseline`, `warn` and `audit` are kept and do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.kube import errors
from emulator.kube.objects import Obj
from emulator.kube.store import Store

ENFORCE = "pod-security.kubernetes.io/enforce"
_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"),
    "name",
}
_SYSCTLS = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    "net.ipv4.tcp_keepalive_probes",
}
_PROFILES = ("RuntimeDefault", "Localhost")


def check(store: Store, pod: Obj) -> None:
    """Raises errors.Forbidden."""
    labels = store.get("Namespace", None, pod["metadata"]["namespace"])["metadata"].get("labels", {})
    if labels.get(ENFORCE) != "restricted":
        return
    found = list(_violations(pod["spec"]))
    if found:
        why = f'violates PodSecurity "restricted:latest": {", ".join(found)}'
        raise errors.Forbidden("Pod", pod["metadata"]["name"], why)


def _violations(spec: dict[str, Any]) -> Iterator[str]:
    pod = spec.get("securityContext", {})
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"host namespaces ({field}=true)"
    for container in containers:
        if ports := [str(port["hostPort"]) for port in container.get("ports", []) if port.get("hostPort")]:
            yield f'hostPort (container "{container["name"]}" uses hostPort {", ".join(ports)})'
    if sysctls := [found["name"] for found in pod.get("sysctls", []) if found["name"] not in _SYSCTLS]:
        yield f"forbidden sysctls ({', '.join(sysctls)})"
    for volume in spec.get("volumes", []):
        if extra := sorted(set(volume) - _VOLUMES):
            yield f'restricted volume types (volume "{volume["name"]}" uses restricted volume type "{extra[0]}")'

    def each(title: str, text: str, bad: Any) -> Iterator[str]:
        names = [f'"{found["name"]}"' for found in containers if bad(found.get("securityContext", {}))]
        if names:
            word = f"container {names[0]}" if len(names) == 1 else f"containers {', '.join(names)}"
            yield f"{title} ({word} {text})"

    yield from each("privileged", "must not set securityContext.privileged=true", lambda own: own.get("privileged"))
    text = 'must not set securityContext.procMount to "Unmasked"'
    yield from each("procMount", text, lambda own: own.get("procMount", "Default") != "Default")
    text = "must set securityContext.allowPrivilegeEscalation=false"
    title = "allowPrivilegeEscalation != false"
    yield from each(title, text, lambda own: own.get("allowPrivilegeEscalation") is not False)
    text = 'must set securityContext.capabilities.drop=["ALL"]'
    yield from each("unrestricted capabilities", text, lambda own: not _is_bare(own.get("capabilities", {})))
    text = "must set securityContext.runAsNonRoot=true"
    yield from each(
        "runAsNonRoot != true", text, lambda own: own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True
    )
    text = "must not set runAsUser=0"
    yield from each("runAsUser=0", text, lambda own: own.get("runAsUser", pod.get("runAsUser")) == 0)
    text = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    yield from each("seccompProfile", text, lambda own: _profile(own, pod) not in _PROFILES)


def _is_bare(capabilities: dict[str, Any]) -> bool:
    return "ALL" in capabilities.get("drop", []) and set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}


def _profile(own: Obj, pod: Obj) -> str:
    found: Obj = own.get("seccompProfile") or pod.get("seccompProfile") or {}
    return str(found.get("type", ""))
