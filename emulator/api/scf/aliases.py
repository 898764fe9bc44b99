"""Aliases: names for versions, with a share of the events for one further version (product/583/43743).

$DEFAULT is made with the function, refers to $LATEST at first, and stays.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.lookup import need_active, need_alias, need_function, need_version, of_function, page, shown
from emulator.scf.platform import Platform
from emulator.scf.records import DEFAULT, Alias, Function

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Aliases(platform), of_function(platform)
    return {
        "CreateAlias": Action(own.create, resource),
        "GetAlias": Action(own.get, resource),
        "UpdateAlias": Action(own.update, resource),
        "DeleteAlias": Action(own.delete, resource),
        "ListAliases": Action(own.list, resource),
    }


class _Aliases:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def create(self, call: Call, params: Params) -> Params:
        function, name = need_function(self._platform, params), params["Name"]
        need_active(self._platform, function)
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameterValue.Name", f"{name!r}: a letter, then letters, digits, - and _.")
        if self._registry.alias(function.namespace, function.name, name) is not None:
            raise ApiError("ResourceInUse.Alias", f"{function.name} has an alias {name} already.")
        version, weights = self._road(function, params)
        now, description = time.time(), params.get("Description") or ""
        self._registry.put(Alias(function.namespace, function.name, name, version, weights, description, now, now))
        return {}

    async def get(self, call: Call, params: Params) -> Params:
        return _shape(need_alias(self._platform, need_function(self._platform, params), params["Name"]))

    async def update(self, call: Call, params: Params) -> Params:
        """Without a RoutingConfig all events go to the version. A description stays, which is not documented."""
        function = need_function(self._platform, params)
        need_active(self._platform, function)
        known = need_alias(self._platform, function, params["Name"])
        version, weights = self._road(function, params)
        description = params.get("Description")
        changed = replace(
            known,
            version=version,
            weights=weights,
            description=known.description if description is None else description,
            modified=time.time(),
        )
        self._registry.put(changed)
        return {}

    async def delete(self, call: Call, params: Params) -> Params:
        function = need_function(self._platform, params)
        known = need_alias(self._platform, function, params["Name"])
        if known.name == DEFAULT:
            raise ApiError("InvalidParameterValue.Alias", f"The alias {DEFAULT} cannot be deleted.")
        if any(one.qualifier == known.name for one in self._registry.triggers(function.namespace, function.name)):
            raise ApiError("FailedOperation.DeleteAlias", f"The alias {known.name} has triggers; delete these first.")
        self._registry.remove(known)
        return {}

    async def list(self, call: Call, params: Params) -> Params:
        function, version = need_function(self._platform, params), params.get("FunctionVersion")
        known = self._registry.aliases(function.namespace, function.name)
        found = [one for one in known if not version or version == one.version or version in one.weights]
        return {"Aliases": [_shape(one) for one in page(found, params)], "TotalCount": len(found)}

    def _road(self, function: Function, params: Params) -> tuple[str, dict[str, float]]:
        """The main version and the shares of others. Raises ApiError."""
        main, routing = params["FunctionVersion"], params.get("RoutingConfig") or {}
        if routing.get("AddtionVersionMatchs"):
            raise ApiError("UnsupportedOperation", "This stand-in knows no AddtionVersionMatchs.")
        shares = routing.get("AdditionalVersionWeights") or []
        if len(shares) > 1:
            text = "An alias has at most one additional version."
            raise ApiError("InvalidParameterValue.AdditionalVersionWeights", text)
        weights = {one["Version"]: float(one["Weight"]) for one in shares}
        if main in weights or not all(0 <= weight <= 1 for weight in weights.values()):
            text = "An additional version is another one than the alias's, with a weight of 0 to 1."
            raise ApiError("InvalidParameterValue.AdditionalVersionWeights", text)
        for version in (main, *weights):
            found = need_version(self._platform, function, version)
            if found.status != "Active":
                text = f"Version {version} of {function.name} is {found.status}; try again when it is Active."
                raise ApiError("FailedOperation.FunctionVersionStatusNotActive", text)
        return main, weights


def _shape(one: Alias) -> Params:
    weights = [{"Version": version, "Weight": weight} for version, weight in one.weights.items()]
    return {
        "FunctionVersion": one.version,
        "Name": one.name,
        "RoutingConfig": {"AdditionalVersionWeights": weights, "AddtionVersionMatchs": []},
        "Description": one.description,
        "AddTime": shown(one.added),
        "ModTime": shown(one.modified),
    }
