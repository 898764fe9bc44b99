"""Cloud Access Management: the account's ids, roles (roles.py) and policies (policies.py) as one service of the API."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.account import Account
from emulator.api.action import Action, Call, Params
from emulator.api.policies import Policies
from emulator.api.roles import Roles


class Cam:
    name = "cam"
    version = "2019-01-16"

    def __init__(self, account: Account, roles: Roles, policies: Policies) -> None:
        self._account = account
        self._actions = {**roles.actions, **policies.actions, "GetUserAppId": Action(self._get_user_app_id)}

    @property
    def actions(self) -> Mapping[str, Action]:
        return self._actions

    async def _get_user_app_id(self, call: Call, params: Params) -> Params:
        who, uin = self._account.name_of(call.secret_id), self._account.uin
        return {"Uin": uin if who.kind == "role" else who.id, "OwnerUin": uin, "AppId": int(self._account.app_id)}
