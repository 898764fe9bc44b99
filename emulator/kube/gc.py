"""Ends of objects: a request to delete in; marks, orders to dependents and removals out.

`Collector` is the API's `Deleter` and the garbage collector in one. An object goes at once when nothing has to end
before it: a pod that runs is marked and the node removes it, a Job that is deleted in the foreground goes after its
pods, and one with finalizers of somebody else's goes when they are taken off. What belongs to an owner that is gone
goes too, also when it is made after its owner's end (kubernetes docs, "garbage collection").
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from emulator.kube import errors, podstatus
from emulator.kube.follow import Follower
from emulator.kube.resources import KINDS
from emulator.kube.store import Change, Obj, Store, now

_FOREGROUND = "foregroundDeletion"
_OWNED = ("Pod", "Secret", "Job")


class Collector:
    """Deletes objects, and what they own. `start` it once the store is loaded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._follower = Follower(store, set(_OWNED), self._follow, self._look_at_all)

    def start(self) -> None:
        """Collect what a crash left, then follow every change."""
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    def request_delete(self, obj: Obj, propagation: str, grace_seconds: int) -> Obj:
        """End one object, and according to `propagation` (Foreground, Background, Orphan) what it owns.

        `grace_seconds` is a running pod's time between SIGTERM and SIGKILL. Returns the object's last or present state.
        """
        if obj["kind"] == "Pod":
            return self._delete_pod(obj, grace_seconds)
        if propagation == "Orphan":
            for dependent in self._dependents(obj):
                self._disown(dependent, obj["metadata"]["uid"])
        if propagation == "Foreground" and any(True for _ in self._dependents(obj)):
            marked = self._mark(obj, 0, _FOREGROUND)
            for dependent in self._dependents(obj):
                self._delete_dependent(dependent)
            return marked
        if obj["metadata"].get("finalizers"):
            return self._mark(obj, 0)
        return self._remove(obj)

    def _delete_pod(self, pod: Obj, grace_seconds: int) -> Obj:
        """A pod that has not begun or has ended goes at once; of another the node takes care."""
        if not pod["spec"].get("nodeName") or podstatus.is_terminal(pod):
            return self._remove(pod)
        left = pod["metadata"].get("deletionGracePeriodSeconds", grace_seconds)
        return self._mark(pod, min(left, grace_seconds))

    def _mark(self, obj: Obj, grace_seconds: int, finalizer: str = "") -> Obj:
        def mark(each: Obj) -> None:
            metadata = each["metadata"]
            metadata.setdefault("deletionTimestamp", now(grace_seconds))
            metadata["deletionGracePeriodSeconds"] = grace_seconds
            if finalizer and finalizer not in metadata.setdefault("finalizers", []):
                metadata["finalizers"].append(finalizer)

        metadata = obj["metadata"]
        return self._store.change(obj["kind"], metadata.get("namespace"), metadata["name"], mark)

    def _remove(self, obj: Obj) -> Obj:
        metadata = obj["metadata"]
        with contextlib.suppress(errors.NotFound):
            return self._store.delete(obj["kind"], metadata.get("namespace"), metadata["name"])
        return obj

    def _look_at_all(self) -> None:
        for kind in _OWNED:
            for obj in self._store.list(kind):
                self._look(obj)

    def _follow(self, change: Change) -> None:
        if change.type == "DELETED":
            self._owner_gone(change.obj)
        else:
            self._look(change.obj)

    def _look(self, obj: Obj) -> None:
        """An object was made or changed: should it go now?"""
        metadata = obj["metadata"]
        owners = [ref for ref in metadata.get("ownerReferences", ()) if ref["kind"] in KINDS]
        if owners and not any(self._lives(ref, metadata.get("namespace")) for ref in owners):
            self._delete_dependent(obj)
        elif metadata.get("deletionTimestamp") and obj["kind"] != "Pod":
            self._finish(obj)

    def _owner_gone(self, gone: Obj) -> None:
        for dependent in list(self._dependents(gone)):
            self._look(dependent)
        for ref in gone["metadata"].get("ownerReferences", ()):
            with contextlib.suppress(errors.NotFound, KeyError):
                owner = self._store.get(ref["kind"], gone["metadata"].get("namespace"), ref["name"])
                if owner["metadata"].get("deletionTimestamp"):
                    self._finish(owner)

    def _finish(self, obj: Obj) -> None:
        """Remove a marked object that nothing holds any more."""
        metadata = obj["metadata"]
        finalizers = list(metadata.get("finalizers", ()))
        if _FOREGROUND in finalizers and not any(True for _ in self._dependents(obj)):
            finalizers.remove(_FOREGROUND)
        if not finalizers:
            self._remove(obj)

    def _delete_dependent(self, obj: Obj) -> None:
        if not obj["metadata"].get("deletionTimestamp"):
            grace = obj["spec"].get("terminationGracePeriodSeconds", 30) if obj["kind"] == "Pod" else 0
            with contextlib.suppress(errors.NotFound):
                self.request_delete(obj, "Background", grace)

    def _lives(self, ref: Obj, namespace: str | None) -> bool:
        try:
            return bool(self._store.get(ref["kind"], namespace, ref["name"])["metadata"]["uid"] == ref["uid"])
        except errors.NotFound:
            return False

    def _dependents(self, owner: Obj) -> Iterator[Obj]:
        uid, namespace = owner["metadata"]["uid"], owner["metadata"].get("namespace")
        for kind in _OWNED:
            for obj in self._store.list(kind, namespace):
                if any(ref["uid"] == uid for ref in obj["metadata"].get("ownerReferences", ())):
                    yield obj

    def _disown(self, obj: Obj, uid: str) -> None:
        def disown(each: Obj) -> None:
            left = [ref for ref in each["metadata"]["ownerReferences"] if ref["uid"] != uid]
            each["metadata"]["ownerReferences"] = left

        self._store.change(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"], disown)
