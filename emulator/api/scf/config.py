"""A function's configuration: parameters of CreateFunction and UpdateFunctionConfiguration in, a changed Version out.

Ranges: emulator/scf/limits. A setting that changes nothing on one machine is kept and given back; one that this
stand-in cannot honour is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from emulator.api.action import ApiError, Params
from emulator.api.scf.layers import RUNTIMES
from emulator.api.scf.lookup import switch
from emulator.scf import limits
from emulator.scf.platform import Platform
from emulator.scf.records import LayerUse, Version

PYTHONS = ("Python3.10", "Python3.9", "Python3.7", "Python3.6")
KEPT = ("VpcConfig", "PublicNetConfig", "L5Enable", "DnsCache", "IntranetConfig")
_HANDLER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9_]\.[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]")
# 中文 and its punctuation, besides what the SDK's text lists
_DESCRIPTION = re.compile(r"[A-Za-z0-9 ,.\n\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]{0,1000}")
_DEAD_LETTERS = ("CMQ-QUEUE", "CMQ-TOPIC")
_REFUSED = (
    "CfsConfig", "ProtocolType", "ProtocolParams", "InstanceConcurrencyConfig", "AutoCreateClsTopic",
    "AutoDeployClsTopicIndex", "AsyncRunEnable", "TraceEnable", "InstallDependency",
)  # fmt: skip


def configured(platform: Platform, runtime: str, version: Version, params: Params) -> Version:
    """`version` as these parameters want it; what they do not give stays. Raises ApiError."""
    _refuse(params)
    given = {key: value for key, value in params.items() if value is not None}
    readers: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "Description": ("description", _description),
        "MemorySize": ("memory_mb", _memory),
        "Timeout": ("timeout_s", partial(_seconds, "Timeout")),
        "InitTimeout": ("init_timeout_s", partial(_seconds, "InitTimeout")),
        "Environment": ("environment", _environment),
        "Layers": ("layers", partial(_layers, platform, runtime)),
        "Role": ("role", partial(_role, platform)),
        "DeadLetterConfig": ("dead_letter", _dead_letter),
        "ClsLogsetId": ("cls_logset", str),
        "ClsTopicId": ("cls_topic", str),
        "IgnoreSysLog": ("ignore_sys_log", bool),
    }
    changes = {field: read(given[key]) for key, (field, read) in readers.items() if key in given}
    extras = {key: given[key] for key in KEPT if key in given}
    changed = replace(version, **changes, extras={**version.extras, **extras})
    _check_whole(changed)
    return changed


def handler(text: str | None) -> str:
    if not text or not _HANDLER.fullmatch(text):
        raise ApiError("InvalidParameterValue.Handler", f"{text!r} is not file.function, each of 2 to 60 characters.")
    return text


def runtime(text: str | None) -> str:
    found = text or "Python2.7"
    if found not in RUNTIMES:
        raise ApiError("InvalidParameterValue.Runtime", f"There is no runtime {found!r}.")
    if found not in PYTHONS:
        raise ApiError("InvalidParameterValue.Runtime", f"This stand-in runs {', '.join(PYTHONS)} only, not {found}.")
    return found


def check_code(platform: Platform, version: Version) -> None:
    """The handler's file must be in the ZIP, and all of it within the limit."""
    module, folder = version.handler.split(".")[0], platform.packages.code(version.package)
    if not any((folder / f"{module}{ending}").is_file() for ending in (".py", ".pyc")):
        raise ApiError("InvalidParameterValue.Handler", f"There is no {module}.py at the top of the ZIP.")
    _check_whole(version)


def _check_whole(version: Version) -> None:
    size = version.unpacked_bytes + sum(use.unpacked_bytes for use in version.layers)
    if size > limits.CODE_BYTES:
        text = f"Code and layers have {size} bytes unpacked; {limits.CODE_BYTES} is the most."
        raise ApiError("LimitExceeded.Quota", text)
    if bool(version.cls_logset) != bool(version.cls_topic):
        raise ApiError("InvalidParameterValue.Cls", "ClsLogsetId and ClsTopicId belong together.")
    vpc = version.extras.get("VpcConfig") or {}
    if bool(vpc.get("VpcId")) != bool(vpc.get("SubnetId")):
        raise ApiError("InvalidParameterValue.Vpc", "VpcId and SubnetId belong together.")


def _refuse(params: Params) -> None:
    for key in _REFUSED:
        if params.get(key) not in (None, "FALSE", "", {}):
            raise ApiError("UnsupportedOperation", f"This stand-in knows no {key}.")
    for key in ("L5Enable", "DnsCache"):
        switch(params, key)
    net = params.get("PublicNetConfig")
    if net and net.get("PublicNetStatus") not in ("ENABLE", "DISABLE"):
        raise ApiError("InvalidParameterValue.PublicNetConfig", "PublicNetStatus is ENABLE or DISABLE.")


def _description(text: str) -> str:
    if not _DESCRIPTION.fullmatch(text):
        known = "1000 letters, digits, blanks, line feeds, commas and full stops"
        raise ApiError("InvalidParameterValue.Description", f"A function's description has at most {known}.")
    return text


def _memory(value: int) -> int:
    if value not in limits.MEMORY_MB:
        raise ApiError("InvalidParameterValue.MemorySize", "MemorySize is 64, or 128 to 3072 in steps of 128.")
    return value


def _seconds(key: str, value: int) -> int:
    least, most = limits.TIMEOUT_S
    if not least <= value <= most:
        raise ApiError(f"LimitExceeded.{key}", f"{key} is {least} to {most} seconds.")
    return value


def _environment(given: dict[str, Any]) -> dict[str, str]:
    """Never with a value in an error's text."""
    environment: dict[str, str] = {}
    for one in given.get("Variables") or []:
        name, value = one.get("Key") or "", one.get("Value") or ""
        if not name or not value or name in environment:
            raise ApiError("InvalidParameterValue.Environment", f"The variable {name!r} is empty or there twice.")
        if problem := limits.variable_name_problem(name):
            reserved = name.startswith(limits.RESERVED_PREFIXES)
            about = "EnvironmentSystemProtect" if reserved else "Environment"
            raise ApiError(f"InvalidParameterValue.{about}", f"{problem}.")
        environment[name] = value
    if problem := limits.environment_problem(environment):
        raise ApiError("InvalidParameterValue.EnvironmentExceededLimit", f"{problem}.")
    return environment


def _layers(platform: Platform, runtime: str, given: list[dict[str, Any]]) -> tuple[LayerUse, ...]:
    """In the order of unpacking. One without a name, or with version 0, stands for none (SDK, LayerVersionSimple)."""
    wanted = [one for one in given if one["LayerName"] and one["LayerVersion"]]
    if len(wanted) > limits.LAYERS_PER_FUNCTION:
        raise ApiError("InvalidParameterValue.Layers", f"A function has at most {limits.LAYERS_PER_FUNCTION} layers.")
    if len({one["LayerName"] for one in wanted}) < len(wanted):
        raise ApiError("InvalidParameterValue.Layers", "A layer can be bound once.")
    uses = []
    for one in wanted:
        name, number = one["LayerName"], one["LayerVersion"]
        found = platform.registry.layer(name, number)
        if found is None:
            raise ApiError("ResourceNotFound.LayerVersion", f"There is no version {number} of the layer {name}.")
        if found.status != "Active":
            raise ApiError("InvalidParameterValue.Layers", f"Version {number} of the layer {name} is {found.status}.")
        if runtime not in found.runtimes:
            raise ApiError("InvalidParameterValue.Layers", f"The layer {name} is not for {runtime}.")
        uses.append(LayerUse(name, number, found.package, found.unpacked_bytes))
    return tuple(uses)


def _role(platform: Platform, role: str) -> str:
    if not role:
        return role
    try:
        problem = platform.keys.problem(role)
    except LookupError:
        raise ApiError("ResourceNotFound.Role", f"There is no role {role}.") from None
    if problem:
        raise ApiError("InvalidParameter.RoleCheck", f"Functions cannot run under it: {problem}.")
    return role


def _dead_letter(config: dict[str, Any]) -> dict[str, Any]:
    """CMQ's two kinds are all that is documented (product/583/39704); here the letters go to a file in any case."""
    if config.get("Type") not in _DEAD_LETTERS or not config.get("Name"):
        text = f"DeadLetterConfig has a Type of {', '.join(_DEAD_LETTERS)} and a Name."
        raise ApiError("InvalidParameterValue.DeadLetterConfig", text)
    return {"Type": config["Type"], "Name": config["Name"], "FilterType": config.get("FilterType") or ""}
