"""Layers: a new version only when no version holds these very contents.

In: the packages. Out: an Active version of each layer, its number in the facts (layer/<key>.version). The digest stands
in the version's description; of several versions with the same digest the oldest counts, later ones are swept away.
"""

from __future__ import annotations

from typing import Any

from deployer.context import Context, DeployError
from deployer.errors import CloudError, missing
from deployer.kinds._config import describe, digest_in
from deployer.kinds._content import content
from deployer.kinds._scf import scf
from deployer.kinds.marks import is_ours, mark_text, tag_list
from deployer.model import Change, Foreign, Resource, Step


class LayerKind:
    """Marked by tags and, since lists may come without them, in the description too."""

    kind = "layer"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scf = scf(context)

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, key, layer) for key, layer in self._context.declaration.layers.items()]

    def compare(self, resource: Resource) -> Step | None:
        digest = self._context.digest("layer", resource.name)
        versions = self._versions(resource.name)
        for version in versions:
            if version["Status"] == "Active" and digest_in(version["Description"]) == digest:
                self._context.facts.known[f"layer/{resource.name}.version"] = str(version["LayerVersion"])
                return None
        if not versions:
            return Step("create", resource)
        return Step("update", resource, (Change("code", digest_in(versions[-1]["Description"])[:16], digest[:16]),))

    def orphans(self) -> list[Resource]:
        """Layers of ours that are no more declared and that no function uses any more are swept version by version."""
        return []

    def apply(self, step: Step) -> None:
        name = step.resource.name
        package = self._context.package("layer", name)
        self._scf.forget()
        if self._publishing(name, package.digest) is None:
            with content(self._context, package) as code:
                self._publish(name, step.resource.want.description, package.digest, code)
                self._wait(name, package.digest)
        else:
            self._wait(name, package.digest)
        if self.compare(step.resource) is not None:
            raise DeployError(f"Layer {self._full(name)}: the version that was just published is gone again.")

    def delete(self, resource: Resource) -> None:
        """All versions of it."""
        self._scf.forget()
        for version in self._versions(resource.name):
            delete_layer_version(self._context, self._full(resource.name), int(version["LayerVersion"]))

    def _publish(self, name: str, description: str, digest: str, code: dict[str, Any]) -> None:
        declaration = self._context.declaration
        try:
            self._scf.call_global(
                "PublishLayerVersion",
                LayerName=self._full(name),
                CompatibleRuntimes=[declaration.runtime],
                Content=code,
                Description=f"{describe(description, digest)}. {mark_text(declaration)}",
                Tags=tag_list(declaration),
            )
        except CloudError:
            self._scf.forget()
            if self._publishing(name, digest) is None:
                raise

    def _publishing(self, name: str, digest: str) -> dict[str, Any] | None:
        """The oldest version of these contents that is usable or will be."""
        for version in self._versions(name):
            if digest_in(version["Description"]) == digest and version["Status"] in ("Active", "Publishing"):
                return version
        return None

    def _wait(self, name: str, digest: str) -> None:
        def ready() -> bool:
            self._scf.forget()
            version = self._publishing(name, digest)
            if version is None:
                raise DeployError(
                    f"Layer {self._full(name)}: the platform could not publish the version (PublishFailed). Look at "
                    "its package (patchmill-deploy package), then run apply again."
                )
            return bool(version["Status"] == "Active")

        self._context.wait(f"Layer {self._full(name)}", ready)

    def _versions(self, name: str) -> list[dict[str, Any]]:
        """Raises Foreign if the newest version is not ours: layers have no owner of their own, only versions."""
        versions = self._scf.layer_versions(self._full(name))
        if versions and not layer_is_ours(self._context, versions[-1]):
            raise Foreign(
                f"The layer {self._full(name)} has a version that patchmill-deploy did not publish. Delete that "
                "version, or choose another service or stage name."
            )
        return versions

    def _full(self, name: str) -> str:
        return self._context.declaration.name(name)


def layer_is_ours(context: Context, version: dict[str, Any]) -> bool:
    return is_ours(version.get("Tags"), context.declaration) or is_ours(version["Description"], context.declaration)


def delete_layer_version(context: Context, layer: str, version: int) -> None:
    """It is no error when it is gone."""
    try:
        scf(context).call_global("DeleteLayerVersion", LayerName=layer, LayerVersion=version)
    except CloudError as error:
        if not missing(error):
            raise
