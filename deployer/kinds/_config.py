"""A function as SCF has it: wanted (from the declaration and what is known) or found (from GetFunction), in one form.

In: Context and Function, or the API's document. Out: `Config`: comparable, as texts for a plan, as request parameters,
and a fingerprint by which a published version is known again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from deployer.context import Context
from deployer.model import UNKNOWN

if TYPE_CHECKING:
    from deployer.declaration.model import Function

_CODE = re.compile(r"\bcode ([0-9A-Za-z]+)")
INIT_TIMEOUT_S = 65
"""The platform's default for code packages, sent so that it stays."""


@dataclass(frozen=True)
class Config:
    """Sizes in MB, times in seconds. `layers`: (name in the cloud, version or UNKNOWN), in the order of mounting."""

    digest: str
    description: str
    runtime: str
    handler: str
    memory: int
    timeout: int
    init_timeout: int
    environment: tuple[tuple[str, str], ...]
    layers: tuple[tuple[str, str], ...]
    role: str
    vpc: tuple[str, str]
    logs: tuple[str, str]
    dead_letter: tuple[str, str, str]

    @property
    def known(self) -> bool:
        """False while something that it refers to has still to be made."""
        values = [*self.logs, *(value for _, value in self.environment), *(version for _, version in self.layers)]
        return not any(UNKNOWN in value for value in values)

    def fingerprint(self) -> str:
        """16 hexadecimal digits of all of it; equal for equal functions."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def texts(self) -> dict[str, str]:
        """Field by field for people; the environment variable by variable."""
        return {
            "code": self.digest[:16],
            "description": _CODE.sub("", self.description).strip(" ."),
            "runtime": self.runtime,
            "handler": self.handler,
            "memory": f"{self.memory} MB",
            "timeout": f"{self.timeout} s",
            "init timeout": f"{self.init_timeout} s",
            **{f"environment {name}": value for name, value in self.environment},
            "layers": ", ".join(f"{name} {version}" for name, version in self.layers),
            "role": self.role,
            "vpc": "/".join(filter(None, self.vpc)),
            "logs": "/".join(filter(None, self.logs)),
            "dead letter": " ".join(filter(None, self.dead_letter)),
        }

    def request(self) -> dict[str, Any]:
        """Parameters that CreateFunction and UpdateFunctionConfiguration share."""
        params: dict[str, Any] = {
            "MemorySize": self.memory,
            "Timeout": self.timeout,
            "InitTimeout": self.init_timeout,
            "Environment": {"Variables": [{"Key": name, "Value": value} for name, value in self.environment]},
            "Layers": [{"LayerName": name, "LayerVersion": int(version)} for name, version in self.layers],
            "Role": self.role,
            "VpcConfig": {"VpcId": self.vpc[0], "SubnetId": self.vpc[1]},
            "ClsLogsetId": self.logs[0],
            "ClsTopicId": self.logs[1],
        }
        if self.dead_letter[0]:
            params["DeadLetterConfig"] = dict(zip(("Type", "Name", "FilterType"), self.dead_letter, strict=True))
        return params


def wanted(context: Context, function: Function) -> Config:
    """What the declaration asks for, with UNKNOWN where a layer, secret or log topic has still to be made."""
    declaration, facts = context.declaration, context.facts
    vpc = declaration.provider.vpc
    dead = function.asynchronous.dead_letter if function.asynchronous else None
    with_logs = declaration.logs is not None
    digest = context.digest("function", function.name)
    return Config(
        digest=digest,
        description=describe(function.description, digest),
        runtime=declaration.runtime,
        handler=function.handler,
        memory=function.memory_mb,
        timeout=function.timeout_s,
        init_timeout=INIT_TIMEOUT_S,
        environment=tuple(sorted({**function.environment, **_secrets(context, function)}.items())),
        layers=tuple((declaration.name(layer), facts.get(f"layer/{layer}.version")) for layer in function.layers),
        role=declaration.name(function.name),
        vpc=(vpc.vpc_id, vpc.subnet_id) if vpc else ("", ""),
        logs=(facts.get("logs/functions.logset"), facts.get("logs/functions.topic")) if with_logs else ("", ""),
        dead_letter=(dead.type, dead.name, dead.filter_type) if dead else ("", "", ""),
    )


def found(document: dict[str, Any]) -> Config:
    """The same of a function that is there; its code is known by the digest in its description."""
    vpc, dead = document.get("VpcConfig") or {}, document.get("DeadLetterConfig") or {}
    variables = (document.get("Environment") or {}).get("Variables") or []
    description = str(document.get("Description") or "")
    return Config(
        digest=digest_in(description),
        description=description,
        runtime=str(document.get("Runtime") or ""),
        handler=str(document.get("Handler") or ""),
        memory=int(document.get("MemorySize") or 0),
        timeout=int(document.get("Timeout") or 0),
        init_timeout=int(document.get("InitTimeout") or 0),
        environment=tuple(sorted((each["Key"], each["Value"]) for each in variables)),
        layers=tuple((each["LayerName"], str(each["LayerVersion"])) for each in document.get("Layers") or []),
        role=str(document.get("Role") or ""),
        vpc=(str(vpc.get("VpcId") or ""), str(vpc.get("SubnetId") or "")),
        logs=(str(document.get("ClsLogsetId") or ""), str(document.get("ClsTopicId") or "")),
        dead_letter=(str(dead.get("Type") or ""), str(dead.get("Name") or ""), str(dead.get("FilterType") or "")),
    )


def describe(text: str, digest: str) -> str:
    """A description that remembers the code. What SCF allows in one is kept, the rest becomes blanks."""
    allowed = re.sub(r"[^A-Za-z0-9 ,.\n\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", " ", text).strip(" .")
    return f"{allowed}. code {digest}" if allowed else f"code {digest}"


def digest_in(description: str) -> str:
    """The digest that `describe` put there, or an empty text."""
    match = _CODE.search(description)
    return match[1] if match else ""


def _secrets(context: Context, function: Function) -> dict[str, str]:
    """The variable that tells the function its secrets: name#version, comma between them."""
    variable = context.declaration.provider.secrets_variable
    if not variable or not function.secrets:
        return {}
    references = (
        f"{context.declaration.name(key)}#{context.facts.get(f'secret/{key}.version')}" for key in function.secrets
    )
    return {variable: ",".join(references)}
