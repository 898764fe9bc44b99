"""Functions: create, change the code or the configuration of $LATEST, delete."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import replace
from typing import Any

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf import config
from emulator.api.scf.content import package
from emulator.api.scf.lookup import latest, need_active, need_function, need_namespace, of_function, switch
from emulator.api.scf.versions import publish, remove_version
from emulator.scf import limits
from emulator.scf.packages import Package
from emulator.scf.platform import Platform
from emulator.scf.records import DEFAULT, LATEST, Alias, Function, Version

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]")
_COS_KEYS = ("CosBucketName", "CosObjectName", "CosBucketRegion")


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Functions(platform), of_function(platform)
    return {
        "CreateFunction": Action(own.create, resource),
        "UpdateFunctionCode": Action(own.update_code, resource),
        "UpdateFunctionConfiguration": Action(own.update_configuration, resource),
        "DeleteFunction": Action(own.delete, resource),
    }


class _Functions:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def create(self, call: Call, params: Params) -> Params:
        function, version = self._new(params)
        stored = await package(self._platform, params["Code"], "ZipFile")
        version = _with_package(version, stored)
        config.check_code(self._platform, version)
        await self._merge(version)
        self._check_new(function)  # somebody may have made it while the code was unpacked
        # The version last: there is a function from then on, whole.
        self._registry.put(function)
        now = function.added
        self._registry.put(Alias(function.namespace, function.name, DEFAULT, LATEST, {}, "", now, now))
        self._registry.put(replace(version, due=self._platform.due()))
        return {}

    async def update_code(self, call: Call, params: Params) -> Params:
        function = need_function(self._platform, params)
        need_active(self._platform, function)
        publishing = switch(params, "Publish")
        if params.get("InstallDependency") not in (None, "FALSE") or params.get("EnvId"):
            raise ApiError("UnsupportedOperation", "This stand-in knows no InstallDependency and no EnvId.")
        old = {key: params[key] for key in ("ZipFile", *_COS_KEYS) if params.get(key)}
        if old and params.get("Code"):
            raise ApiError("InvalidParameterValue.Code", "The code is given twice: in Code and beside it.")
        most = limits.OLD_ZIP_FILE_BYTES if old else limits.ZIP_FILE_BYTES
        stored = await package(self._platform, old or params.get("Code") or {}, "ZipFile", most)
        function = need_function(self._platform, params)
        current = need_active(self._platform, function)
        version = _with_package(current, stored)
        if params.get("Handler"):
            version = replace(version, handler=config.handler(params["Handler"]))
        config.check_code(self._platform, version)
        self._change(function, version, publishing)
        return {}

    async def update_configuration(self, call: Call, params: Params) -> Params:
        function = need_function(self._platform, params)
        current = need_active(self._platform, function)
        publishing = switch(params, "Publish")
        if params.get("Runtime") not in (None, function.runtime):
            raise ApiError("InvalidParameterValue.Runtime", "A function's runtime cannot be changed.")
        version = config.configured(self._platform, function.runtime, current, params)
        if version.layers != current.layers:
            await self._merge(version)
            if need_active(self._platform, need_function(self._platform, params)) != current:
                raise ApiError("FailedOperation.OperationConflict", "The function was changed meanwhile.")
        self._change(function, version, publishing)
        return {}

    async def delete(self, call: Call, params: Params) -> Params:
        """One version, or all: then its triggers end at once, and a while later the function is there no more."""
        function = need_function(self._platform, params)
        if params.get("Qualifier"):
            remove_version(self._platform, function, params["Qualifier"])
            return {}
        need_active(self._platform, function)
        triggers = self._registry.triggers(function.namespace, function.name)
        gone = replace(latest(self._platform, function), state="Deleting", due=self._platform.due())
        self._registry.put(gone)
        for trigger in triggers:
            self._registry.remove(trigger)
            await self._platform.triggers.end(trigger)
        self._registry.function(function.namespace, function.name)  # removes what is gone already
        self._platform.runtime.retire_old()
        return {}

    def _new(self, params: Params) -> tuple[Function, Version]:
        namespace, name, now = need_namespace(self._platform, params), params["FunctionName"], time.time()
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameterValue.FunctionName", f"{name!r}: a letter, then letters, digits, - and _.")
        if len(namespace) + len(name) > limits.FUNCTION_AND_NAMESPACE_NAME:
            most = limits.FUNCTION_AND_NAMESPACE_NAME
            raise ApiError(
                "InvalidParameterValue.FunctionName", f"With its namespace a name has at most {most} letters."
            )
        if params.get("Type") not in (None, "Event"):
            raise ApiError("UnsupportedOperation", "This stand-in knows functions of type Event only.")
        function = Function(
            namespace=namespace,
            name=name,
            id=f"lam-{secrets.token_hex(4)}",
            runtime=config.runtime(params.get("Runtime")),
            tags=params.get("Tags") or [],
            added=now,
        )
        self._check_new(function)
        blank = _blank(function, config.handler(params.get("Handler")))
        return function, config.configured(self._platform, function.runtime, blank, params)

    def _check_new(self, function: Function) -> None:
        namespace, name = function.namespace, function.name
        if self._registry.function(namespace, name) is not None:
            raise ApiError("ResourceInUse.Function", f"The function {name} exists already in {namespace}.")
        if len(list(self._registry.functions(namespace))) >= limits.FUNCTIONS_PER_NAMESPACE:
            text = f"A namespace has at most {limits.FUNCTIONS_PER_NAMESPACE} functions."
            raise ApiError("LimitExceeded.Function", text)

    def _change(self, function: Function, version: Version, publishing: bool) -> None:
        """New instances are made of the new $LATEST at once; what runs may finish."""
        now, due = time.time(), self._platform.due()
        changed = replace(version, revision=version.revision + 1, modified=now, state="Updating", due=due)
        self._registry.put(changed)
        if publishing:
            publish(self._platform, function, changed, version.description)
        self._platform.runtime.retire_old()

    async def _merge(self, version: Version) -> None:
        await asyncio.to_thread(self._platform.packages.merge, [use.package for use in version.layers])


def _blank(function: Function, handler: str) -> Version:
    """A version with the platform's defaults (SDK, CreateFunctionRequest) and no code yet."""
    settings: dict[str, Any] = {
        "memory_mb": 128, "timeout_s": 3, "init_timeout_s": limits.INIT_TIMEOUT_S, "environment": {}, "layers": (),
        "role": "", "cls_logset": "", "cls_topic": "", "ignore_sys_log": False, "dead_letter": {}, "extras": {},
    }  # fmt: skip
    return Version(
        namespace=function.namespace,
        function=function.name,
        version=LATEST,
        handler=handler,
        description="",
        package="",
        packed_bytes=0,
        unpacked_bytes=0,
        # Not counted from 1: an instance of a function of this name that was deleted must not be taken for one of this.
        revision=time.time_ns(),
        added=function.added,
        modified=function.added,
        state="Creating",
        due=0.0,
        **settings,
    )


def _with_package(version: Version, stored: Package) -> Version:
    return replace(
        version, package=stored.digest, packed_bytes=stored.packed_bytes, unpacked_bytes=stored.unpacked_bytes
    )
