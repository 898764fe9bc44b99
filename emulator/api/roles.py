"""The roles of CAM: who may take them (trust policy), for how long, and which policies are attached to them.

Kept under their names as emulator.account.ROLES; the account judges requests by what stands there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from emulator.account import ROLES, Account
from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.fields import local_time, named, next_number, number, tags
from emulator.api.policy import parse
from emulator.documents import Document, Documents

NAME = r"[A-Za-z0-9+=,.@_-]{1,128}"
# Roles of an account, tags of a role: the error codes are CAM's (errorcodes.py), the numbers were not found in print.
MAX_ROLES, MAX_TAGS = 1000, 50
MAX_DESCRIPTION = 1000
DEFAULT_SESSION_S = 7200
_FIRST_ID = 4611686018427388000


class Roles:
    """The actions on roles; also what STS asks about them."""

    def __init__(self, documents: Documents, account: Account, clock: Callable[[], float] = time.time) -> None:
        self._documents, self._account, self._clock = documents, account, clock

    @property
    def actions(self) -> Mapping[str, Action]:
        return {
            "CreateRole": Action(self._create, self._resource),
            "GetRole": Action(self._get, self._resource),
            "DescribeRoleList": Action(self._list),
            "DeleteRole": Action(self._delete, self._resource),
            "UpdateAssumeRolePolicy": Action(self._update_trust, self._resource),
            "UpdateRoleDescription": Action(self._update_description, self._resource),
            "UpdateRoleSessionDuration": Action(self._update_duration, self._resource),
            "TagRole": Action(self._tag, self._resource),
            "UntagRole": Action(self._untag, self._resource),
        }

    def find(self, *, name: str | None = None, role_id: str | None = None) -> str | None:
        """The name of a role given by name or id; None when there is none."""
        if name is not None:
            return name if self._account.has_role(name) else None
        return next((n for n, role in self._documents.all(ROLES).items() if role["RoleId"] == role_id), None)

    def session_duration(self, name: str) -> int:
        """How many seconds a session may last at most."""
        role = self._documents.get(ROLES, name) or {}
        return int(role.get("SessionDuration", DEFAULT_SESSION_S))

    def named(self, params: Params, prefix: str = "") -> Document:
        """The role that RoleName or RoleId (with `prefix`: AttachRoleName …) names. Raises ApiError."""
        name, role_id = params.get(f"{prefix}RoleName"), params.get(f"{prefix}RoleId")
        if (name is None) == (role_id is None):
            raise ApiError("InvalidParameter.ParamError", f"Give one of {prefix}RoleName and {prefix}RoleId.")
        found = self.find(name=name, role_id=None if role_id is None else str(role_id))
        if found is None:
            raise ApiError("InvalidParameter.RoleNotExist", f"There is no role {name or role_id}.")
        return self._documents.get(ROLES, found) or {}

    def change(self, role: Document, **changes: Any) -> None:
        """Write it with these fields changed."""
        updated = {**role, **changes, "UpdateTime": local_time(self._clock())}
        self._documents.put(ROLES, role["RoleName"], updated)

    def all(self) -> list[Document]:
        return list(self._documents.all(ROLES).values())

    def _resource(self, params: Params) -> str:
        name = params.get("RoleName") or self.find(role_id=str(params.get("RoleId", "")))
        return self._account.arn(name) if name else "*"

    async def _create(self, call: Call, params: Params) -> Params:
        name = named(params, "RoleName", NAME, code="InvalidParameter.RoleNameError")
        parse(params["PolicyDocument"], trust=True)
        if self._account.has_role(name):
            raise ApiError("InvalidParameter.RoleNameInUse", f"There is already a role {name}.")
        if len(self.all()) >= MAX_ROLES:
            raise ApiError("InvalidParameter.RoleFull", f"An account has at most {MAX_ROLES} roles.")
        seconds = number(params, "SessionDuration", 0, 43200, 0, code="InvalidParameter.ParamError")
        now = local_time(self._clock())
        role: Document = {
            "RoleId": str(next_number(self._documents, "role", _FIRST_ID)),
            "RoleName": name,
            "PolicyDocument": params["PolicyDocument"],
            "Description": description(params),
            "AddTime": now,
            "UpdateTime": now,
            "ConsoleLogin": number(params, "ConsoleLogin", 0, 1, 0, code="InvalidParameter.ParamError"),
            "SessionDuration": seconds or DEFAULT_SESSION_S,
            "Tags": _tags(params.get("Tags", [])),
            "policies": [],
        }
        self._documents.put(ROLES, name, role)
        return {"RoleId": role["RoleId"]}

    async def _get(self, call: Call, params: Params) -> Params:
        return {"RoleInfo": self._info(self.named(params))}

    async def _list(self, call: Call, params: Params) -> Params:
        page = number(params, "Page", 1, 10**6, 1, code="InvalidParameter.ParamError")
        size = number(params, "Rp", 1, 200, 20, code="InvalidParameter.ParamError")
        wanted = _tags(params.get("Tags", []))
        found = [role for role in self.all() if wanted.items() <= role["Tags"].items()]
        return {"List": [self._info(role) for role in found[(page - 1) * size : page * size]], "TotalNum": len(found)}

    async def _delete(self, call: Call, params: Params) -> Params:
        # Its policies are detached with it: CAM has no error code for a role that still has some.
        self._documents.delete(ROLES, self.named(params)["RoleName"])
        return {}

    async def _update_trust(self, call: Call, params: Params) -> Params:
        parse(params["PolicyDocument"], trust=True)
        self.change(self.named(params), PolicyDocument=params["PolicyDocument"])
        return {}

    async def _update_description(self, call: Call, params: Params) -> Params:
        self.change(self.named(params), Description=description(params))
        return {}

    async def _update_duration(self, call: Call, params: Params) -> Params:
        seconds = number(params, "SessionDuration", 1, 43200, 1, code="InvalidParameter.ParamError")
        self.change(self.named(params), SessionDuration=seconds)
        return {}

    async def _tag(self, call: Call, params: Params) -> Params:
        role = self.named(params)
        merged = {**role["Tags"], **_tags(params["Tags"])}
        if len(merged) > MAX_TAGS:
            raise ApiError("InvalidParameter.TagLimitExceeded", f"A role has at most {MAX_TAGS} tags.")
        self.change(role, Tags=merged)
        return {}

    async def _untag(self, call: Call, params: Params) -> Params:
        role = self.named(params)
        self.change(role, Tags={key: value for key, value in role["Tags"].items() if key not in params["TagKeys"]})
        return {}

    def _info(self, role: Document) -> Params:
        shown = {key: value for key, value in role.items() if key not in ("Tags", "policies")}
        return {
            **shown,
            "RoleType": "user",
            "RoleArn": self._account.arn(role["RoleName"]),
            "Tags": [{"Key": key, "Value": value} for key, value in role["Tags"].items()],
        }


def description(params: Params, most: int = MAX_DESCRIPTION) -> str:
    """Of a role or a policy. Raises ApiError when it has more than `most` characters."""
    text: str = params.get("Description", "")
    if len(text) > most:
        raise ApiError("InvalidParameter.DescriptionLengthOverlimit", f"A description has at most {most} characters.")
    return text


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    return tags(given, "Key", "Value", at_most=MAX_TAGS, code="InvalidParameter.TagParamError")
