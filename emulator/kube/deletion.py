"""Deletes: the options of a request in, orders to the garbage collector out.

Who owns what, and what has to end first, is gc.py's business: it is the `Deleter`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request

from emulator.kube import builtins, rules, structure
from emulator.kube.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from emulator.kube.objects import Obj, now
from emulator.kube.requests import dry_run, flag, number, optional_json_body
from emulator.kube.resources import KINDS
from emulator.kube.store import Store

_POLICIES = ("Foreground", "Background", "Orphan")
_LASTING = builtins.NAMESPACES  # namespaces that always exist


class Deleter(Protocol):
    """Ends one object, which exists: at once, or by marking it and removing it when its time has come."""

    def request_delete(self, obj: Obj, propagation: str, grace_seconds: int) -> Obj:
        """`propagation` Foreground, Background or Orphan. Returns the object's last or present state."""
        ...


class PlainDeleter:
    """Removes the object and touches nothing else: a cluster without garbage collector and node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def request_delete(self, obj: Obj, propagation: str, grace_seconds: int) -> Obj:
        return self._store.delete(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])


@dataclass(frozen=True)
class Options:
    """DeleteOptions; what is None is left to the kind's default."""

    propagation: str | None = None
    grace_seconds: int | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False


async def options_of(request: Request) -> Options:
    """From the body, else from the query. Raises BadRequest, Invalid."""
    body = structure.without_nulls(await optional_json_body(request))
    structure.check_options(body)
    if body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise BadRequest(f"the body of a delete must be DeleteOptions, not {body['kind']}")
    grace = body.get("gracePeriodSeconds", number(request, "gracePeriodSeconds"))
    if grace is not None and grace < 0:
        cause = rules.invalid("gracePeriodSeconds", grace, "must be greater than or equal to 0")
        raise Invalid("DeleteOptions", "", [cause])
    conditions = body.get("preconditions", {})
    dry = dry_run(request, body.get("dryRun", []))
    return Options(_propagation(request, body), grace, conditions.get("uid"), conditions.get("resourceVersion"), dry)


def _propagation(request: Request, body: dict[str, Any]) -> str | None:
    policy = body.get("propagationPolicy") or request.query_params.get("propagationPolicy")
    orphan = body.get("orphanDependents")
    if orphan is None and request.query_params.get("orphanDependents"):
        orphan = flag(request, "orphanDependents")
    if policy and orphan is not None:
        raise BadRequest("orphanDependents and propagationPolicy may not be specified together")
    if policy and policy not in _POLICIES:
        raise Invalid("DeleteOptions", "", [rules.unsupported("propagationPolicy", policy, _POLICIES)])
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    return policy or None


def delete_all(store: Store, deleter: Deleter, objects: list[Obj], options: Options) -> None:
    """Order the end of each that is still there: some go with their owners."""
    for obj in objects:
        try:
            present = store.get(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        except NotFound:
            continue
        delete(store, deleter, present, options)


def delete(store: Store, deleter: Deleter, obj: Obj, options: Options) -> Obj | None:
    """Order the end of one stored object. Returns its present state, or None when it is gone already.

    Raises Conflict when a precondition does not hold and Forbidden for a namespace that must stay.
    """
    metadata, kind = obj["metadata"], obj["kind"]
    for field, wanted in (("uid", options.uid), ("resourceVersion", options.resource_version)):
        if wanted and wanted != metadata[field]:
            why = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {metadata[field]}"
            raise Conflict(kind, metadata["name"], why)
    if kind == "Namespace" and metadata["name"] in _LASTING:
        raise Forbidden(kind, metadata["name"], "this namespace may not be deleted")
    if options.dry_run:
        return None
    if kind == "Namespace":
        _end_namespace(store, deleter, metadata["name"])
    else:
        deleter.request_delete(obj, options.propagation or _default_propagation(kind), _grace(obj, options))
    try:
        left = store.get(kind, metadata.get("namespace"), metadata["name"])
    except NotFound:
        return None
    return left if left["metadata"]["uid"] == metadata["uid"] else None


def _default_propagation(kind: str) -> str:
    """batch/v1 leaves the pods of a Job behind unless told otherwise (pkg/registry/batch/job/strategy.go)."""
    return "Orphan" if kind == "Job" else "Background"


def _grace(obj: Obj, options: Options) -> int:
    if options.grace_seconds is not None:
        return options.grace_seconds
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30)) if obj["kind"] == "Pod" else 0


def _end_namespace(store: Store, deleter: Deleter, name: str) -> None:
    """Everything in it first; the store removes the namespace itself with the last object in it."""

    def mark(obj: Obj) -> None:
        obj["metadata"].setdefault("deletionTimestamp", now())
        obj["status"] = {"phase": "Terminating"}

    store.change("Namespace", None, name, mark)
    for kind, resource in KINDS.items():
        if resource.namespaced:
            delete_all(store, deleter, store.list(kind, name), Options(propagation="Background"))
    store.finish_namespace(name)
