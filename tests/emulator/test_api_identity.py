"""CAM and STS through the SDK: roles, policies, and the keys that come of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from emulator.credentials import Credential
from tests.support.api import APP_ID, OWNER, UIN, Api, policy, serving, trust

ROOT = trust(qcs=f"qcs::cam::uin/{UIN}:root")


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as running:
        yield running


def create_role(api: Api, name: str = "pods", trusted: dict[str, Any] = ROOT, **more: Any) -> str:
    return str(api.call("cam", "CreateRole", RoleName=name, PolicyDocument=json.dumps(trusted), **more)["RoleId"])


def create_policy(api: Api, name: str, document: dict[str, Any]) -> int:
    return int(api.call("cam", "CreatePolicy", PolicyName=name, PolicyDocument=json.dumps(document))["PolicyId"])


def assume(api: Api, who: Credential = OWNER, name: str = "pods", **more: Any) -> Credential:
    arn = f"qcs::cam::uin/{UIN}:roleName/{name}"
    keys = api.call("sts", "AssumeRole", who, RoleArn=arn, RoleSessionName="test", **more)["Credentials"]
    return Credential(keys["TmpSecretId"], keys["TmpSecretKey"], keys["Token"])


def refused_policy(api: Api, text: str) -> str:
    return api.refusal("cam", "CreatePolicy", PolicyName="p", PolicyDocument=text)


def test_role_is_found_by_name_id_and_tag(api: Api) -> None:
    role_id = create_role(api, Description="d", SessionDuration=43200, Tags=[{"Key": "stage", "Value": "s1"}])
    create_role(api, "other")
    by_name = api.call("cam", "GetRole", RoleName="pods")["RoleInfo"]
    assert by_name == api.call("cam", "GetRole", RoleId=role_id)["RoleInfo"]
    assert by_name["RoleArn"] == f"qcs::cam::uin/{UIN}:roleName/pods"
    assert (by_name["Description"], by_name["SessionDuration"]) == ("d", 43200)
    assert json.loads(by_name["PolicyDocument"]) == ROOT
    listed = api.call("cam", "DescribeRoleList", Page=1, Rp=200, Tags=[{"Key": "stage", "Value": "s1"}])
    assert [role["RoleName"] for role in listed["List"]] == ["pods"]
    assert api.call("cam", "DescribeRoleList", Page=2, Rp=1)["TotalNum"] == 2


def test_role_is_changed_and_deleted(api: Api) -> None:
    first = create_role(api)
    trusted = trust(service="scf.qcloud.com")
    api.call("cam", "UpdateAssumeRolePolicy", RoleName="pods", PolicyDocument=json.dumps(trusted))
    api.call("cam", "UpdateRoleDescription", RoleName="pods", Description="new")
    api.call("cam", "UpdateRoleSessionDuration", RoleName="pods", SessionDuration=900)
    api.call("cam", "TagRole", RoleName="pods", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    api.call("cam", "UntagRole", RoleName="pods", TagKeys=["a"])
    role = api.call("cam", "GetRole", RoleName="pods")["RoleInfo"]
    assert json.loads(role["PolicyDocument"]) == trusted
    assert (role["Description"], role["SessionDuration"]) == ("new", 900)
    assert role["Tags"] == [{"Key": "b", "Value": "2"}]
    api.call("cam", "DeleteRole", RoleName="pods")
    assert api.refusal("cam", "GetRole", RoleName="pods") == "InvalidParameter.RoleNotExist"
    assert create_role(api) != first


def test_role_name_and_trust_are_checked(api: Api) -> None:
    create_role(api)
    document = json.dumps(ROOT)
    assert (
        api.refusal("cam", "CreateRole", RoleName="pods", PolicyDocument=document) == "InvalidParameter.RoleNameInUse"
    )
    assert api.refusal("cam", "CreateRole", RoleName="a b", PolicyDocument=document) == "InvalidParameter.RoleNameError"
    without = json.dumps(policy("sts:AssumeRole"))
    refused = api.refusal("cam", "CreateRole", RoleName="x", PolicyDocument=without)
    assert refused == "InvalidParameter.ResourceError"
    assert api.refusal("cam", "GetRole") == "InvalidParameter.ParamError"


def test_policy_is_found_changed_and_deleted(api: Api) -> None:
    policy_id = create_policy(api, "p1", policy("cos:GetObject"))
    create_policy(api, "p2", policy("cos:GetObject"))
    assert json.loads(api.call("cam", "GetPolicy", PolicyId=policy_id)["PolicyDocument"]) == policy("cos:GetObject")
    changed = json.dumps(policy("cos:*"))
    answer = api.call("cam", "UpdatePolicy", PolicyName="p1", PolicyDocument=changed, Description="d")
    assert answer["PolicyId"] == policy_id
    assert api.call("cam", "GetPolicy", PolicyId=policy_id)["PolicyDocument"] == changed
    listed = api.call("cam", "ListPolicies", Scope="Local", Keyword="p1")
    assert [(p["PolicyName"], p["Description"]) for p in listed["List"]] == [("p1", "d")]
    assert api.call("cam", "ListPolicies", Scope="QCS")["TotalNum"] == 0
    api.call("cam", "DeletePolicy", PolicyId=[policy_id])
    assert api.refusal("cam", "GetPolicy", PolicyId=policy_id) == "InvalidParameter.PolicyIdNotExist"
    assert api.call("cam", "ListPolicies")["TotalNum"] == 1
    same = json.dumps(policy("cos:*"))
    assert api.refusal("cam", "CreatePolicy", PolicyName="p2", PolicyDocument=same) == "FailedOperation.PolicyNameInUse"


def test_attached_policies_are_listed_and_detached(api: Api) -> None:
    role_id, policy_id = create_role(api), create_policy(api, "p1", policy("cos:GetObject"))
    for _ in range(2):
        api.call("cam", "AttachRolePolicy", AttachRoleName="pods", PolicyId=policy_id)
    listed = api.call("cam", "ListAttachedRolePolicies", Page=1, Rp=200, RoleName="pods")
    assert [(p["PolicyId"], p["PolicyName"]) for p in listed["List"]] == [(policy_id, "p1")]
    entities = api.call("cam", "ListEntitiesForPolicy", PolicyId=policy_id, EntityFilter="Role")
    assert [(e["Name"], e["RelatedType"]) for e in entities["List"]] == [("pods", 3)]
    assert api.call("cam", "ListPolicies")["List"][0]["Attachments"] == 1
    api.call("cam", "DetachRolePolicy", DetachRoleId=role_id, PolicyName="p1")
    assert api.call("cam", "ListAttachedRolePolicies", Page=1, Rp=200, RoleName="pods")["TotalNum"] == 0


def test_deleted_policy_is_attached_to_no_role(api: Api) -> None:
    create_role(api)
    policy_id = create_policy(api, "p1", policy("cam:GetUserAppId"))
    api.call("cam", "AttachRolePolicy", AttachRoleName="pods", PolicyId=policy_id)
    keys = assume(api)
    api.call("cam", "GetUserAppId", keys)
    api.call("cam", "DeletePolicy", PolicyId=[policy_id])
    assert api.refusal("cam", "GetUserAppId", keys) == "UnauthorizedOperation"
    assert api.call("cam", "ListAttachedRolePolicies", Page=1, Rp=200, RoleName="pods")["TotalNum"] == 0


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"effect": "permit"}, "EffectError"),
        ({"action": []}, "ActionError"),
        ({"action": "GetObject"}, "ActionError"),
        ({"action": "permid/280649"}, "ActionError"),
        ({"resource": "qcs::cos"}, "ResourceQcsError"),
        ({"resource": "qcs::cos::1250000000:a/*"}, "ResourceUinError"),
        ({"resource": "qcs::cos:::"}, "ResourceContentError"),
        ({"resource": "qcs::cos:::${uin}/*"}, "ResourceContentError"),
        ({"resource": None}, "ResourceError"),
        ({"principal": {"qcs": ["qcs::cam::uin/1:root"]}}, "PrincipalError"),
        ({"condition": {"ip_equal": {"qcs:ip": "10.0.0.0/8"}}}, "ConditionError"),
        ({"Effect": "allow"}, "StatementError"),
    ],
)
def test_wrong_statement_is_refused_by_its_part(api: Api, changed: dict[str, Any], expected: str) -> None:
    statement = {"effect": "allow", "action": "cos:GetObject", "resource": "*", **changed}
    text = json.dumps({"version": "2.0", "statement": [statement]})
    assert refused_policy(api, text) == f"InvalidParameter.{expected}"


def test_wrong_policy_is_refused(api: Api) -> None:
    statement = {"effect": "allow", "resource": "*"}
    assert refused_policy(api, "no json") == "InvalidParameter.PolicyDocumentError"
    assert refused_policy(api, "[" * 5000) == "InvalidParameter.PolicyDocumentError"
    assert refused_policy(api, '{"version": "1.0", "statement": []}') == "InvalidParameter.VersionError"
    assert refused_policy(api, '{"version": "2.0", "statement": []}') == "InvalidParameter.StatementError"
    lacking = json.dumps({"version": "2.0", "statement": [statement]})
    assert refused_policy(api, lacking) == "InvalidParameter.ActionMiss"
    long = json.dumps(policy("cos:GetObject", [f"qcs::cos:::bucket/{n:040}" for n in range(150)]))
    assert refused_policy(api, long) == "InvalidParameter.PolicyDocumentLengthOverLimit"


def test_assumed_role_has_its_permissions_and_name(api: Api) -> None:
    role_id = create_role(api)
    create_policy(api, "p1", policy("sts:GetCallerIdentity"))
    api.call("cam", "AttachRolePolicy", AttachRoleName="pods", PolicyName="p1")
    keys = assume(api)
    identity = api.call("sts", "GetCallerIdentity", keys)
    assert (identity["UserId"], identity["AccountId"], identity["Type"]) == (f"{role_id}:test", UIN, "CAMRole")
    assert api.refusal("cam", "GetUserAppId", keys) == "UnauthorizedOperation"
    assert api.call("sts", "GetCallerIdentity")["UserId"] == UIN
    assert api.call("cam", "GetUserAppId")["AppId"] == int(APP_ID)


def test_session_lasts_as_long_as_the_role_allows(api: Api) -> None:
    create_role(api, SessionDuration=9000)
    arn = f"qcs::cam::uin/{UIN}:roleName/pods"
    asked = {"RoleArn": arn, "RoleSessionName": "s1"}
    answer = api.call("sts", "AssumeRole", **asked, DurationSeconds=9000)
    usual = api.call("sts", "AssumeRole", **asked)
    assert 1790 <= answer["ExpiredTime"] - usual["ExpiredTime"] <= 1800
    assert answer["Expiration"].endswith("Z")
    assert api.refusal("sts", "AssumeRole", **asked, DurationSeconds=9001) == "InvalidParameter.OverTimeError"


def test_role_is_assumed_by_its_id_too(api: Api) -> None:
    role_id = create_role(api)
    arn = f"qcs::cam::uin/{UIN}:role/{role_id}"
    assert api.call("sts", "AssumeRole", RoleArn=arn, RoleSessionName="s1")["Credentials"]["Token"]


@pytest.mark.parametrize("arn", ["qcs::cam::uin/{uin}:roleName/nobody", "qcs::cam::uin/1:roleName/pods", "pods"])
def test_unknown_role_cannot_be_assumed(api: Api, arn: str) -> None:
    create_role(api)
    refused = api.refusal("sts", "AssumeRole", RoleArn=arn.format(uin=UIN), RoleSessionName="s1")
    assert refused == "ResourceNotFound.RoleNotFound"


def test_assuming_needs_trust_and_permission(api: Api) -> None:
    create_role(api, "worker", trust(service="scf.qcloud.com"))
    with pytest.raises(TencentCloudSDKException, match="trust policy"):
        assume(api, name="worker")
    create_role(api)
    user = api.account.add_user("ann", policy("sts:AssumeRole", f"qcs::cam::uin/{UIN}:roleName/worker"))
    with pytest.raises(TencentCloudSDKException, match="not authorized to perform operation"):
        assume(api, user)
    allowed = api.account.add_user("bob", policy("sts:AssumeRole", f"qcs::cam::uin/{UIN}:roleName/pods"))
    assert assume(api, allowed).token


def test_session_policy_narrows_and_comes_urlencoded(api: Api) -> None:
    create_role(api)
    create_policy(api, "p1", policy(["cam:*", "sts:*"]))
    api.call("cam", "AttachRolePolicy", AttachRoleName="pods", PolicyName="p1")
    keys = assume(api, Policy=quote(json.dumps(policy("cam:GetUserAppId"))))
    api.call("cam", "GetUserAppId", keys)
    assert api.refusal("sts", "GetCallerIdentity", keys) == "UnauthorizedOperation"


def test_wrong_session_policy_is_refused_in_the_words_of_sts(api: Api) -> None:
    create_role(api)
    asked = {"RoleArn": f"qcs::cam::uin/{UIN}:roleName/pods", "RoleSessionName": "s1"}
    assert api.refusal("sts", "AssumeRole", **asked, Policy="x") == "InvalidParameter.StrategyFormatError"
    bad = quote(json.dumps(policy("cos:GetObject", "bucket/*")))
    assert api.refusal("sts", "AssumeRole", **asked, Policy=bad) == "InvalidParameter.ResouceError"
    assert api.refusal("sts", "AssumeRole", **asked, ExternalId="ab") == "UnsupportedOperation"
