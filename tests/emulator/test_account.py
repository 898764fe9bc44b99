"""What the account answers about keys and permissions, without the API in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.account import FORGET_AFTER_S, POLICIES, ROLES, SESSIONS, Account, Principal, UnknownRole
from emulator.api.action import ApiError
from emulator.credentials import Credential
from emulator.documents import Documents
from tests.support.api import APP_ID, OWNER, UIN, policy, trust

OBJECT = "qcs::cos:ap-guangzhou:uid/1250000000:logs-1250000000/logs/a.txt"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def account_with(documents: Documents, *policies: dict[str, Any], clock: Clock | None = None) -> Account:
    """An account with the role `worker` (id 7), which has these policies."""
    trusted = json.dumps(trust(service="scf.qcloud.com"))
    role = {"RoleId": "7", "RoleName": "worker", "PolicyDocument": trusted, "policies": list(range(len(policies)))}
    documents.put(ROLES, "worker", role)
    for number, document in enumerate(policies):
        documents.put(POLICIES, str(number), {"PolicyDocument": json.dumps(document)})
    return Account(documents, OWNER, app_id=APP_ID, uin=UIN, clock=clock or Clock())


def worker(account: Account, narrowed: dict[str, Any] | None = None) -> str:
    """The SecretId of a session of the role."""
    session = account.session("worker", 3600, None if narrowed is None else json.dumps(narrowed), name="s1")
    return session.credential.secret_id


def test_owner_may_everything_and_a_stranger_nothing() -> None:
    account = account_with(Documents(None))
    assert account.allows(OWNER.secret_id, "cos:PutObject", OBJECT)
    assert not account.allows("AKIDstranger", "cos:PutObject", OBJECT)
    assert account.find(OWNER.secret_id) == OWNER
    assert account.find("AKIDstranger") is None


def test_session_may_what_the_roles_policies_allow() -> None:
    account = account_with(Documents(None), policy("name/cos:GetObject", OBJECT), policy("tke:*"))
    key = worker(account)
    assert account.allows(key, "cos:GetObject", OBJECT)
    assert account.allows(key, "name/cos:GetObject", OBJECT)
    assert account.allows(key, "tke:DescribeClusters", "*")
    assert not account.allows(key, "cos:PutObject", OBJECT)
    assert not account.allows(key, "cos:GetObject", OBJECT + "2")


def test_deny_beats_allow() -> None:
    refusing = policy("cos:DeleteObject", "qcs::cos:*:uid/*:logs-*/*", "deny")
    account = account_with(Documents(None), policy("cos:*"), refusing)
    key = worker(account)
    assert account.allows(key, "cos:PutObject", OBJECT)
    assert not account.allows(key, "cos:DeleteObject", OBJECT)


def test_session_policy_only_narrows() -> None:
    account = account_with(Documents(None), policy("cos:GetObject", OBJECT))
    key = worker(account, policy(["cos:GetObject", "cos:PutObject"]))
    assert account.allows(key, "cos:GetObject", OBJECT)
    assert not account.allows(key, "cos:PutObject", OBJECT)
    assert not account.allows(worker(account, policy("cos:PutObject")), "cos:GetObject", OBJECT)


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("*", True),
        ("qcs::cos:ap-guangzhou:uid/1250000000:logs-1250000000/logs/*", True),
        ("qcs::cos:::logs-1250000000/*", True),
        ("qcs::cos:ap-*:uid/1250000000:*/a.txt", True),
        ("qcs::cos:ap-beijing:uid/1250000000:logs-1250000000/logs/*", False),
        ("qcs::cos:ap-guangzhou:uid/1250000001:logs-1250000000/logs/*", False),
        ("qcs::cos:ap-guangzhou:uid/1250000000:logs-1250000000/other/*", False),
        ("qcs::ssm:ap-guangzhou:uid/1250000000:logs-1250000000/logs/*", False),
    ],
)
def test_resource_is_judged_part_by_part(pattern: str, covered: bool) -> None:
    account = account_with(Documents(None), policy("cos:GetObject", [pattern]))
    assert account.allows(worker(account), "cos:GetObject", OBJECT) is covered


def test_call_without_resource_level_needs_the_star() -> None:
    account = account_with(Documents(None), policy("ssm:ListSecrets", "qcs::ssm:ap-guangzhou::secret/*"))
    assert not account.allows(worker(account), "ssm:ListSecrets", "*")


def test_session_ends_and_is_forgotten_a_day_later() -> None:
    clock, documents = Clock(), Documents(None)
    account = account_with(documents, policy("*"), clock=clock)
    key = worker(account)
    clock.now += 3600
    assert account.find(key) is None
    assert account.expired(key)
    clock.now += FORGET_AFTER_S + 1
    worker(account)
    assert not account.expired(key)
    assert len(documents.all(SESSIONS)) == 1


def test_session_outlives_a_restart(tmp_path: Path) -> None:
    first = Documents(tmp_path / "d.db")
    credential = account_with(first, policy("*")).session("worker", 60).credential
    first.close()
    again = Account(Documents(tmp_path / "d.db"), OWNER, app_id=APP_ID, uin=UIN, clock=Clock())
    assert again.find(credential.secret_id) == credential


def test_sessions_of_a_deleted_role_are_void() -> None:
    documents = Documents(None)
    account = account_with(documents, policy("*"))
    key = worker(account)
    documents.put(ROLES, "worker", {**(documents.get(ROLES, "worker") or {}), "RoleId": "8"})
    assert account.find(key) is None
    assert not account.allows(key, "cos:GetObject", OBJECT)


def test_keys_are_named() -> None:
    account = account_with(Documents(None))
    user = account.add_user("ann", policy("cos:GetObject"))
    assert account.name_of(OWNER.secret_id) == Principal("owner", "", UIN)
    assert account.name_of(user.secret_id) == Principal("user", "ann", "100000000002")
    assert account.name_of(worker(account)) == Principal("role", "worker", "7", "s1")
    with pytest.raises(KeyError):
        account.name_of("AKIDstranger")


def test_user_may_what_its_policy_allows() -> None:
    account = account_with(Documents(None))
    user = account.add_user("ann", policy("cos:GetObject"))
    assert account.find(user.secret_id) == Credential(user.secret_id, user.secret_key)
    assert account.allows(user.secret_id, "cos:GetObject", OBJECT)
    assert not account.allows(user.secret_id, "cos:PutObject", OBJECT)


def test_unknown_role_has_no_session() -> None:
    with pytest.raises(UnknownRole, match="nobody"):
        account_with(Documents(None)).session("nobody", 60)


def test_trust_policy_says_who_takes_the_role() -> None:
    documents = Documents(None)
    account = account_with(documents)
    key = worker(account)
    assert account.trusts("worker", "scf.qcloud.com")
    assert not account.trusts("worker", "cvm.qcloud.com")
    assert not account.trusts_key("worker", key)
    for qcs in (f"qcs::cam::uin/{UIN}:root", f"qcs::cam::uin/{UIN}:roleName/worker", f"qcs::cam::uin/{UIN}:role/7"):
        documents.put(ROLES, "pods", {"RoleId": "9", "PolicyDocument": json.dumps(trust(qcs=qcs)), "policies": []})
        assert account.trusts_key("pods", key)
    other = json.dumps(trust(qcs="qcs::cam::uin/100000000999:root"))
    documents.put(ROLES, "pods", {"RoleId": "9", "PolicyDocument": other, "policies": []})
    assert not account.trusts_key("pods", key)


def test_trust_for_something_else_than_taking_the_role_is_none() -> None:
    documents = Documents(None)
    account, trusted = account_with(documents), trust(service="scf.qcloud.com")
    trusted["statement"][0]["action"] = ["name/sts:TagSession"]
    documents.put(ROLES, "worker", {"RoleId": "7", "PolicyDocument": json.dumps(trusted), "policies": []})
    assert not account.trusts("worker", "scf.qcloud.com")


def test_session_policy_must_be_one() -> None:
    with pytest.raises(ApiError, match="VersionError"):
        account_with(Documents(None)).session("worker", 60, '{"version": "1", "statement": []}')
