"""SCF and a COS bucket in memory, behind the same calls as deployer.cloud.Cloud: a second, small implementation.

Only what the deployer's own tests need; the strict stand-in is emulator/api. Time passes by looking: a state is over
after `looks` GetFunction calls. `before` and `after` see every call and may raise: a killed deployer.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

from deployer.errors import CloudError, passing

Params = dict[str, Any]
Seen = Callable[[str, Params], None]


class Killed(BaseException):
    """The deployer's process ends here."""


class MemoryCloud:
    """`calls` lists the actions in their order; `answers` holds what a function answers to Invoke."""

    def __init__(self, account: tuple[str, str] = ("1250000000", "100000000001"), looks: int = 1) -> None:
        self._account, self.looks = account, looks
        self.calls: list[tuple[str, Params]] = []
        self.before: Seen = lambda action, params: None
        self.after: Seen = lambda action, params: None
        self.namespaces: dict[str, str] = {"default": ""}
        self.functions: dict[tuple[str, str], Params] = {}
        self.layers: dict[str, list[Params]] = {}
        self.buckets: dict[str, Objects] = {}
        self.answers: dict[str, Params] = {}
        self.urls = 0

    def account(self) -> tuple[str, str]:
        return self._account

    def cos(self, bucket: str) -> Objects:
        return self.buckets.setdefault(bucket, Objects(self))

    def call(self, service: str, action: str, **params: Any) -> Params:
        """Again after what passes by itself, as deployer.cloud.Cloud does."""
        for _ in range(8):
            try:
                return self._once(action, params)
            except CloudError as error:
                if not passing(error.code):
                    raise
        raise AssertionError("eight faults one after the other")

    def once(self, service: str, action: str, **params: Any) -> Params:
        return self._once(action, params)

    def _once(self, action: str, params: Params) -> Params:
        self.calls.append((action, params))
        self.before(action, params)
        try:
            answer: Params = getattr(self, f"_{action}")(**params) or {}
        finally:
            self.after(action, params)
        return json.loads(json.dumps(answer))  # type: ignore[no-any-return]

    def changes(self) -> list[str]:
        """The actions so far that are no reads."""
        return [action for action, _ in self.calls if not action.startswith(("List", "Get", "list"))]

    def _CreateNamespace(self, Namespace: str, Description: str = "") -> None:
        if Namespace in self.namespaces:
            raise CloudError("scf", "CreateNamespace", "ResourceInUse.Namespace", "it exists")
        self.namespaces[Namespace] = Description

    def _ListNamespaces(self, Offset: int, Limit: int) -> Params:
        every = [{"Name": name, "Description": text} for name, text in self.namespaces.items()]
        return {"Namespaces": every[Offset : Offset + Limit], "TotalCount": len(every)}

    def _DeleteNamespace(self, Namespace: str) -> None:
        if any(name == Namespace for name, _ in self.functions):
            raise CloudError("scf", "DeleteNamespace", "ResourceInUse.Namespace", "there are functions in it")
        del self.namespaces[Namespace]

    def _PublishLayerVersion(self, LayerName: str, Content: Params, **params: Any) -> Params:
        self._code(Content)
        versions = self.layers.setdefault(LayerName, [])
        number = 1 + max((each["LayerVersion"] for each in versions), default=0)
        params.pop("CompatibleRuntimes")
        versions.append({"LayerName": LayerName, "LayerVersion": number, "Status": "Active", **params})
        return {"LayerVersion": number}

    def _ListLayers(self, Offset: int, Limit: int, SearchKey: str) -> Params:
        every = [versions[-1] for name, versions in self.layers.items() if versions and SearchKey in name]
        return {"Layers": every[Offset : Offset + Limit], "TotalCount": len(every)}

    def _ListLayerVersions(self, LayerName: str) -> Params:
        return {"LayerVersions": list(reversed(self.layers.get(LayerName, [])))}

    def _DeleteLayerVersion(self, LayerName: str, LayerVersion: int) -> None:
        self.layers[LayerName] = [each for each in self.layers[LayerName] if each["LayerVersion"] != LayerVersion]

    def _CreateFunction(
        self, Namespace: str, FunctionName: str, Code: Params, Tags: list[Params], **config: Any
    ) -> None:
        if (Namespace, FunctionName) in self.functions:
            raise CloudError("scf", "CreateFunction", "ResourceInUse.Function", "it exists")
        self._check_layers(config)
        self.functions[Namespace, FunctionName] = {
            "config": config,
            "code": self._code(Code),
            "tags": Tags,
            "busy": ("Creating", self.looks),
            "versions": [],
            "published": 0,
            "alias": {"Name": "$DEFAULT", "FunctionVersion": "$LATEST", "Description": "", "RoutingConfig": {}},
            "triggers": [],
            "async": {"RetryConfig": [{"RetryNum": 2}], "MsgTTL": 21600},
            "reserved": 0,
            "failed": "",
        }

    def _ListFunctions(self, Namespace: str, Offset: int, Limit: int) -> Params:
        every = [
            {
                "FunctionName": name,
                "Tags": each["tags"],
                "Status": each["busy"][0] if each["busy"] else "Active",
                "ReservedConcurrencyMem": each["reserved"],
            }
            for (namespace, name), each in self.functions.items()
            if namespace == Namespace
        ]
        return {"Functions": every[Offset : Offset + Limit], "TotalCount": len(every)}

    def _GetFunction(self, Namespace: str, FunctionName: str, Qualifier: str = "$LATEST") -> Params:
        function = self._function(Namespace, FunctionName)
        status, looks = function["busy"] or ("Active", 0)
        function["busy"] = (status, looks - 1) if looks > 1 else None
        document = {**function["config"], "Status": status, "Tags": function["tags"], "FunctionName": FunctionName}
        if function["failed"]:
            document |= {"Status": "UpdateFailed", "StatusDesc": function["failed"]}
        return document if Qualifier == "$LATEST" else self._version(function, Qualifier)["config"]

    def _UpdateFunctionCode(self, Namespace: str, FunctionName: str, Code: Params, **config: Any) -> None:
        function = self._idle(Namespace, FunctionName)
        config.pop("CodeSource")
        function["config"].update(config)
        function["code"] = self._code(Code)
        function["busy"] = ("Updating", self.looks)

    def _UpdateFunctionConfiguration(self, Namespace: str, FunctionName: str, **config: Any) -> None:
        function = self._idle(Namespace, FunctionName)
        if config.get("Layers") == [{"LayerName": "", "LayerVersion": 0}]:
            config["Layers"] = []
        self._check_layers(config)
        function["config"].update(config)
        function["busy"] = ("Updating", self.looks)

    def _DeleteFunction(self, Namespace: str, FunctionName: str) -> None:
        self._function(Namespace, FunctionName)
        del self.functions[Namespace, FunctionName]

    def _GetFunctionEventInvokeConfig(self, Namespace: str, FunctionName: str) -> Params:
        return {"AsyncTriggerConfig": self._function(Namespace, FunctionName)["async"]}

    def _UpdateFunctionEventInvokeConfig(self, Namespace: str, FunctionName: str, AsyncTriggerConfig: Params) -> None:
        if set(AsyncTriggerConfig) != {"RetryConfig", "MsgTTL"}:
            raise CloudError("scf", "", "MissingParameter", "it takes neither alone")
        self._function(Namespace, FunctionName)["async"].update(AsyncTriggerConfig)

    def _PutReservedConcurrencyConfig(self, Namespace: str, FunctionName: str, ReservedConcurrencyMem: int) -> None:
        self._function(Namespace, FunctionName)["reserved"] = ReservedConcurrencyMem

    def _DeleteReservedConcurrencyConfig(self, Namespace: str, FunctionName: str) -> None:
        self._function(Namespace, FunctionName)["reserved"] = 0

    def _PublishVersion(self, Namespace: str, FunctionName: str, Description: str) -> Params:
        function = self._idle(Namespace, FunctionName)
        function["published"] += 1
        version = str(function["published"])
        function["versions"].append(
            {"Version": version, "Description": Description, "Status": "Active", "config": dict(function["config"])}
        )
        function["busy"] = ("Publishing", self.looks)
        return {"FunctionVersion": version}

    def _ListVersionByFunction(self, Namespace: str, FunctionName: str, Offset: int, Limit: int) -> Params:
        versions = self._function(Namespace, FunctionName)["versions"]
        shown = [{name: value for name, value in each.items() if name != "config"} for each in reversed(versions)]
        every = [{"Version": "$LATEST", "Status": "Active"}, *shown]
        return {"Versions": every[Offset : Offset + Limit], "TotalCount": len(every)}

    def _DeleteFunctionVersion(self, Namespace: str, FunctionName: str, Qualifier: str) -> None:
        function = self._function(Namespace, FunctionName)
        function["versions"].remove(self._version(function, Qualifier))

    def _GetAlias(self, Namespace: str, FunctionName: str, Name: str) -> Params:
        alias: Params = self._function(Namespace, FunctionName)["alias"]
        return alias

    def _UpdateAlias(self, Namespace: str, FunctionName: str, Name: str, **alias: Any) -> None:
        self._function(Namespace, FunctionName)["alias"].update(alias)

    def _ListTriggers(self, Namespace: str, FunctionName: str, Offset: int, Limit: int) -> Params:
        every = self._function(Namespace, FunctionName)["triggers"]
        return {"Triggers": every[Offset : Offset + Limit], "TotalCount": len(every)}

    def _CreateTrigger(self, Namespace: str, FunctionName: str, Enable: str, **trigger: Any) -> None:
        triggers = self._function(Namespace, FunctionName)["triggers"]
        if any(self._same(each, trigger) for each in triggers):
            raise CloudError("scf", "CreateTrigger", "ResourceInUse.Trigger", "it exists")
        if trigger["Type"] == "http":
            self.urls += 1
            trigger["url"] = f"https://1250000000-{self.urls}.ap-guangzhou.tencentscf.com"
        triggers.append(self._listed(trigger, trigger["TriggerDesc"]))

    def _UpdateTrigger(self, Namespace: str, FunctionName: str, Enable: str, **changes: Any) -> None:
        for each in self._function(Namespace, FunctionName)["triggers"]:
            if each["Type"] == changes["Type"] and each["TriggerName"] == changes["TriggerName"]:
                each.update(self._listed({**each, **changes}, changes["TriggerDesc"]))
                return
        raise CloudError("scf", "UpdateTrigger", "ResourceNotFound.Trigger", "it is not there")

    def _DeleteTrigger(self, Namespace: str, FunctionName: str, **trigger: Any) -> None:
        triggers = self._function(Namespace, FunctionName)["triggers"]
        there = [each for each in triggers if self._same(each, trigger)]
        if not there:
            raise CloudError("scf", "DeleteTrigger", "ResourceNotFound.Trigger", "it is not there")
        triggers.remove(there[0])

    def _Invoke(self, Namespace: str, FunctionName: str, **params: Any) -> Params:
        self._idle(Namespace, FunctionName)
        return {"Result": self.answers.get(FunctionName, {"RetMsg": json.dumps({"applied": ["0001_tasks"]})})}

    def _same(self, a: Params, b: Params) -> bool:
        if (a["Type"], a["TriggerName"]) != (b["Type"], b["TriggerName"]):
            return False
        return bool(a["Type"] != "cos" or json.loads(a["TriggerDesc"]) == json.loads(b["TriggerDesc"]))

    def _listed(self, trigger: Params, desc: str) -> Params:
        if trigger["Type"] == "timer":
            desc = json.dumps({"cron": desc})
        if trigger["Type"] == "http":
            document = json.loads(desc)
            document["NetConfig"]["ExtranetUrl"] = trigger["url"]
            desc = json.dumps(document)
        return {"CustomArgument": "", **trigger, "TriggerDesc": desc, "Enable": 1}

    def _function(self, namespace: str, name: str) -> Params:
        if (namespace, name) not in self.functions:
            raise CloudError("scf", "", "ResourceNotFound.Function", f"no function {name}")
        return self.functions[namespace, name]

    def _idle(self, namespace: str, name: str) -> Params:
        function = self._function(namespace, name)
        if function["busy"]:
            raise CloudError("scf", "", "FailedOperation.FunctionStatusError", f"{name} is {function['busy'][0]}")
        return function

    def _version(self, function: Params, version: str) -> Params:
        found: Params = next(each for each in function["versions"] if each["Version"] == version)
        return found

    def _check_layers(self, config: Params) -> None:
        for layer in config.get("Layers", []):
            if layer["LayerVersion"] not in [each["LayerVersion"] for each in self.layers.get(layer["LayerName"], [])]:
                raise CloudError("scf", "", "ResourceNotFound.LayerVersion", str(layer))

    def _code(self, code: Params) -> dict[str, bytes]:
        if "ZipFile" in code:
            data = base64.b64decode(code["ZipFile"])
        else:
            bucket = next(name for name in self.buckets if name.rsplit("-", 1)[0] == code["CosBucketName"])
            data = self.buckets[bucket].objects[code["CosObjectName"].removeprefix("/")]
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


class Objects:
    """One bucket, as deployer.objectstore.ObjectStore."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self._cloud = cloud
        self.objects: dict[str, bytes] = {}

    def put_object(self, Key: str, Body: BinaryIO) -> None:
        self._seen("put_object", Key)
        self.objects[Key] = Body.read()
        self._cloud.after("put_object", {"Key": Key})

    def delete_object(self, Key: str) -> None:
        self._seen("delete_object", Key)
        self.objects.pop(Key, None)
        self._cloud.after("delete_object", {"Key": Key})

    def call(self, verb: str, Prefix: str) -> Params:
        self._seen(verb, Prefix)
        found = {"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}
        self._cloud.after(verb, {"Prefix": Prefix})
        return found

    def _seen(self, action: str, key: str) -> None:
        self._cloud.calls.append((action, {"Key": key}))
        self._cloud.before(action, {"Key": key})
