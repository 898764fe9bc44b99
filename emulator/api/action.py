"""What one service of the API is made of: actions by name, each a handler and the resource that CAM is asked about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Params = dict[str, Any]


class ApiError(Exception):
    """A refusal in the platform's form: {"Response": {"Error": {"Code", "Message"}, "RequestId"}}."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@dataclass(frozen=True)
class Call:
    """Who asks for what. The request is signed, its parameters are checked against the SDK's models."""

    secret_id: str
    service: str
    action: str
    region: str
    request_id: str


@dataclass(frozen=True)
class Action:
    """`resource` names what CAM judges, in six parts (qcs::scf:…), or "*" where the platform knows no such level."""

    handler: Callable[[Call, Params], Awaitable[Params]]
    resource: Callable[[Params], str] = lambda params: "*"


class Service(Protocol):
    """`name` is the service of the signature (scf, cam …), `version` that of X-TC-Version."""

    name: str
    version: str

    @property
    def actions(self) -> Mapping[str, Action]: ...
