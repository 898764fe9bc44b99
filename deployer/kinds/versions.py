"""What releases leave behind, swept away: old versions of functions and layers, packages that were read, doubles.

In: what is there. Out: at most KEEP versions of each function and those that have traffic; no version twice (a request
that was answered with an error may have worked); no layer version that no kept version of a function uses; an empty
packages/ prefix. `orphans` is what a plan shows of it after a killed apply; an apply ends with the same.
"""

from __future__ import annotations

from typing import Any

from deployer.context import Context
from deployer.errors import CloudError, missing
from deployer.kinds import _config
from deployer.kinds._content import place
from deployer.kinds._scf import scf
from deployer.kinds.layer import delete_layer_version, layer_is_ours
from deployer.kinds.marks import is_ours
from deployer.kinds.release import fingerprint_in, layers_in, traffic
from deployer.model import Resource, Step

KEEP = 10
"""Versions of a function that a rollback can go to; SCF allows 1000."""
KEEP_LAYERS = 3
"""Versions of a layer that stay although nothing uses them, so that going back and forth uploads nothing."""


class VersionsKind:
    """Only what is left over: nothing is declared here."""

    kind = "leftover"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scf = scf(context)

    def resources(self) -> list[Resource]:
        return []

    def compare(self, resource: Resource) -> Step | None:
        return None

    def apply(self, step: Step) -> None:
        """Nothing is declared, so nothing is made."""

    def orphans(self) -> list[Resource]:
        return [*self._function_versions(), *self._layer_versions(), *self._packages()]

    def delete(self, resource: Resource) -> None:
        what, name, version = resource.want
        if what == "function":
            self._scf.settle(name)
            try:
                self._scf.call("DeleteFunctionVersion", FunctionName=name, Qualifier=version)
            except CloudError as error:
                if not missing(error):
                    raise
        elif what == "layer":
            delete_layer_version(self._context, name, int(version))
        else:
            self._context.cloud.cos(name).delete_object(Key=version)

    def _function_versions(self) -> list[Resource]:
        return [
            self._leftover("function", name, str(version["Version"]))
            for name in self._our_functions()
            for version in self._scf.versions(name)
            if str(version["Version"]) not in self._kept(name)
        ]

    def _layer_versions(self) -> list[Resource]:
        """Without asking for a single version: a release tells in its description which layers it uses."""
        prefix = self._context.declaration.name("")
        leftovers: list[Resource] = []
        used: set[tuple[str, int]] | None = None
        for layer in self._scf.layers(prefix):
            ours = [each for each in self._scf.layer_versions(layer) if layer_is_ours(self._context, each)]
            for version in self._droppable(layer, ours):
                used = self._used() if used is None else used
                if (layer, int(version["LayerVersion"])) not in used:
                    leftovers.append(self._leftover("layer", layer, str(version["LayerVersion"])))
        return leftovers

    def _droppable(self, layer: str, versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Doubles and failed ones, those but the last KEEP_LAYERS, and all of a layer that is no more declared."""
        declared = {self._context.declaration.name(key) for key in self._context.declaration.layers}
        if layer not in declared:
            return versions
        seen: set[str] = set()
        single: list[dict[str, Any]] = []
        drop: list[dict[str, Any]] = []
        for version in versions:
            digest = _config.digest_in(version["Description"])
            (drop if digest in seen or version["Status"] == "PublishFailed" else single).append(version)
            seen.add(digest)
        return drop + single[:-KEEP_LAYERS]

    def _used(self) -> set[tuple[str, int]]:
        """(layer, version) of all that some version of our functions, or its $LATEST, uses."""
        used: set[tuple[str, int]] = set()
        for name in self._our_functions():
            for version in self._scf.versions(name):
                if str(version["Version"]) in self._kept(name):
                    used |= self._layers_of(name, version)
            latest = _config.found(self._scf.function(name) or {})
            used |= {(layer, int(number)) for layer, number in latest.layers}
        return used

    def _layers_of(self, name: str, version: dict[str, Any]) -> set[tuple[str, int]]:
        if fingerprint_in(version):
            return layers_in(version)
        published = self._scf.function(name, str(version["Version"])) or {}  # somebody else's release
        return {(layer, int(number)) for layer, number in _config.found(published).layers}

    def _kept(self, name: str) -> set[str]:
        """The last KEEP different ones, those with traffic, and those that somebody else has published."""
        serving = set(traffic(self._scf.alias(name) or {}))
        seen: set[str] = set()
        single: list[str] = []
        others: set[str] = set()
        for version in self._scf.versions(name):
            mark = fingerprint_in(version)
            if not mark:
                others.add(str(version["Version"]))
            elif mark not in seen:
                single.append(str(version["Version"]))
            seen.add(mark)
        return serving | others | set(single[-KEEP:])

    def _packages(self) -> list[Resource]:
        """Uploads of an apply that was killed before it could take them away."""
        if self._context.declaration.packages is None:
            return []
        bucket, prefix = place(self._context)
        try:
            listed = self._context.cloud.cos(bucket).call("list_objects", Prefix=prefix)
        except CloudError as error:
            if error.code.startswith("NoSuch"):
                return []
            raise
        return [self._leftover("package", bucket, str(each["Key"])) for each in listed.get("Contents") or []]

    def _our_functions(self) -> list[str]:
        listed = self._scf.functions().items()
        return [name for name, each in listed if is_ours(each.get("Tags"), self._context.declaration)]

    def _leftover(self, what: str, name: str, version: str) -> Resource:
        return Resource(self.kind, f"{what} {name} {version}", (what, name, version))
