"""Policy documents, judged by the stand-in's own reading of CAM."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer import permissions
from deployer.declaration.model import Declaration
from emulator.api.policy import parse
from tests.support.api import APP_ID, REGION, UIN
from tests.support.deployer_stage import CODE, LOGS, declaration


@pytest.fixture
def declared(tmp_path: Path) -> Declaration:
    return declaration(tmp_path)


def _object(bucket: str, key: str) -> str:
    return f"qcs::cos:{REGION}:uid/{APP_ID}:{bucket}/{key}"


def _secret(name: str, creator: str = UIN) -> str:
    return f"qcs::ssm:{REGION}:uin/{UIN}:secret/creatorUin/{creator}/{name}"


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("cos:GetObject", _object(CODE, "in/a.zip"), True),
        ("cos:GetObject", _object(CODE, "out/a.zip"), False),
        ("cos:GetObject", _object(LOGS, "in/a.zip"), False),
        ("cos:PutObject", _object(CODE, "in/a.zip"), False),
        ("ssm:GetSecretValue", _secret("shop-test-shared"), True),
        ("ssm:GetSecretValue", _secret("shop-test-shared", creator="100000000777"), True),
        ("ssm:GetSecretValue", _secret("shop-live-shared"), False),
        ("ssm:PutSecretValue", _secret("shop-test-shared"), False),
        ("tke:DescribeClusterKubeconfig", f"qcs::tke:{REGION}:uin/{UIN}:cluster/cls-1", False),
    ],
)
def test_a_function_may_what_is_declared_and_read_its_secrets(
    declared: Declaration, action: str, resource: str, allowed: bool
) -> None:
    document = permissions.function_policy(declared, declared.functions["web"])
    assert document is not None
    assert parse(permissions.text(document)).verdict(action, resource) == ("allow" if allowed else None)


def test_the_platform_takes_a_function_s_role_and_nobody_else() -> None:
    trusting = parse(permissions.text(permissions.function_trust()), trust=True)
    assert trusting.trusts({"scf.qcloud.com"}) and not trusting.trusts({f"qcs::cam::uin/{UIN}:root"})


def test_the_account_takes_a_declared_role() -> None:
    trusting = parse(permissions.text(permissions.account_trust(UIN)), trust=True)
    assert trusting.trusts({f"qcs::cam::uin/{UIN}:root"}) and not trusting.trusts({"scf.qcloud.com"})


def test_a_document_is_the_same_however_it_is_written() -> None:
    wanted = {"version": "2.0", "statement": [{"effect": "allow", "action": ["a:B", "a:C"], "resource": ["*"]}]}
    assert permissions.same('{"statement":{"resource":"*","action":["a:C","a:B"],"effect":"allow"}}', wanted)
    assert not permissions.same('{"statement":[{"resource":"*","action":["a:C"],"effect":"allow"}]}', wanted)
    assert not permissions.same("no JSON", wanted)


def test_only_who_fetches_a_kubeconfig_goes_into_the_cluster(declared: Declaration) -> None:
    into = {name: permissions.reads_kubeconfig(each.permissions) for name, each in declared.functions.items()}
    assert into == {"web": False, "work": True}
