"""What CAM and RBAC were asked, and what they said: the account and the Kubernetes API's door with a memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.account import Account
from emulator.kube import rbac
from emulator.kube.guard import attributes_of
from emulator.kube.identity import identify
from emulator.kube.store import Store


@dataclass(frozen=True)
class Asked:
    """One decision: by CAM on an action and a resource, or by RBAC on a verb and a resource of a group."""

    who: str
    action: str
    resource: str
    allowed: bool


class Judge(Account):
    """An account that remembers what it was asked about its roles."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asked: list[Asked] = []

    def allows(self, secret_id: str, action: str, resource: str) -> bool:
        allowed = super().allows(secret_id, action, resource)
        self.asked.append(Asked(self.name_of(secret_id).name, action.removeprefix("name/"), resource, allowed))
        return allowed


class Door:
    """Before the Kubernetes API, whose administrator has `token`: remembers who asked for what."""

    def __init__(self, app: ASGIApp, store: Store, token: str) -> None:
        self._app, self._store, self._token = app, store, token
        self.asked: list[Asked] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = identify(scope, self._token)
        if who is not None:
            wanted = attributes_of(scope)
            allowed = rbac.decide(self._store, who, wanted).allowed
            self.asked.append(Asked(who.name, wanted.verb, f"{wanted.group}/{wanted.full_resource}", allowed))
        await self._app(scope, receive, send)
