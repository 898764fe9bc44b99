"""From the body of a write to the object to store: the gates that every posted object passes, one after the other.

in   the body of a POST, PUT or patched object
out  a whole, valid object with its defaults, or BadRequest (400) or Invalid (422) that names the field
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from emulator.kube import defaults, structure, validation
from emulator.kube.errors import BadRequest
from emulator.kube.objects import Obj
from emulator.kube.resources import Resource

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # as apimachinery/pkg/util/rand: no vowels, no words by accident
_OURS = ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_KEPT_ON_UPDATE = ("deletionTimestamp", "deletionGracePeriodSeconds", "generateName")
_DROPPED = ("managedFields", "selfLink")


def new_object(resource: Resource, namespace: str | None, body: Obj, mutate: Callable[[Obj], None]) -> Obj:
    """For a create; `mutate` is what admission changes before the last check. Raises BadRequest, Invalid, Forbidden."""
    obj = _decoded(resource, body)
    metadata = obj.setdefault("metadata", {})
    if metadata.get("resourceVersion"):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    for field in (*_OURS, *_DROPPED):
        metadata.pop(field, None)
    _settle_namespace(resource, namespace, obj)
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(secrets.choice(_SUFFIX) for _ in range(5))
        metadata["name"] = metadata["generateName"][:58] + suffix
    _require_spec(resource, obj)
    obj.pop("status", None)
    obj = defaults.fill(obj)
    if metadata.get("name"):  # else validation says so
        mutate(obj)
    validation.for_create(obj)
    return obj


def replaced_object(resource: Resource, old: Obj, body: Obj) -> Obj:
    """For an update of anything but the status. Raises BadRequest, Invalid."""
    obj = _decoded(resource, body)
    _settle_identity(resource, old, obj)
    _require_spec(resource, obj)
    obj = defaults.fill(obj)
    obj.pop("status", None)
    if "status" in old:
        obj["status"] = old["status"]
    validation.for_update(obj, old)
    return obj


def replaced_status(resource: Resource, old: Obj, body: Obj) -> Obj:
    """For an update of the status subresource: nothing else changes. Raises BadRequest, Invalid."""
    obj = _decoded(resource, body)
    _settle_identity(resource, old, obj)
    version = obj["metadata"].get("resourceVersion") or old["metadata"]["resourceVersion"]
    return {**old, "metadata": {**old["metadata"], "resourceVersion": version}, "status": obj.get("status", {})}


def _decoded(resource: Resource, body: Obj) -> Obj:
    """Right kind, known fields, right types."""
    obj: Obj = structure.without_nulls(body)
    for field, value in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if obj.setdefault(field, value) != value:
            why = f"{field} in the data ({str(obj[field])[:100]}) does not match the expected one ({value})"
            raise BadRequest(f"the object provided is unrecognized: {why}")
    structure.check(resource.kind, obj)
    return obj


def _settle_namespace(resource: Resource, namespace: str | None, obj: Obj) -> None:
    metadata = obj["metadata"]
    if not resource.namespaced:
        if metadata.pop("namespace", None):
            raise BadRequest(f"namespace is not allowed on {resource.plural}: they are cluster-wide")
        return
    if metadata.setdefault("namespace", namespace) != namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")


def _settle_identity(resource: Resource, old: Obj, obj: Obj) -> None:
    """The object is the stored one: same name and place, and what only the server sets stays as it is."""
    metadata, kept = obj.setdefault("metadata", {}), old["metadata"]
    name = metadata.setdefault("name", kept["name"])
    if name != kept["name"]:
        raise BadRequest(f"the name of the object ({name}) does not match the name on the URL ({kept['name']})")
    _settle_namespace(resource, kept.get("namespace"), obj)
    metadata.setdefault("uid", kept["uid"])  # another one is a conflict, which the store finds
    for field in (*_KEPT_ON_UPDATE, *_DROPPED):
        metadata.pop(field, None)
        if field in kept:
            metadata[field] = kept[field]


def _require_spec(resource: Resource, obj: Obj) -> None:
    """Jobs and pods are nothing without a spec, though the schema lets it be left out."""
    if resource.kind in ("Job", "Pod") and "spec" not in obj:
        missing = "spec.template" if resource.kind == "Job" else "spec.containers"
        raise validation.missing_field(obj, missing)
