"""Kubernetes Events in the store: what `kubectl describe` shows of a Job's or a pod's life.

The same thing said again raises the first Event's count instead of adding another one, as client-go's recorder does.
"""

from __future__ import annotations

import uuid

from emulator.kube import errors
from emulator.kube.store import Obj, Store, now

NORMAL, WARNING = "Normal", "Warning"


class Recorder:
    """Events of one component, such as job-controller or kubelet (with the node's name as `host`)."""

    def __init__(self, store: Store, component: str, host: str = "") -> None:
        self._store, self._component, self._host = store, component, host
        self._names: dict[tuple[str, str, str], str] = {}

    def normal(self, about: Obj, reason: str, message: str, container: str = "") -> None:
        """Something that belongs to an ordinary life. `container` is a field path such as spec.containers{deliver}."""
        self._record(about, NORMAL, reason, message, container)

    def warning(self, about: Obj, reason: str, message: str, container: str = "") -> None:
        """Something that a person may have to look at."""
        self._record(about, WARNING, reason, message, container)

    def _record(self, about: Obj, type_: str, reason: str, message: str, path: str) -> None:
        key = (about["metadata"]["uid"], reason, message)
        if (name := self._names.get(key)) and self._count(about, name):
            return
        event = self._event(about, type_, reason, message, path)
        try:
            self._store.create(event)
        except (errors.NotFound, errors.Forbidden):
            return  # the namespace is gone or going: nobody is left to be told
        if len(self._names) > 10_000:
            self._names.clear()
        self._names[key] = event["metadata"]["name"]

    def _count(self, about: Obj, name: str) -> bool:
        def again(event: Obj) -> None:
            event["count"] += 1
            event["lastTimestamp"] = now()

        try:
            self._store.change("Event", about["metadata"]["namespace"], name, again)
        except errors.NotFound:
            return False
        return True

    def _event(self, about: Obj, type_: str, reason: str, message: str, path: str) -> Obj:
        metadata = about["metadata"]
        involved = {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        }
        source = {"component": self._component}
        if path:
            involved["fieldPath"] = path
        if self._host:
            source["host"] = self._host
        when = now()
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata["namespace"],
            },
            "involvedObject": involved,
            "type": type_,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
