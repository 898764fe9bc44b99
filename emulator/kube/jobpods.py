"""The pods of a Job: made from its template, found again, and marked when their end has been counted."""

from __future__ import annotations

import secrets

from emulator.kube import defaults, errors
from emulator.kube.store import Obj, Store, clone

_TRACKING = "batch.kubernetes.io/job-tracking"  # a finalizer: the pod's end has not been counted yet
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # of generated names: no vowels, so no words


def make(job: Obj) -> Obj:
    """A new pod of the Job, ready to be stored."""
    metadata, template = job["metadata"], clone(job["spec"]["template"])
    inherited = template.get("metadata", {})
    own = {
        "name": f"{metadata['name'][:57]}-{''.join(secrets.choice(_LETTERS) for _ in range(5))}",
        "generateName": f"{metadata['name']}-",
        "namespace": metadata["namespace"],
        "labels": dict(inherited.get("labels", {})),
        "finalizers": [_TRACKING],
        "ownerReferences": [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": metadata["name"],
                "uid": metadata["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    if "annotations" in inherited:
        own["annotations"] = inherited["annotations"]
    return defaults.pod({"apiVersion": "v1", "kind": "Pod", "metadata": own, "spec": template["spec"]})


def of(store: Store, job: Obj) -> list[Obj]:
    """The pods that the Job's selector finds and that it owns."""
    uid, selector = job["metadata"]["uid"], job["spec"]["selector"]["matchLabels"]
    text = ",".join(f"{key}={value}" for key, value in selector.items())
    return [pod for pod in store.list("Pod", job["metadata"]["namespace"], text) if _owned(pod, uid)]


def is_tracked(pod: Obj) -> bool:
    """Whether the pod's end has still to be counted."""
    return _TRACKING in pod["metadata"].get("finalizers", ())


def exists(store: Store, pod: Obj) -> bool:
    """Whether the pod is still stored, and not another one of its name."""
    try:
        found = store.get("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
    except errors.NotFound:
        return False
    return bool(found["metadata"]["uid"] == pod["metadata"]["uid"])


def untrack(store: Store, pod: Obj) -> None:
    """The pod's end has been counted, or is not to be."""

    def take_off(each: Obj) -> None:
        left = [name for name in each["metadata"].pop("finalizers", ()) if name != _TRACKING]
        if left:
            each["metadata"]["finalizers"] = left

    if exists(store, pod):
        store.change("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], take_off)


def _owned(pod: Obj, uid: str) -> bool:
    return any(ref["uid"] == uid for ref in pod["metadata"].get("ownerReferences", ()))
