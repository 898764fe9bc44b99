"""The custom policies of CAM, and which role has which. Preset policies (Qcloud…) are not there.

Kept under their ids as emulator.account.POLICIES; the account judges requests by what stands there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from emulator.account import POLICIES, Account
from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.fields import local_time, named, next_number, number, one_of, refuse, tags
from emulator.api.policy import parse
from emulator.api.roles import NAME, Roles, description
from emulator.documents import Document, Documents

# Policies of an account, policies of a role: the codes are CAM's (errorcodes.py), the numbers were not found in print.
MAX_POLICIES, MAX_ATTACHED = 1500, 200
MAX_DESCRIPTION = 300
_FIRST_ID = 200000001


class Policies:
    """The actions on policies and their attachments."""

    def __init__(
        self, documents: Documents, account: Account, roles: Roles, clock: Callable[[], float] = time.time
    ) -> None:
        self._documents, self._account, self._roles, self._clock = documents, account, roles, clock

    @property
    def actions(self) -> Mapping[str, Action]:
        return {
            "CreatePolicy": Action(self._create),
            "GetPolicy": Action(self._get, self._resource),
            "ListPolicies": Action(self._list),
            "UpdatePolicy": Action(self._update, self._resource),
            "DeletePolicy": Action(self._delete),
            "AttachRolePolicy": Action(self._attach, self._attached_role),
            "DetachRolePolicy": Action(self._detach, self._attached_role),
            "ListAttachedRolePolicies": Action(self._list_attached),
            "ListEntitiesForPolicy": Action(self._list_entities, self._resource),
        }

    def _resource(self, params: Params) -> str:
        return f"qcs::cam::uin/{self._account.uin}:policyid/{params.get('PolicyId', '')}"

    def _attached_role(self, params: Params) -> str:
        name = params.get("AttachRoleName") or params.get("DetachRoleName")
        role_id = params.get("AttachRoleId") or params.get("DetachRoleId")
        found = name or self._roles.find(role_id=str(role_id))
        return self._account.arn(found) if found else "*"

    async def _create(self, call: Call, params: Params) -> Params:
        name = named(params, "PolicyName", NAME, code="InvalidParameter.PolicyNameError")
        parse(params["PolicyDocument"])
        policies = self._documents.all(POLICIES)
        if any(policy["PolicyName"] == name for policy in policies.values()):
            raise ApiError("FailedOperation.PolicyNameInUse", f"There is already a policy {name}.")
        if len(policies) >= MAX_POLICIES:
            raise ApiError("FailedOperation.PolicyFull", f"An account has at most {MAX_POLICIES} custom policies.")
        now = local_time(self._clock())
        policy: Document = {
            "PolicyId": next_number(self._documents, "policy", _FIRST_ID),
            "PolicyName": name,
            "Description": description(params, MAX_DESCRIPTION),
            "PolicyDocument": params["PolicyDocument"],
            "AddTime": now,
            "UpdateTime": now,
            "Tags": tags(params.get("Tags", []), "Key", "Value", at_most=50, code="InvalidParameter.TagParamError"),
        }
        self._documents.put(POLICIES, str(policy["PolicyId"]), policy)
        return {"PolicyId": policy["PolicyId"]}

    async def _get(self, call: Call, params: Params) -> Params:
        policy = self._named(params)
        shown = {key: value for key, value in policy.items() if key not in ("PolicyId", "Tags")}
        return {**shown, "Type": 1, "PresetAlias": None, "IsServiceLinkedRolePolicy": 0, "Tags": _tag_list(policy)}

    async def _list(self, call: Call, params: Params) -> Params:
        page = number(params, "Page", 1, 200, 1, code="InvalidParameter.ParamError")
        size = number(params, "Rp", 1, 200, 20, code="InvalidParameter.ParamError")
        scope = one_of(params, "Scope", ("All", "QCS", "Local"), "All", code="InvalidParameter.ScopeError")
        keyword, attached = params.get("Keyword", ""), self._attached_counts()
        found = [p for p in self._documents.all(POLICIES).values() if keyword in p["PolicyName"] and scope != "QCS"]
        shown = [
            {
                **{key: policy[key] for key in ("PolicyId", "PolicyName", "AddTime", "Description", "UpdateTime")},
                "Type": 1,
                "CreateMode": 2,
                "Attachments": attached.get(policy["PolicyId"], 0),
                "AttachEntityCount": attached.get(policy["PolicyId"], 0),
                "Tags": _tag_list(policy),
            }
            for policy in found[(page - 1) * size : page * size]
        ]
        return {"TotalNum": len(found), "List": shown, "ServiceTypeList": []}

    async def _update(self, call: Call, params: Params) -> Params:
        refuse(params, "Alias")
        policy = self._named(params)
        document = params.get("PolicyDocument", policy["PolicyDocument"])
        parse(document)
        policy.update(PolicyDocument=document, UpdateTime=local_time(self._clock()))
        if "Description" in params:
            policy["Description"] = description(params, MAX_DESCRIPTION)
        self._documents.put(POLICIES, str(policy["PolicyId"]), policy)
        return {"PolicyId": policy["PolicyId"]} if "PolicyName" in params else {}

    async def _delete(self, call: Call, params: Params) -> Params:
        # It is detached from its roles: CAM has no error code for a policy that is still attached.
        ids = [self._named({"PolicyId": policy_id})["PolicyId"] for policy_id in params["PolicyId"]]
        for policy_id in ids:
            for role in self._roles.all():
                self._set_attached(role, policy_id, attached=False)
            self._documents.delete(POLICIES, str(policy_id))
        return {}

    async def _attach(self, call: Call, params: Params) -> Params:
        role, policy = self._roles.named(params, "Attach"), self._named(params)
        if len(role["policies"]) >= MAX_ATTACHED:
            raise ApiError("InvalidParameter.AttachmentFull", f"A role has at most {MAX_ATTACHED} policies.")
        self._set_attached(role, policy["PolicyId"], attached=True)
        return {}

    async def _detach(self, call: Call, params: Params) -> Params:
        self._set_attached(self._roles.named(params, "Detach"), self._named(params)["PolicyId"], attached=False)
        return {}

    async def _list_attached(self, call: Call, params: Params) -> Params:
        page = number(params, "Page", 1, 10**6, 1, code="InvalidParameter.ParamError")
        size = number(params, "Rp", 1, 200, 20, code="InvalidParameter.ParamError")
        kind = one_of(params, "PolicyType", ("User", "QCS", ""), "", code="InvalidParameter.ParamError")
        role, keyword, known = self._roles.named(params), params.get("Keyword", ""), self._documents.all(POLICIES)
        found = [known[str(policy_id)] for policy_id in role["policies"] if kind != "QCS"]
        found = [policy for policy in found if keyword in policy["PolicyName"]]
        shown = [
            {
                **{key: policy[key] for key in ("PolicyId", "PolicyName", "Description", "AddTime")},
                "PolicyType": "User",
                "CreateMode": 2,
                "Deactived": 0,
                "DeactivedDetail": [],
            }
            for policy in found[(page - 1) * size : page * size]
        ]
        return {"List": shown, "TotalNum": len(found)}

    async def _list_entities(self, call: Call, params: Params) -> Params:
        page = number(params, "Page", 1, 10**6, 1, code="InvalidParameter.ParamError")
        size = number(params, "Rp", 1, 200, 20, code="InvalidParameter.ParamError")
        kinds = ("All", "User", "Group", "Role")
        kind = one_of(params, "EntityFilter", kinds, "All", code="InvalidParameter.EntityFilterError")
        policy = self._named(params)
        roles = [r for r in self._roles.all() if policy["PolicyId"] in r["policies"] and kind in ("All", "Role")]
        shown = [
            {"Id": role["RoleId"], "Name": role["RoleName"], "Uin": 0, "RelatedType": 3}
            for role in roles[(page - 1) * size : page * size]
        ]
        return {"TotalNum": len(roles), "List": shown}

    def _named(self, params: Params) -> Document:
        """The policy that PolicyId or, where there is one, PolicyName names. Raises ApiError."""
        policy_id, name = params.get("PolicyId"), params.get("PolicyName")
        if (policy_id is None) == (name is None):
            raise ApiError("InvalidParameter.ParamError", "Give one of PolicyId and PolicyName.")
        if policy_id is not None:
            found = self._documents.get(POLICIES, str(policy_id))
        else:
            found = next((p for p in self._documents.all(POLICIES).values() if p["PolicyName"] == name), None)
        if found is None:
            raise ApiError("InvalidParameter.PolicyIdNotExist", f"There is no policy {policy_id or name}.")
        return found

    def _set_attached(self, role: Document, policy_id: int, *, attached: bool) -> None:
        others = [known for known in role["policies"] if known != policy_id]
        if attached != (policy_id in role["policies"]):
            self._roles.change(role, policies=[*others, policy_id] if attached else others)

    def _attached_counts(self) -> dict[int, int]:
        ids = [policy_id for role in self._roles.all() for policy_id in role["policies"]]
        return {policy_id: ids.count(policy_id) for policy_id in ids}


def _tag_list(policy: Document) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in policy["Tags"].items()]
