"""Layers and their versions (cloud.tencent.com/document/product/583/40159).

A version that is deleted can be bound no more; functions that have it keep it.
"""

from __future__ import annotations

import re
import time

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.content import package
from emulator.api.scf.lookup import page, shown
from emulator.scf import limits
from emulator.scf.platform import Platform
from emulator.scf.records import LayerVersion

RUNTIMES = {
    "Python2.7", "Python3.6", "Python3.7", "Python3.9", "Python3.10", "Nodejs6.10", "Nodejs8.9", "Nodejs10.15",
    "Nodejs12.16", "Nodejs14.18", "Nodejs16.13", "Nodejs18.15", "Nodejs20.19", "Php5", "Php7", "Php7.4", "Php8.0",
    "Go1", "Java8", "Java11", "CustomRuntime",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")


def actions(platform: Platform) -> dict[str, Action]:
    own = _Layers(platform)

    def resource(params: Params) -> str:
        return f"qcs::scf:{platform.site.region}:uin/{platform.site.uin}:layer/{params.get('LayerName') or '*'}"

    return {
        "PublishLayerVersion": Action(own.publish, resource),
        "GetLayerVersion": Action(own.get, resource),
        "DeleteLayerVersion": Action(own.delete, resource),
        "ListLayerVersions": Action(own.list_versions, resource),
        "ListLayers": Action(own.list),
    }


class _Layers:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def publish(self, call: Call, params: Params) -> Params:
        name, runtimes = params["LayerName"], params["CompatibleRuntimes"]
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameterValue.LayerName", f"{name!r}: a letter, then letters, digits, - and _.")
        if not runtimes or set(runtimes) - RUNTIMES:
            raise ApiError(
                "InvalidParameterValue.CompatibleRuntimes", "CompatibleRuntimes names runtimes of functions."
            )
        self._check_room(name)
        stored = await package(self._platform, params["Content"], "Content")
        self._check_room(name)
        version = LayerVersion(
            name=name,
            version=self._registry.next_layer_version(name),
            package=stored.digest,
            packed_bytes=stored.packed_bytes,
            unpacked_bytes=stored.unpacked_bytes,
            runtimes=runtimes,
            description=params.get("Description") or "",
            license=params.get("LicenseInfo") or "",
            tags=params.get("Tags") or [],
            added=time.time(),
            due=self._platform.due(),
        )
        self._registry.put(version)
        return {"LayerVersion": version.version}

    async def get(self, call: Call, params: Params) -> Params:
        found = self._need(params)
        shape = {key: value for key, value in _shape(found).items() if key not in ("Stamp", "Tags")}
        address = await self._platform.downloads.address(found.package)
        return {**shape, "CodeSha256": found.package, "Location": address}

    async def delete(self, call: Call, params: Params) -> Params:
        self._registry.remove(self._need(params))
        return {}

    async def list_versions(self, call: Call, params: Params) -> Params:
        wanted = set(params.get("CompatibleRuntime") or [])
        known = self._registry.layers().get(params["LayerName"])
        if not known:
            raise ApiError("ResourceNotFound.Layer", f"There is no layer {params['LayerName']}.")
        return {"LayerVersions": [_shape(one) for one in known if not wanted or wanted & set(one.runtimes)]}

    async def list(self, call: Call, params: Params) -> Params:
        """Each layer by its newest version."""
        newest = [versions[-1] for _, versions in sorted(self._registry.layers().items())]
        runtime, search = params.get("CompatibleRuntime"), params.get("SearchKey") or ""
        found = [one for one in newest if search in one.name and (not runtime or runtime in one.runtimes)]
        return {"Layers": [_shape(one) for one in page(found, params)], "TotalCount": len(found)}

    def _need(self, params: Params) -> LayerVersion:
        found = self._registry.layer(params["LayerName"], params["LayerVersion"])
        if found is None:
            text = f"There is no version {params['LayerVersion']} of the layer {params['LayerName']}."
            raise ApiError("ResourceNotFound.LayerVersion", text)
        return found

    def _check_room(self, name: str) -> None:
        known = self._registry.layers()
        if name not in known and len(known) >= limits.LAYERS:
            raise ApiError("LimitExceeded.Layers", f"A region has at most {limits.LAYERS} layers.")
        if len(known.get(name, [])) >= limits.VERSIONS_PER_LAYER:
            text = f"A layer has at most {limits.VERSIONS_PER_LAYER} versions."
            raise ApiError("LimitExceeded.LayerVersions", text)


def _shape(one: LayerVersion) -> Params:
    return {
        "LayerName": one.name,
        "LayerVersion": one.version,
        "CompatibleRuntimes": one.runtimes,
        "Description": one.description,
        "LicenseInfo": one.license,
        "AddTime": shown(one.added),
        "Status": one.status,
        "Stamp": "Default",
        "Tags": one.tags,
    }
