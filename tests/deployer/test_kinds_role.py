"""Roles, policies and what is attached to what, on the emulated CAM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.kinds.role import RoleKind
from deployer.model import Foreign
from emulator.api.action import ApiError
from emulator.api.server import Recorded
from tests.support import api
from tests.support.deployer_stage import CODE, Stage, deployed_to, names, refusal

OBJECT = f"qcs::cos:{api.REGION}:uid/{api.APP_ID}:{CODE}/in/a"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with deployed_to(tmp_path) as running:
        yield running


def cam(stage: Stage, action: str, **params: Any) -> dict[str, Any]:
    return stage.cloud().call("cam", action, **params)


def attached(stage: Stage, role: str) -> list[str]:
    found = cam(stage, "ListAttachedRolePolicies", RoleName=role, Page=1, Rp=100)["List"]
    return sorted(each["PolicyName"] for each in found)


def may(stage: Stage, role: str, action: str) -> bool:
    keys = stage.api.account.session(role, 60).credential
    return stage.api.account.allows(keys.secret_id, action, OBJECT)


def test_each_function_gets_a_role_with_exactly_its_permissions(stage: Stage) -> None:
    assert [step.resource.name for step in stage.apply(RoleKind)] == ["web", "work", "pods"]
    assert may(stage, "shop-test-web", "cos:GetObject") and not may(stage, "shop-test-web", "cos:PutObject")
    assert stage.api.account.trusts("shop-test-web", "scf.qcloud.com")
    assert not stage.api.account.trusts("shop-test-pods", "scf.qcloud.com")


def test_a_second_plan_has_no_changes_and_knows_the_roles(stage: Stage) -> None:
    stage.apply(RoleKind)
    applied = dict(stage.facts.known)
    stage.facts.known.clear()
    assert not stage.plan(RoleKind)
    assert stage.facts.known == applied
    assert applied["role/web.arn"] == f"qcs::cam::uin/{api.UIN}:roleName/shop-test-web"
    assert applied["role/work.user"].startswith(applied["role/work.id"])


def test_only_who_goes_into_the_cluster_has_a_user_there(stage: Stage) -> None:
    stage.apply(RoleKind)
    assert [name for name in stage.facts.known if name.endswith(".user")] == ["role/work.user"]


def test_a_declared_role_lives_as_long_as_declared(stage: Stage) -> None:
    stage.apply(RoleKind)
    pods = stage.declaration.roles["pods"]
    assert cam(stage, "GetRole", RoleName="shop-test-pods")["RoleInfo"]["SessionDuration"] == 43200
    stage.change(roles={"pods": replace(pods, session_s=3600, description="Other")})
    (step,) = stage.apply(RoleKind)
    assert [change.field for change in step.changes] == ["description", "session"]
    assert not stage.plan(RoleKind)


def test_a_changed_permission_changes_one_policy(stage: Stage) -> None:
    stage.apply(RoleKind)
    web = stage.declaration.functions["web"]
    more = replace(web.permissions[0], actions=("name/cos:GetObject", "name/cos:PutObject"))
    stage.change(functions={**stage.declaration.functions, "web": replace(web, permissions=(more,))})
    (step,) = stage.apply(RoleKind)
    assert (step.resource.name, [change.field for change in step.changes]) == ("web", ["policy"])
    assert may(stage, "shop-test-web", "cos:PutObject")


def test_what_somebody_attached_is_taken_off_again(stage: Stage) -> None:
    stage.apply(RoleKind)
    extra = cam(stage, "CreatePolicy", PolicyName="wide", PolicyDocument=json.dumps(api.policy("cos:*")))["PolicyId"]
    cam(stage, "AttachRolePolicy", PolicyId=extra, AttachRoleName="shop-test-web")
    (step,) = stage.apply(RoleKind)
    assert [(change.before, change.after) for change in step.changes] == [("shop-test-web, wide", "shop-test-web")]
    assert attached(stage, "shop-test-web") == ["shop-test-web"]
    assert cam(stage, "GetPolicy", PolicyId=extra)["PolicyName"] == "wide"


def test_a_changed_trust_is_set_back(stage: Stage) -> None:
    stage.apply(RoleKind)
    anyone = json.dumps(api.trust(qcs=f"qcs::cam::uin/{api.UIN}:root"))
    cam(stage, "UpdateAssumeRolePolicy", RoleName="shop-test-web", PolicyDocument=anyone)
    (step,) = stage.apply(RoleKind)
    assert [change.field for change in step.changes] == ["trust"]
    assert stage.api.account.trusts("shop-test-web", "scf.qcloud.com")


@pytest.mark.parametrize("what", ["role", "policy"])
def test_what_others_made_is_not_touched(stage: Stage, what: str) -> None:
    if what == "role":
        document = json.dumps(api.trust(service="scf.qcloud.com"))
        cam(stage, "CreateRole", RoleName="shop-test-web", PolicyDocument=document)
    else:
        cam(stage, "CreatePolicy", PolicyName="shop-test-web", PolicyDocument=json.dumps(api.policy("cos:*")))
    with pytest.raises(Foreign, match=f"CAM {what} shop-test-web is there"):
        stage.plan(RoleKind)
    kind = RoleKind(stage.context())
    kind.delete(kind.resources()[0])
    with pytest.raises(Foreign):
        stage.plan(RoleKind)


def test_a_role_of_a_function_that_is_gone_is_found_and_removed(stage: Stage) -> None:
    stage.apply(RoleKind)
    stage.change(functions={"web": stage.declaration.functions["web"]})
    document = json.dumps(api.trust(service="scf.qcloud.com"))
    cam(stage, "CreateRole", RoleName="shop-test-other", PolicyDocument=document)
    assert names(stage.orphans(RoleKind)) == ["work"]
    stage.destroy(RoleKind)
    assert refusal(lambda: cam(stage, "GetRole", RoleName="shop-test-work")).endswith("RoleNotExist")
    assert [each["PolicyName"] for each in cam(stage, "ListPolicies", Scope="Local")["List"]] == []
    assert cam(stage, "GetRole", RoleName="shop-test-other")


def test_a_function_that_needs_nothing_has_a_role_without_a_policy(stage: Stage) -> None:
    web = stage.declaration.functions["web"]
    bare = {**stage.declaration.functions, "web": replace(web, permissions=(), secrets=())}
    stage.change(functions=bare)
    stage.apply(RoleKind)
    assert attached(stage, "shop-test-web") == []
    assert not stage.plan(RoleKind)
    stage.change(functions={**bare, "web": web})
    stage.apply(RoleKind)
    assert attached(stage, "shop-test-web") == ["shop-test-web"]


def test_a_policy_goes_with_the_last_permission(stage: Stage) -> None:
    stage.apply(RoleKind)
    web = stage.declaration.functions["web"]
    stage.change(functions={**stage.declaration.functions, "web": replace(web, permissions=(), secrets=())})
    (step,) = stage.apply(RoleKind)
    assert [(change.field, change.after) for change in step.changes] == [("policy", ""), ("attached", "")]
    listed = cam(stage, "ListPolicies", Scope="Local")["List"]
    assert "shop-test-web" not in [each["PolicyName"] for each in listed]
    assert not stage.plan(RoleKind)


def test_a_cluster_that_hears_of_a_new_role_late_is_waited_for(stage: Stage) -> None:
    left = [2]

    def not_yet(recorded: Recorded) -> None:
        if recorded.action == "DescribeClusterCommonNames" and left[0]:
            left[0] -= 1
            raise ApiError("ResourceNotFound", "There is no such role.")

    stage.api.hooks.before = not_yet
    stage.apply(RoleKind)
    assert left == [0]
    assert stage.facts.known["role/work.user"]
