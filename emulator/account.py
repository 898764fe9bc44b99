"""Who may do what in the emulated account: credentials, roles' sessions and CAM policies; all stand-ins ask here.

The owner may everything. A user may what its policies allow, a role's session what the role's attached policies allow
and, where it was asked for with a policy, only what that one allows too. Roles and policies are those that the CAM
service (emulator/api/cam.py) keeps in the same Documents; sessions are there too, so presigned URLs outlive a restart.
"""

from __future__ import annotations

import json
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from emulator.api.policy import Policy, parse
from emulator.credentials import Credential
from emulator.documents import Document, Documents

ROLES, POLICIES, USERS, SESSIONS = "cam-role", "cam-policy", "cam-user", "cam-session"
# How long an expired session is still known as expired, before its id is as unknown as any other.
FORGET_AFTER_S = 24 * 3600
_SWEEP_EVERY_S = 600
_LETTERS = string.ascii_letters + string.digits


class UnknownRole(LookupError):
    """There is no role of that name; the text names it."""


@dataclass(frozen=True)
class Principal:
    """Who a key belongs to: `id` is the uin of the owner or a user, the role id of a role's session.

    `name` is that of the user or role, "" for the owner; `session` the name that a role's session was given.
    """

    kind: Literal["owner", "user", "role"]
    name: str
    id: str
    session: str = ""


@dataclass(frozen=True)
class Session:
    """Temporary keys; `expires_at` in seconds since the epoch."""

    credential: Credential
    expires_at: float


class Account:
    """The one account of the emulator. One thread's at a time, like the documents it reads."""

    def __init__(
        self, documents: Documents, owner: Credential, *, app_id: str, uin: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.app_id, self.uin = app_id, uin
        self._documents, self._owner, self._clock = documents, owner, clock
        self._next_sweep = 0.0

    def find(self, secret_id: str) -> Credential | None:
        """The credential with this SecretId, while it is of use: not expired, its role not deleted."""
        if secret_id == self._owner.secret_id:
            return self._owner
        user = self._documents.get(USERS, secret_id)
        if user is not None:
            return Credential(secret_id, user["secret_key"])
        session = self._documents.get(SESSIONS, secret_id)
        if session is None or session["expires_at"] <= self._clock() or self._role(session) is None:
            return None
        return Credential(secret_id, session["secret_key"], session["token"])

    def expired(self, secret_id: str) -> bool:
        """Whether it is that of a session which has ended within the last day."""
        session = self._documents.get(SESSIONS, secret_id)
        return session is not None and session["expires_at"] <= self._clock()

    def name_of(self, secret_id: str) -> Principal:
        """Raises KeyError when the id is unknown."""
        if secret_id == self._owner.secret_id:
            return Principal("owner", "", self.uin)
        user = self._documents.get(USERS, secret_id)
        if user is not None:
            return Principal("user", user["name"], user["uin"])
        session = self._documents.get(SESSIONS, secret_id)
        if session is None:
            raise KeyError("unknown SecretId")
        return Principal("role", session["role_name"], session["role_id"], session["name"])

    def allows(self, secret_id: str, action: str, resource: str) -> bool:
        """`action` like cos:GetObject or name/cos:GetObject; `resource` in six parts (qcs::…), or "*" for none."""
        if secret_id == self._owner.secret_id:
            return True
        user = self._documents.get(USERS, secret_id)
        if user is not None:
            return _allowed(user["policies"], action, resource)
        session = self._documents.get(SESSIONS, secret_id)
        role = None if session is None else self._role(session)
        if session is None or role is None:
            return False
        attached = [found["PolicyDocument"] for found in map(self._policy, role["policies"]) if found is not None]
        if not _allowed(attached, action, resource):
            return False
        return session["policy"] is None or _allowed([session["policy"]], action, resource)

    def arn(self, role_name: str) -> str:
        """How a role is named in a RoleArn: qcs::cam::uin/<uin>:roleName/<name>."""
        return f"qcs::cam::uin/{self.uin}:roleName/{role_name}"

    def has_role(self, role_name: str) -> bool:
        return self._documents.get(ROLES, role_name) is not None

    def trusts(self, role_name: str, service: str) -> bool:
        """Whether a role's trust policy lets a platform service (scf.qcloud.com) take it. Raises UnknownRole."""
        return self._trust(role_name).trusts({service})

    def trusts_key(self, role_name: str, secret_id: str) -> bool:
        """Whether a role's trust policy names whose key it is, or the whole account. Raises UnknownRole, KeyError."""
        who, account = self.name_of(secret_id), f"qcs::cam::uin/{self.uin}"
        names = {f"{account}:root"}
        if who.kind == "role":
            names |= {f"{account}:roleName/{who.name}", f"{account}:role/{who.id}"}
        else:
            names |= {f"{account}:uin/{who.id}"}
        return self._trust(role_name).trusts(names)

    def session(self, role_name: str, seconds: float, policy: str | None = None, *, name: str = "session") -> Session:
        """Temporary keys of a role for so long; nobody is asked whether they may have them. Raises UnknownRole.

        `policy` (a JSON document) narrows them down; ApiError when it is none.
        """
        role = self._documents.get(ROLES, role_name)
        if role is None:
            raise UnknownRole(role_name)
        if policy is not None:
            parse(policy)
        self._forget_old_sessions()
        # Real tokens have up to 4096 bytes; a function's environment holds 4 KB in all, so these are shorter.
        credential = Credential("AKID" + _random(32), _random(32), _random(120))
        expires_at = self._clock() + seconds
        document: Document = {
            "secret_key": credential.secret_key,
            "token": credential.token,
            "role_name": role_name,
            "role_id": role["RoleId"],
            "name": name,
            "policy": policy,
            "expires_at": expires_at,
        }
        self._documents.put(SESSIONS, credential.secret_id, document)
        return Session(credential, expires_at)

    def add_user(self, name: str, policy: Document) -> Credential:
        """A sub-account with permanent keys and this one policy, for tests. Raises ApiError for a bad policy."""
        text = json.dumps(policy)
        parse(text)
        credential = Credential("AKID" + _random(32), _random(32))
        uin = str(int(self.uin) + 1 + len(self._documents.all(USERS)))
        document: Document = {"name": name, "uin": uin, "secret_key": credential.secret_key, "policies": [text]}
        self._documents.put(USERS, credential.secret_id, document)
        return credential

    def _role(self, session: Document) -> Document | None:
        # A role that was deleted and made anew has another id: the old one's sessions are void.
        role = self._documents.get(ROLES, session["role_name"])
        return role if role is not None and role["RoleId"] == session["role_id"] else None

    def _policy(self, policy_id: int) -> Document | None:
        return self._documents.get(POLICIES, str(policy_id))

    def _trust(self, role_name: str) -> Policy:
        role = self._documents.get(ROLES, role_name)
        if role is None:
            raise UnknownRole(role_name)
        return parse(role["PolicyDocument"], trust=True)

    def _forget_old_sessions(self) -> None:
        if self._clock() < self._next_sweep:
            return
        self._next_sweep = self._clock() + _SWEEP_EVERY_S
        for secret_id, session in self._documents.all(SESSIONS).items():
            if session["expires_at"] + FORGET_AFTER_S < self._clock():
                self._documents.delete(SESSIONS, secret_id)


def _allowed(documents: list[str], action: str, resource: str) -> bool:
    verdicts = {parse(document).verdict(action, resource) for document in documents}
    return "allow" in verdicts and "deny" not in verdicts


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
