"""Functions as they are told: GetFunction, GetFunctionAddress, ListFunctions."""

from __future__ import annotations

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.lookup import (
    latest,
    need_function,
    need_namespace,
    need_qualifier,
    of_function,
    of_namespace,
    ordered,
    page,
    shown,
    switch,
)
from emulator.api.scf.triggers import shape as trigger_shape
from emulator.scf.platform import Platform
from emulator.scf.records import LATEST, Function, LayerUse, Version

_SHOWN_BYTES = 1 << 20
_NET = {"PublicNetStatus": "ENABLE", "EipConfig": {"EipStatus": "DISABLE", "EipAddress": []}}
_FILTERS = ("Status", "Runtime", "Type", "Role", "VpcId", "SubnetId", "ClsTopicId", "ClsLogsetId")


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Listing(platform), of_function(platform)
    return {
        "GetFunction": Action(own.get, resource),
        "GetFunctionAddress": Action(own.address, resource),
        "ListFunctions": Action(own.list, of_namespace(platform)),
    }


class _Listing:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def get(self, call: Call, params: Params) -> Params:
        """One version, with the triggers of the qualifier that is asked for."""
        function = self._named(params)
        qualifier = params.get("Qualifier") or LATEST
        version = need_qualifier(self._platform, function, qualifier)
        known = self._registry.triggers(function.namespace, function.name)
        shapes = [trigger_shape(self._platform, one) for one in known if one.qualifier == qualifier]
        return {
            **_function_shape(function, version),
            **_version_shape(version),
            "CodeInfo": self._code(version) if switch(params, "ShowCode") else "",
            "Layers": [self._layer(use) for use in version.layers],
            "Triggers": shapes,
        }

    async def address(self, call: Call, params: Params) -> Params:
        version = need_qualifier(self._platform, self._named(params), params.get("Qualifier") or LATEST)
        return {"Url": await self._platform.downloads.address(version.package), "CodeSha256": version.package}

    async def list(self, call: Call, params: Params) -> Params:
        namespace, search = need_namespace(self._platform, params), params.get("SearchKey") or ""
        found = [(one, latest(self._platform, one)) for one in self._registry.functions(namespace)]
        text = params.get("Description") or ""
        found = [(one, version) for one, version in found if search in one.name and text in version.description]
        for wanted in params.get("Filters") or []:
            values = wanted.get("Values") or []
            found = [pair for pair in found if _field(*pair, wanted["Name"]) in values]
        keys = {
            "AddTime": lambda pair: pair[0].added,
            "ModTime": lambda pair: pair[1].modified,
            "FunctionName": lambda pair: pair[0].name,
        }
        found = ordered(found, params, keys, "FunctionName", order_by="Orderby")
        shapes = [
            {
                **_function_shape(*pair),
                "Description": pair[1].description,
                "TotalProvisionedConcurrencyMem": 0,
                "ReservedConcurrencyMem": pair[0].reserved_mb,
            }
            for pair in page(found, params)
        ]
        return {"Functions": shapes, "TotalCount": len(found)}

    def _named(self, params: Params) -> Function:
        if not params.get("FunctionName"):
            raise ApiError("InvalidParameter.FunctionNameOrResourceIdRequired", "FunctionName is missing.")
        return need_function(self._platform, params)

    def _code(self, version: Version) -> str:
        """The handler's file, if it is a text of at most 1 MB."""
        path = self._platform.packages.code(version.package) / f"{version.handler.split('.')[0]}.py"
        if not path.is_file() or path.stat().st_size > _SHOWN_BYTES:
            return ""
        return path.read_text("utf-8", "replace")

    def _layer(self, use: LayerUse) -> Params:
        known = self._registry.layer(use.name, use.version)
        return {
            "LayerName": use.name,
            "LayerVersion": use.version,
            "CompatibleRuntimes": known.runtimes if known else [],
            "Description": known.description if known else "",
            "LicenseInfo": known.license if known else "",
            "AddTime": shown(known.added) if known else "",
            "Status": known.status if known else "Deleted",
            "Stamp": "Default",
            "Tags": known.tags if known else [],
        }


def _function_shape(function: Function, version: Version) -> Params:
    return {
        "FunctionName": function.name,
        "FunctionId": function.id,
        "Namespace": function.namespace,
        "Runtime": function.runtime,
        "Type": "Event",
        "Status": version.status,
        "StatusDesc": "",
        "StatusReasons": [],
        "Tags": function.tags,
        "AddTime": shown(function.added),
        "ModTime": shown(version.modified),
        "AsyncRunEnable": "FALSE",
        "TraceEnable": "FALSE",
    }


def _version_shape(version: Version) -> Params:
    extras = version.extras
    net = {**_NET, "PublicNetStatus": (extras.get("PublicNetConfig") or _NET)["PublicNetStatus"]}
    fixed = (extras.get("IntranetConfig") or {}).get("IpFixed", "DISABLE")
    return {
        "Description": version.description,
        "Handler": version.handler,
        "CodeSize": version.packed_bytes,
        "CodeResult": "success",
        "CodeError": "",
        "ErrNo": 0,
        "Timeout": version.timeout_s,
        "InitTimeout": version.init_timeout_s,
        "FunctionVersion": version.version,
        "Qualifier": version.version,
        "MemorySize": version.memory_mb,
        "VpcConfig": extras.get("VpcConfig") or {"VpcId": "", "SubnetId": ""},
        "UseGpu": "FALSE",
        "Environment": {"Variables": [{"Key": key, "Value": value} for key, value in version.environment.items()]},
        "Role": version.role,
        "InstallDependency": "FALSE",
        "ClsLogsetId": version.cls_logset,
        "ClsTopicId": version.cls_topic,
        "EipConfig": {"EipFixed": "FALSE", "Eips": []},
        "AccessInfo": {"Host": "", "Vip": ""},
        "L5Enable": extras.get("L5Enable") or "FALSE",
        "DeadLetterConfig": version.dead_letter or {"Type": "", "Name": "", "FilterType": ""},
        "PublicNetConfig": net,
        "OnsEnable": "FALSE",
        "CfsConfig": {"CfsInsList": []},
        "AvailableStatus": "Available",
        "DnsCache": extras.get("DnsCache") or "FALSE",
        "IntranetConfig": {"IpFixed": fixed, "IpAddress": []},
    }


def _field(function: Function, version: Version, name: str) -> str:
    """What a filter looks at. Raises ApiError for what the platform, or this stand-in, does not know."""
    if name.startswith("tag-"):
        return next((tag["Value"] for tag in function.tags if tag["Key"] == name[4:]), "")
    if name not in _FILTERS:
        raise ApiError("InvalidParameterValue.Filters", f"Filters have the names {', '.join(_FILTERS)} and tag-….")
    vpc = version.extras.get("VpcConfig") or {}
    known = {
        **_function_shape(function, version),
        "Role": version.role,
        "ClsTopicId": version.cls_topic,
        "ClsLogsetId": version.cls_logset,
        "VpcId": vpc.get("VpcId", ""),
        "SubnetId": vpc.get("SubnetId", ""),
    }
    return str(known[name])
