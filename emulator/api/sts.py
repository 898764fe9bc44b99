"""Security Token Service: a role's ARN in, temporary keys out (https://cloud.tencent.com/document/api/1312)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import unquote_plus

from emulator.account import Account
from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.fields import named, number, refuse
from emulator.api.roles import Roles

MAX_SECONDS = 43200
DEFAULT_SECONDS = 7200
_UNSUPPORTED = ("ExternalId", "Tags", "SourceIdentity", "SerialNumber", "TokenCode")


class Sts:
    name = "sts"
    version = "2018-08-13"

    def __init__(self, account: Account, roles: Roles) -> None:
        self._account, self._roles = account, roles

    @property
    def actions(self) -> Mapping[str, Action]:
        # CAM's page of STS (intl 598/57155) has AssumeRole judged on qcs::cam::uin/…:roleName/…; the Chinese one
        # (598/70020) calls it without a resource level. The deployed policies name the role, so the first is taken.
        return {
            "AssumeRole": Action(self._assume_role, self._resource),
            "GetCallerIdentity": Action(self._get_caller_identity),
        }

    def _resource(self, params: Params) -> str:
        name = self._role_name(params["RoleArn"])
        return "*" if name is None else self._account.arn(name)

    async def _assume_role(self, call: Call, params: Params) -> Params:
        refuse(params, *_UNSUPPORTED)
        session_name = named(params, "RoleSessionName", r"[\w+=,.@-]{2,128}", code="InvalidParameter.ParamError")
        name = self._role_name(params["RoleArn"])
        if name is None:
            raise ApiError("ResourceNotFound.RoleNotFound", f"There is no role {params['RoleArn']}.")
        longest = min(self._roles.session_duration(name), MAX_SECONDS)
        usual, code = min(DEFAULT_SECONDS, longest), "InvalidParameter.OverTimeError"
        seconds = number(params, "DurationSeconds", 1, longest, usual, code=code)
        if not self._account.trusts_key(name, call.secret_id):
            raise ApiError("UnauthorizedOperation", f"The trust policy of role {name} does not name the caller.")
        policy = unquote_plus(params["Policy"]) if "Policy" in params else None
        try:
            session = self._account.session(name, seconds, policy, name=session_name)
        except ApiError as e:
            raise ApiError(_policy_code(e.code), e.message) from None
        expires = int(session.expires_at)
        return {
            "Credentials": {
                "Token": session.credential.token,
                "TmpSecretId": session.credential.secret_id,
                "TmpSecretKey": session.credential.secret_key,
            },
            "ExpiredTime": expires,
            "Expiration": datetime.fromtimestamp(expires, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    async def _get_caller_identity(self, call: Call, params: Params) -> Params:
        who, uin = self._account.name_of(call.secret_id), self._account.uin
        kind = {"owner": "RootAccount", "user": "CAMUser", "role": "CAMRole"}[who.kind]
        arn = f"qcs::sts:{uin}:assumed-role/{who.id}" if who.kind == "role" else f"qcs::cam::uin/{uin}:uin/{who.id}"
        return {
            "Arn": arn,
            "AccountId": uin,
            "UserId": f"{who.id}:{who.session}" if who.kind == "role" else who.id,
            "PrincipalId": uin if who.kind == "role" else who.id,
            "Type": kind,
        }

    def _role_name(self, arn: str) -> str | None:
        """The role's name when there is such a role in this account."""
        match = re.fullmatch(rf"qcs::cam::uin/{self._account.uin}:(roleName|role)/(.+)", arn)
        if match is None:
            return None
        return self._roles.find(name=match[2]) if match[1] == "roleName" else self._roles.find(role_id=match[2])


def _policy_code(code: str) -> str:
    """CAM's words for a bad policy in those of STS (errorcodes.py of the SDK)."""
    if code == "InvalidParameter.PolicyDocumentLengthOverLimit":
        return "InvalidParameter.PolicyTooLong"
    if code.startswith("InvalidParameter.Resource"):
        return "InvalidParameter.ResouceError"
    return "InvalidParameter.StrategyFormatError"
