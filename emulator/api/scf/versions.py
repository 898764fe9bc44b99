"""Published versions: frozen copies of $LATEST, numbered from 1 (cloud.tencent.com/document/product/583/15371)."""

from __future__ import annotations

import time
from dataclasses import replace

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.lookup import need_active, need_function, need_version, of_function, ordered, page, shown
from emulator.scf import limits
from emulator.scf.platform import Platform
from emulator.scf.records import LATEST, Function, Version


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Versions(platform), of_function(platform)
    return {
        "PublishVersion": Action(own.publish, resource),
        "ListVersionByFunction": Action(own.list, resource),
        "DeleteFunctionVersion": Action(own.delete, resource),
    }


class _Versions:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def publish(self, call: Call, params: Params) -> Params:
        function = need_function(self._platform, params)
        latest = need_active(self._platform, function)
        description = params.get("Description")
        made = publish(self._platform, function, latest, latest.description if description is None else description)
        self._registry.put(replace(latest, state="Publishing", due=made.due))
        return {
            "FunctionVersion": made.version,
            "CodeSize": made.packed_bytes,
            "MemorySize": made.memory_mb,
            "Description": made.description,
            "Handler": made.handler,
            "Timeout": made.timeout_s,
            "Runtime": function.runtime,
            "Namespace": function.namespace,
        }

    async def list(self, call: Call, params: Params) -> Params:
        """$LATEST is one of them."""
        function = need_function(self._platform, params)
        known = self._registry.versions(function.namespace, function.name)
        keys = {"AddTime": lambda one: one.added, "ModTime": lambda one: one.modified}
        found = ordered(known, params, keys, "AddTime")
        part = page(found, params)
        return {
            "FunctionVersion": [one.version for one in part],
            "Versions": [_shape(one) for one in part],
            "TotalCount": len(found),
        }

    async def delete(self, call: Call, params: Params) -> Params:
        """With ForceDelete, too, events under way may finish here."""
        function = need_function(self._platform, params)
        remove_version(self._platform, function, params["Qualifier"])
        return {}


def publish(platform: Platform, function: Function, latest: Version, description: str) -> Version:
    """A numbered copy of `latest` as it is. Raises ApiError."""
    if len(platform.registry.versions(function.namespace, function.name)) > limits.VERSIONS_PER_FUNCTION:
        text = f"A function has at most {limits.VERSIONS_PER_FUNCTION} versions."
        raise ApiError("LimitExceeded.FunctionVersions", text)
    now = time.time()
    made = replace(
        latest,
        version=str(function.next_version),
        description=description,
        revision=time.time_ns(),
        added=now,
        modified=now,
        state="Publishing",
        due=platform.due(),
    )
    # The counter first: a number may be lost, but not be given twice.
    platform.registry.put(replace(function, next_version=function.next_version + 1))
    platform.registry.put(made)
    return made


def remove_version(platform: Platform, function: Function, version: str) -> None:
    """Not $LATEST, and none that an alias or a trigger refers to. Raises ApiError."""
    registry = platform.registry
    if version == LATEST:
        raise ApiError("InvalidParameterValue.Qualifier", "$LATEST cannot be deleted.")
    need_active(platform, function)
    found = need_version(platform, function, version)
    for alias in registry.aliases(function.namespace, function.name):
        if version == alias.version or version in alias.weights:
            raise ApiError("UnsupportedOperation.AliasBind", f"The alias {alias.name} refers to version {version}.")
    if any(one.qualifier == version for one in registry.triggers(function.namespace, function.name)):
        raise ApiError("FailedOperation.DeleteFunction", f"Version {version} has triggers; delete these first.")
    registry.remove(found)
    platform.runtime.retire_old()


def _shape(one: Version) -> Params:
    return {
        "Version": one.version,
        "Description": one.description,
        "AddTime": shown(one.added),
        "ModTime": shown(one.modified),
        "Status": one.status,
    }
