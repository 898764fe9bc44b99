"""Fill in what the real API fills in (pkg/apis/*/v1/defaults.go).

in   an object that has passed structure.py
out  the same object, changed in place and returned
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any

from emulator.kube import defaults_policy
from emulator.kube.objects import Obj, new_namespace

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_WITH_MODE = ("secret", "configMap", "downwardAPI", "projected")


def fill(obj: Obj) -> Obj:
    """Defaults of any kind that can be posted."""
    kind = obj["kind"]
    return _FILL[kind](obj) if kind in _FILL else obj


def job(obj: Obj) -> Obj:
    """A Job and its template: numbers, restart rules, and the selector with its labels."""
    spec = obj["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec.update(completions=1, parallelism=1)
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    for rule in spec.get("podFailurePolicy", {}).get("rules", []):
        for condition in rule.get("onPodConditions") or []:
            condition.setdefault("status", "True")
    template = spec["template"]
    template.setdefault("metadata", {})
    if "spec" in template:
        pod_spec(template["spec"])
    if not spec["manualSelector"]:
        _own_selector(obj)
    obj["metadata"].setdefault("labels", dict(template["metadata"].get("labels", {})))
    obj.setdefault("status", {})
    return obj


def _own_selector(obj: Obj) -> None:
    """The labels by which a Job finds its pods, made from its uid. A selector of one's own needs manualSelector."""
    uid = obj["metadata"].setdefault("uid", str(uuid.uuid4()))
    labels = obj["spec"]["template"]["metadata"].setdefault("labels", {})
    for key, value in own_labels(obj).items():
        labels.setdefault(key, value)
    obj["spec"].setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


def own_labels(job: Obj) -> dict[str, str]:
    """The labels that a Job puts on its pods, in today's spelling and the one before 1.27."""
    uid, name = job["metadata"]["uid"], job["metadata"].get("name", "")
    made = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
    return made | {"controller-uid": uid, "job-name": name}


def pod(obj: Obj) -> Obj:
    """A Pod, whether posted or made by a controller: spec, and the status it is born with."""
    spec = obj["spec"]
    pod_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    obj["status"] = {"phase": "Pending", "qosClass": quality(spec)}
    return obj


def pod_spec(spec: dict[str, Any]) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    spec.setdefault("enableServiceLinks", True)
    for volume in spec.get("volumes", []):
        _volume(volume)
    for group in ("containers", "initContainers"):
        for container in spec.get(group, []):
            _container(container)


def _container(container: dict[str, Any]) -> None:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    latest = tag in ("", "latest") and "@" not in image
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    for group in ("limits", "requests"):
        if group in resources:
            resources[group] = {name: str(amount) for name, amount in resources[group].items()}
    if "limits" in resources:
        resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
    for port in container.get("ports", []):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", []):
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            source["fieldRef"].setdefault("apiVersion", "v1")
    for name in _PROBES:
        if name in container:
            for field, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1)):
                container[name].setdefault(field, value)
            container[name].setdefault("failureThreshold", 3)


def _volume(volume: dict[str, Any]) -> None:
    if len(volume) == 1:  # a name only
        volume["emptyDir"] = {}
    for source in _WITH_MODE:
        if source in volume:
            volume[source].setdefault("defaultMode", 0o644)
    if "sizeLimit" in volume.get("emptyDir", {}):
        volume["emptyDir"]["sizeLimit"] = str(volume["emptyDir"]["sizeLimit"])


def quality(spec: dict[str, Any]) -> str:
    """The quality-of-service class (pkg/apis/core/v1/helper/qos)."""
    amounts = [
        found.get("resources", {}) for group in ("containers", "initContainers") for found in spec.get(group, [])
    ]
    if not any(found.get("requests") or found.get("limits") for found in amounts):
        return "BestEffort"
    fixed = all(
        found.get("limits", {}).get(name) and found["limits"][name] == found.get("requests", {}).get(name)
        for found in amounts
        for name in ("cpu", "memory")
    )
    return "Guaranteed" if fixed else "Burstable"


def _secret(obj: Obj) -> Obj:
    """stringData is write-only: it is folded into data and wins over it."""
    obj.setdefault("type", "Opaque")
    for key, text in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    return obj


def _namespace(obj: Obj) -> Obj:
    made = new_namespace(obj["metadata"].get("name", ""))
    obj["metadata"].setdefault("labels", {}).update(made["metadata"]["labels"])
    obj.update(spec=made["spec"], status=made["status"])
    return obj


_FILL: dict[str, Callable[[Obj], Obj]] = {
    "Job": job,
    "Pod": pod,
    "Secret": _secret,
    "Namespace": _namespace,
    "ResourceQuota": defaults_policy.quota,
    "LimitRange": defaults_policy.limit_range,
    "PriorityClass": defaults_policy.priority_class,
    "NetworkPolicy": defaults_policy.network_policy,
    "RoleBinding": defaults_policy.binding,
    "ClusterRoleBinding": defaults_policy.binding,
}
