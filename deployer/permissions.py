"""From the declaration to CAM's policy documents: what a role may do, and who may take the role. Pure.

A function's role carries exactly what the function's own code calls. What the platform does for a function (its network
card in the VPC, its logs to CLS, reading its package, its triggers) it does with its own role SCF_QcsRole, so none of
it is granted here (cloud.tencent.com/document/product/583/32389).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from deployer.declaration.model import Declaration, Function, Permission, Role

Document = dict[str, Any]

FUNCTIONS_SERVICE = "scf.qcloud.com"
_ASSUME = "name/sts:AssumeRole"


def function_policy(declaration: Declaration, function: Function) -> Document | None:
    """Its permissions, and reading the secrets that it names. None: it needs nothing; CAM takes no empty policy."""
    secrets = tuple(_secret(declaration, key) for key in function.secrets)
    reading = [Permission(("ssm:GetSecretValue",), secrets)] if secrets else []
    granted = [*function.permissions, *reading]
    return _policy(granted) if granted else None


def role_policy(role: Role) -> Document:
    return _policy(role.permissions)


def function_trust() -> Document:
    """The platform takes the role for the function."""
    return _trust({"service": [FUNCTIONS_SERVICE]})


def account_trust(uin: str) -> Document:
    """Any identity of the account takes the role, if a policy of its own lets it."""
    return _trust({"qcs": [f"qcs::cam::uin/{uin}:root"]})


def reads_kubeconfig(permissions: Iterable[Permission]) -> bool:
    """Who has these permissions goes into the cluster, which so has a user for it."""
    actions = (action.removeprefix("name/") for each in permissions for action in each.actions)
    return "tke:DescribeClusterKubeconfig" in set(actions)


def text(document: Document) -> str:
    """As it is sent: the same document gives the same text."""
    return json.dumps(document, separators=(",", ":"))


def same(written: str, wanted: Document) -> bool:
    """Whether a document that the platform gives back says the same; it may write it down in another way."""
    try:
        found = json.loads(written)
    except ValueError:
        return False
    return isinstance(found, dict) and _canonical(found) == _canonical(wanted)


def _policy(permissions: Iterable[Permission]) -> Document:
    return {
        "version": "2.0",
        "statement": [
            {"effect": "allow", "action": list(each.actions), "resource": list(each.resources)} for each in permissions
        ],
    }


def _trust(principal: dict[str, list[str]]) -> Document:
    return {"version": "2.0", "statement": [{"action": _ASSUME, "effect": "allow", "principal": principal}]}


def _secret(declaration: Declaration, key: str) -> str:
    """cloud.tencent.com/document/product/1140/40871. Whoever deployed first is its creator: any user of the account."""
    owner, name = declaration.account.uin, declaration.name(key)
    return f"qcs::ssm:{declaration.region}:uin/{owner}:secret/creatorUin/*/{name}"


def _canonical(document: Mapping[str, Any]) -> tuple[str, ...]:
    statements = document.get("statement") or []
    statements = [statements] if isinstance(statements, dict) else statements
    return tuple(sorted(json.dumps(_plain(statement), sort_keys=True) for statement in statements))


def _plain(value: Any) -> Any:
    """One text and a list of one text mean the same, and the order of texts means nothing."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return sorted(str(item) for item in value) if isinstance(value, list) else [str(value)]
