"""Reading CAM: roles, policies and what is attached to what, page after page; None where something is not there."""

from __future__ import annotations

from typing import Any

from deployer.context import Context
from deployer.errors import CloudError, missing

Document = dict[str, Any]
_PAGE = 200  # the most that CAM's lists give at once


class Cam:
    """What is read is not remembered: it is asked for again after each change."""

    def __init__(self, context: Context) -> None:
        self._cloud = context.cloud

    def call(self, action: str, **params: Any) -> Document:
        return self._cloud.call("cam", action, **params)

    def gone(self, action: str, **params: Any) -> None:
        """An action that removes: no error when what it names is not there."""
        try:
            self.call(action, **params)
        except CloudError as error:
            if not missing(error):
                raise

    def role(self, name: str) -> Document | None:
        try:
            found: Document = self.call("GetRole", RoleName=name)["RoleInfo"]
        except CloudError as error:
            if missing(error):
                return None
            raise
        return found

    def policy(self, name: str) -> Document | None:
        """With its id, which GetPolicy itself does not tell."""
        for listed in self._policies(name):
            if listed["PolicyName"] == name:
                return self._policy(int(listed["PolicyId"]))
        return None

    def attached(self, role_name: str) -> dict[int, str]:
        """Names of the policies attached to a role, by id."""
        found: dict[int, str] = {}
        page = 1
        while True:
            answer = self.call("ListAttachedRolePolicies", RoleName=role_name, Page=page, Rp=_PAGE)
            listed = answer.get("List") or []
            found |= {int(each["PolicyId"]): str(each["PolicyName"]) for each in listed}
            if not listed or len(found) >= int(answer.get("TotalNum") or 0):
                return found
            page += 1

    def roles(self, prefix: str) -> dict[str, list[Document]]:
        """Tags of the roles whose name begins so."""
        found: dict[str, list[Document]] = {}
        seen, page = 0, 1
        while True:
            answer = self.call("DescribeRoleList", Page=page, Rp=_PAGE)
            listed = answer.get("List") or []
            for each in listed:
                if str(each["RoleName"]).startswith(prefix):
                    # A list may leave out what the whole description has.
                    tags = each.get("Tags") or (self.role(each["RoleName"]) or {}).get("Tags")
                    found[each["RoleName"]] = tags or []
            seen += len(listed)
            if not listed or seen >= int(answer.get("TotalNum") or 0):
                return found
            page += 1

    def policy_tags(self, prefix: str) -> dict[str, list[Document]]:
        """Tags of our own account's policies whose name begins so."""
        found: dict[str, list[Document]] = {}
        for listed in self._policies(prefix):
            if str(listed["PolicyName"]).startswith(prefix):
                whole = listed if listed.get("Tags") else self._policy(int(listed["PolicyId"])) or {}
                found[listed["PolicyName"]] = whole.get("Tags") or []
        return found

    def _policies(self, keyword: str) -> list[Document]:
        found: list[Document] = []
        page = 1
        while True:
            answer = self.call("ListPolicies", Scope="Local", Keyword=keyword, Page=page, Rp=_PAGE)
            listed = answer.get("List") or []
            found += listed
            if not listed or len(found) >= int(answer.get("TotalNum") or 0):
                return found
            page += 1

    def _policy(self, policy_id: int) -> Document | None:
        try:
            return {**self.call("GetPolicy", PolicyId=policy_id), "PolicyId": policy_id}
        except CloudError as error:
            if missing(error):
                return None
            raise
