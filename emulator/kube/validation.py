"""Is an object valid, and is a change to it allowed? The last gate of a write, after structure.py and defaults.py.

in   an object with its defaults filled in (and, for a change, the stored one)
out  nothing, or errors.Invalid (422) that names every field that is wrong
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

from emulator.kube import rules, validation_policy, validation_rbac
from emulator.kube.builtins import RBAC
from emulator.kube.errors import Cause, Invalid
from emulator.kube.objects import Obj
from emulator.kube.resources import resource_of
from emulator.kube.validation_job import job_spec, job_update
from emulator.kube.validation_pod import pod_spec

_ANNOTATIONS_MAX = 256 * 1024  # bytes, apimachinery/pkg/api/validation.TotalAnnotationSizeLimitB
_SECRET_MAX = 1024 * 1024  # bytes, core.MaxSecretSize
_POD_CHANGEABLE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")


def for_create(obj: Obj) -> None:
    """Raises errors.Invalid."""
    causes = [*_metadata(obj), *_CREATE[obj["kind"]](obj)]
    if causes:
        raise Invalid(obj["kind"], obj["metadata"].get("name", ""), causes)


def for_update(new: Obj, old: Obj) -> None:
    """Raises errors.Invalid for a bad object and for a change of what may not change."""
    causes = list(_UPDATE.get(new["kind"], _nothing)(new, old))
    if not causes:
        causes = [*_metadata(new), *_CREATE[new["kind"]](new)]
    if causes:
        raise Invalid(new["kind"], new["metadata"]["name"], causes)


def missing_field(obj: Obj, path: str) -> Invalid:
    """The error for a field that has to be there before anything else can be looked at."""
    return Invalid(obj["kind"], obj["metadata"].get("name", ""), [rules.required(path)])


def _metadata(obj: Obj) -> Iterator[Cause]:
    metadata, kind = obj["metadata"], obj["kind"]
    name = metadata.get("name", "")
    if kind == "Namespace":
        yield from rules.dns_label("metadata.name", name)
    elif resource_of(kind).group == RBAC:
        yield from validation_rbac.path_segment("metadata.name", name)
    elif not name:
        yield rules.required("metadata.name", "name or generateName is required")
    else:  # a Job's name becomes a label of its pods
        yield from rules.dns_subdomain("metadata.name", name, 63 if kind == "Job" else 253)
    yield from rules.labels("metadata.labels", metadata.get("labels", {}))
    annotations = metadata.get("annotations", {})
    for key in annotations:
        yield from rules.qualified_name("metadata.annotations", key.lower())
    if sum(len(key) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_MAX:
        message = f"Too long: may not be more than {_ANNOTATIONS_MAX} bytes"
        yield Cause("FieldValueTooLong", "metadata.annotations", message)
    for finalizer in metadata.get("finalizers", []):
        yield from rules.qualified_name("metadata.finalizers", finalizer)


def _pod(obj: Obj) -> Iterator[Cause]:
    return pod_spec(obj["spec"], "spec")


def _pod_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """Of a pod's spec only images, deadlines and tolerations may change."""

    def fixed(spec: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in spec.items() if key not in _POD_CHANGEABLE}
        for group in ("containers", "initContainers"):
            kept[group] = [{**found, "image": ""} for found in spec.get(group, [])]
        return kept

    if fixed(new["spec"]) != fixed(old["spec"]):
        yield rules.forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, "
            "`spec.activeDeadlineSeconds`, `spec.terminationGracePeriodSeconds` and `spec.tolerations`",
        )


def _secret(obj: Obj) -> Iterator[Cause]:
    size = 0
    for key, value in obj.get("data", {}).items():
        size += len(base64.b64decode(value))
        if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) or key in (".", ".."):
            why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
            yield rules.invalid(f"data[{key}]", key, why)
    if size > _SECRET_MAX:
        yield Cause("FieldValueTooLong", "data", f"Too long: may not be more than {_SECRET_MAX} bytes")


def _secret_update(new: Obj, old: Obj) -> Iterator[Cause]:
    if new.get("type") != old.get("type"):
        yield rules.invalid("type", new.get("type"), "field is immutable")
    if old.get("immutable"):
        if not new.get("immutable"):
            yield rules.forbidden("immutable", "field is immutable when `immutable` is set")
        if new.get("data") != old.get("data"):
            yield rules.forbidden("data", "field is immutable when `immutable` is set")


def _event(obj: Obj) -> Iterator[Cause]:
    involved = obj["involvedObject"].get("namespace", "")
    if involved != obj["metadata"].get("namespace") and involved:
        yield rules.invalid("involvedObject.namespace", involved, "does not match event.namespace")


def _namespace(obj: Obj) -> Iterator[Cause]:
    """The labels by which pod-security levels are chosen have few values; which pods they let in is admission's."""
    for key, value in obj["metadata"].get("labels", {}).items():
        prefix, _, name = key.partition("/")
        if prefix == "pod-security.kubernetes.io" and not name.endswith("-version"):
            yield from rules.one_of(f"metadata.labels[{key}]", value, {"privileged", "baseline", "restricted"})


def _nothing(*_: Obj) -> Iterator[Cause]:
    return iter(())


_CREATE: dict[str, Callable[[Obj], Iterator[Cause]]] = {
    "Job": job_spec,
    "Pod": _pod,
    "Secret": _secret,
    "Event": _event,
    "Namespace": _namespace,
    "Node": _nothing,
    "ServiceAccount": _nothing,
    "Role": validation_rbac.role,
    "ClusterRole": validation_rbac.role,
    "RoleBinding": validation_rbac.binding,
    "ClusterRoleBinding": validation_rbac.binding,
    "ResourceQuota": validation_policy.quota,
    "LimitRange": validation_policy.limit_range,
    "PriorityClass": validation_policy.priority_class,
    "NetworkPolicy": validation_policy.network_policy,
}
_UPDATE: dict[str, Callable[[Obj, Obj], Iterator[Cause]]] = {
    "Job": job_update,
    "Pod": _pod_update,
    "Secret": _secret_update,
    "RoleBinding": validation_rbac.binding_update,
    "ClusterRoleBinding": validation_rbac.binding_update,
    "PriorityClass": validation_policy.priority_class_update,
}
