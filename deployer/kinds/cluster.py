"""Objects in the TKE cluster: those of the folder resources.cluster.manifests, and nothing else.

In: the manifests, and the facts role/<function>.user (the names that the cluster knows the functions by). Out: objects
that have every field that we set; fields that others have added stay.
"""

from __future__ import annotations

from typing import Any

from deployer.cluster import KubeApi, connect
from deployer.context import Context
from deployer.errors import CloudError
from deployer.kinds._objects import differences
from deployer.kinds.manifests import APIS, Manifest, fill, labels, read, users
from deployer.model import Foreign, Resource, Step

Obj = dict[str, Any]

CONTENTS = (
    ("/api/v1", "pods"), ("/api/v1", "services"), ("/api/v1", "configmaps"), ("/api/v1", "secrets"),
    ("/api/v1", "persistentvolumeclaims"), ("/apis/apps/v1", "deployments"), ("/apis/apps/v1", "statefulsets"),
    ("/apis/batch/v1", "jobs"), ("/apis/batch/v1", "cronjobs"),
)  # fmt: skip
"""What people put into a namespace, besides the kinds of our manifests."""
EVERYWHERE = {
    "ServiceAccount/default", "ConfigMap/kube-root-ca.crt", "Secret/qcloudregistrykey", "Secret/tencenthubkey",
}  # fmt: skip


class ClusterKind:
    """Marked by labels."""

    kind = "cluster"

    def __init__(self, context: Context) -> None:
        self._context, self._declaration = context, context.declaration
        self._labels = labels(self._declaration)

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, _name(each.kind, each.name), each) for each in read(self._declaration)]

    def compare(self, resource: Resource) -> Step | None:
        manifest: Manifest = resource.want
        found = self._found(manifest)
        if found is None:
            return Step("create", resource)
        changes = differences(found, self._wanted(manifest))
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        """What carries our labels and is in no manifest, in the namespace and beside it."""
        if self._declaration.cluster.manifests is None:
            return []
        wanted = {resource.name for resource in self.resources()}
        selector = ",".join(f"{name}={value}" for name, value in self._labels.items())
        namespace = self._declaration.cluster.namespace
        listed = [
            Manifest(kind, obj, namespace)
            for kind, api in sorted(APIS.items(), key=lambda entry: entry[1].rank)
            for obj in self._api.all(api.collection(namespace), selector)
        ]
        return [
            Resource(self.kind, _name(each.kind, each.name), each)
            for each in listed
            if _name(each.kind, each.name) not in wanted
        ]

    def apply(self, step: Step) -> None:
        manifest: Manifest = step.resource.want
        wanted = self._wanted(manifest)
        if self._found(manifest) is None:
            try:
                self._api.create(manifest.collection, wanted)
            except CloudError:  # it may have been made all the same, by this try or by one before
                if self._found(manifest) is None:
                    raise
        found = self._found(manifest)
        if found is not None and differences(found, wanted):
            self._change(manifest, wanted)

    def delete(self, resource: Resource) -> None:
        """What is not ours is left alone, and so is a namespace in which others have something; that is said."""
        manifest: Manifest = resource.want
        found = self._api.find(manifest.path)
        if found is None or not self._is_ours(found):
            return
        if manifest.kind == "Namespace" and (others := self._others(manifest.name)):
            self._context.progress(
                f"kept namespace {manifest.name} of the cluster: others have something in it ({others})"
            )
            return
        self._api.delete(manifest.path)
        self._context.wait(f"Deleting {resource.name}", lambda: self._api.find(manifest.path) is None)

    @property
    def _api(self) -> KubeApi:
        return connect(self._context)

    def _change(self, manifest: Manifest, wanted: Obj) -> None:
        try:
            self._api.patch(manifest.path, wanted)
        except CloudError as error:
            if error.code != "Kubernetes.Invalid" or manifest.kind == "Namespace":
                raise
            # A field that is fixed once it is set, like a binding's role or a priority's value.
            self._api.delete(manifest.path)
            self._context.wait(f"Replacing {manifest.name}", lambda: self._api.find(manifest.path) is None)
            self._api.create(manifest.collection, wanted)

    def _found(self, manifest: Manifest) -> Obj | None:
        """Raises Foreign when it is there and not ours."""
        found = self._api.find(manifest.path)
        if found is not None and not self._is_ours(found):
            marks = " ".join(f"{name}={value}" for name, value in self._labels.items())
            raise Foreign(
                f"{manifest.kind} {manifest.name} is in the cluster and was not made by patchmill-deploy for this "
                "service and stage. Choose another namespace in the stage file; or, if it is meant to be ours, label "
                f"it: kubectl label {manifest.kind.lower()} {manifest.name} {marks}"
            )
        return found

    def _is_ours(self, found: Obj) -> bool:
        marked = found["metadata"].get("labels") or {}
        return all(marked.get(name) == value for name, value in self._labels.items())

    def _wanted(self, manifest: Manifest) -> Obj:
        values = {f"user:{name}": self._context.facts.get(f"role/{name}.user") for name in users(manifest.obj)}
        filled: Obj = fill(manifest.obj, values)
        return filled

    def _others(self, namespace: str) -> str:
        """Some of what is neither ours, nor of our tasks, nor the cluster's own: it would go with the namespace."""
        own = [api.collection(namespace) for api in APIS.values() if api.namespaced]
        found = [
            f"{kind}/{each['metadata']['name']}"
            for path in (*own, *(f"{root}/namespaces/{namespace}/{plural}" for root, plural in CONTENTS))
            for kind, each in self._listed(path)
            if not self._is_ours(each) and not _is_the_clusters(kind, each)
        ]
        return ", ".join(sorted(found)[:3])

    def _listed(self, path: str) -> list[tuple[str, Obj]]:
        """With the kind, which the objects of a list do not name; tasks of ours left out. Empty: unknown here."""
        page = self._api.find(f"{path}?limit=50&labelSelector=app.kubernetes.io%2Fname%21%3Dpatchmill") or {}
        return [(str(page["kind"]).removesuffix("List"), each) for each in page.get("items") or []]


def _is_the_clusters(kind: str, found: Obj) -> bool:
    """What Kubernetes or TKE puts into every namespace."""
    name = f"{kind}/{found['metadata']['name']}"
    return name in EVERYWHERE or found.get("type") == "kubernetes.io/service-account-token"


def _name(kind: str, name: str) -> str:
    return f"{kind}/{name}"
