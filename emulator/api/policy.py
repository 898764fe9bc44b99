"""CAM policies: a JSON document in, statements that can be asked out; what is not evaluated is refused when written.

The grammar is that of https://cloud.tencent.com/document/product/598/10603: version "2.0", statements of effect,
action, resource (or principal, in a role's trust policy). Conditions, permission sets (permid/…) and policy variables
are refused: a policy that would be judged wrongly must not be taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from emulator.api.action import ApiError

Verdict = Literal["allow", "deny"]
# Characters of a policy, blanks not counted; the error code is CAM's, its number was not found in print.
MAX_CHARACTERS = 6144
ASSUME_ROLE = "sts:AssumeRole"
_ACTION = re.compile(r"\*|(name/)?[a-z0-9_]+:[A-Za-z0-9_*]+")
_ACCOUNT = re.compile(r"(ui[nd]/(\d+|\*))?|\*")
_TRUSTED = re.compile(r"qcs::cam::uin/(\d+):(root|uin/\d+|roleName/[\w+=,.@-]+|role/\d+)")


@dataclass(frozen=True)
class Statement:
    """Patterns with `*`. `principals` are service names or qcs descriptions, only in a trust policy."""

    effect: Verdict
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    statements: tuple[Statement, ...]

    def verdict(self, action: str, resource: str) -> Verdict | None:
        """What it says to `action` on `resource`: deny beats allow, None is neither."""
        found = {s.effect for s in self.statements if _covers(s, action, resource)}
        return "deny" if "deny" in found else "allow" if found else None

    def trusts(self, principals: set[str]) -> bool:
        """For a trust policy: whether someone known by any of these names may take the role."""
        taking = (s for s in self.statements if _covers(s, ASSUME_ROLE, "*"))
        found = {s.effect for s in taking if principals.intersection(s.principals)}
        return found == {"allow"}


@lru_cache(maxsize=500)
def parse(document: str, *, trust: bool = False) -> Policy:
    """Raises ApiError with CAM's code for the part that is wrong (InvalidParameter.…)."""
    if len(re.sub(r"\s", "", document)) > MAX_CHARACTERS:
        raise ApiError(
            "InvalidParameter.PolicyDocumentLengthOverLimit", f"a policy has up to {MAX_CHARACTERS} characters"
        )
    try:
        body = json.loads(document)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or set(body) - {"version", "statement"}:
        raise ApiError("InvalidParameter.PolicyDocumentError", "a policy is a JSON object of version and statement")
    if body.get("version") != "2.0":
        raise ApiError("InvalidParameter.VersionError", 'the version of a policy must be "2.0"')
    statements = body.get("statement")
    if not isinstance(statements, list) or not statements or not all(isinstance(s, dict) for s in statements):
        raise ApiError("InvalidParameter.StatementError", "a policy needs a list of statements")
    return Policy(tuple(_statement(s, trust) for s in statements))


def _statement(body: dict[str, Any], trust: bool) -> Statement:
    if "condition" in body:
        raise ApiError("InvalidParameter.ConditionError", "conditions are not evaluated by this stand-in")
    if unknown := sorted(set(body) - {"effect", "action", "resource", "principal"}):
        raise ApiError("InvalidParameter.StatementError", f"unknown element {unknown[0]} in a statement")
    if body.get("effect") not in ("allow", "deny"):
        raise ApiError("InvalidParameter.EffectError", "the effect must be allow or deny")
    if "action" not in body:
        raise ApiError("InvalidParameter.ActionMiss", "a statement needs an action")
    actions = _texts(body["action"], "ActionError", "action")
    if wrong := [a for a in actions if not _ACTION.fullmatch(a)]:
        raise ApiError("InvalidParameter.ActionError", f"{wrong[0]} is no action like scf:GetFunction")
    if trust:
        if "resource" in body:
            raise ApiError("InvalidParameter.ResourceError", "a trust policy has no resource")
        return Statement(body["effect"], actions, ("*",), tuple(_principals(body.get("principal"))))
    if "principal" in body:
        raise ApiError("InvalidParameter.PrincipalError", "only the trust policy of a role has a principal")
    return Statement(body["effect"], actions, tuple(_resources(body.get("resource"))), ())


def _texts(value: Any, code: str, what: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise ApiError(f"InvalidParameter.{code}", f"{what} must be a text or a list of texts")
    return tuple(texts)


def _resources(value: Any) -> Iterator[str]:
    for resource in _texts(value, "ResourceError", "resource"):
        parts = resource.split(":", 5)
        if resource != "*" and (parts[0] != "qcs" or len(parts) != 6):
            raise ApiError(
                "InvalidParameter.ResourceQcsError", f"{resource} is not of six parts, qcs::service:region:account:…"
            )
        if resource != "*" and not _ACCOUNT.fullmatch(parts[4]):
            raise ApiError(
                "InvalidParameter.ResourceUinError", f"the account in {resource} is not like uin/100000000001"
            )
        if resource != "*" and not (parts[2] and parts[5] and "${" not in parts[5]):
            raise ApiError("InvalidParameter.ResourceContentError", f"{resource} names no service or no resource")
        yield resource


def _principals(value: Any) -> Iterator[str]:
    if not isinstance(value, dict) or not value or set(value) - {"service", "qcs"}:
        raise ApiError("InvalidParameter.PrincipalError", "a trust policy needs a principal of service or qcs")
    yield from _texts(value.get("service", ["-"]), "PrincipalError", "service")
    for qcs in _texts(value.get("qcs", ["-"]), "PrincipalQcsError", "qcs"):
        if qcs != "-" and not _TRUSTED.fullmatch(qcs):
            raise ApiError("InvalidParameter.PrincipalQcsError", f"{qcs} is no principal like qcs::cam::uin/1000:root")
        yield qcs


def _covers(statement: Statement, action: str, resource: str) -> bool:
    action = action.removeprefix("name/")
    return any(_pattern(a.removeprefix("name/")).fullmatch(action) for a in statement.actions) and any(
        _within(pattern, resource) for pattern in statement.resources
    )


def _within(pattern: str, resource: str) -> bool:
    """Part by part; an empty project, region or account means every one: a policy only reaches its own account."""
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 5), resource.split(":", 5)
    if len(given) != 6:
        return False  # what has no resource level is only granted on "*"
    open_parts = (1, 3, 4)
    return all(
        (w == "" and i in open_parts) or bool(_pattern(w).fullmatch(g))
        for i, (w, g) in enumerate(zip(wanted, given, strict=True))
    )


@lru_cache(maxsize=2000)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)
