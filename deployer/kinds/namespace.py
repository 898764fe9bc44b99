"""The SCF namespace of a stage; the first of the functions' resources to come and the last to go."""

from __future__ import annotations

from typing import Any

from deployer.context import Context
from deployer.errors import CloudError, missing
from deployer.kinds._scf import scf
from deployer.kinds.marks import is_ours, mark_text
from deployer.model import Foreign, Resource, Step


class NamespaceKind:
    """Marked in its description: namespaces have no tags."""

    kind = "namespace"

    def __init__(self, context: Context) -> None:
        self._scf = scf(context)
        self._declaration = context.declaration
        self._progress = context.progress

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, self._declaration.namespace, None)]

    def compare(self, resource: Resource) -> Step | None:
        """Only its being there counts; limit: 5 namespaces in a region."""
        found = self._found(resource.name)
        if found is None:
            return Step("create", resource)
        if not is_ours(found.get("Description"), self._declaration):
            raise Foreign(
                f"The SCF namespace {resource.name} is there and was not made by patchmill-deploy. Choose another "
                f"service or stage name, or, if it is meant to be ours, describe it as: {mark_text(self._declaration)}"
            )
        return None

    def orphans(self) -> list[Resource]:
        return []

    def apply(self, step: Step) -> None:
        name = step.resource.name
        try:
            self._scf.call_global("CreateNamespace", Namespace=name, Description=mark_text(self._declaration))
        except CloudError:
            self._scf.forget()
            if self.compare(step.resource) is not None:
                raise

    def delete(self, resource: Resource) -> None:
        """It stays, and that is said, while functions of others are in it."""
        self._scf.forget()
        if self._found(resource.name) is None:
            return
        if others := ", ".join(self._scf.functions()):
            self._progress(f"kept namespace {resource.name}: functions of others are in it ({others})")
            return
        try:
            self._scf.call_global("DeleteNamespace", Namespace=resource.name)
        except CloudError as error:
            if not missing(error):
                raise

    def _found(self, name: str) -> dict[str, Any] | None:
        return self._scf.namespaces().get(name)
