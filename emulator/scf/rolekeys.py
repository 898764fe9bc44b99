"""The temporary keys that a function runs under: a role's name or ARN in, keys that are valid for some time out."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from emulator.credentials import Credential

SERVICE = "scf.qcloud.com"
"""Who a role must trust to be a function's (cloud.tencent.com/document/product/583/32389)."""
log = logging.getLogger(__name__)


class Session(Protocol):
    @property
    def credential(self) -> Credential: ...

    @property
    def expires_at(self) -> float: ...


class Account(Protocol):
    """What SCF asks the account (emulator/account.py)."""

    def trusts(self, role_name: str, service: str) -> bool:
        """Raises LookupError when there is no such role."""

    def find(self, secret_id: str) -> Credential | None:
        """None when these keys are of no use any more: expired, or their role deleted."""

    def session(self, role_name: str, seconds: float) -> Session:
        """Raises LookupError when there is no such role."""


class RoleKeys:
    """One session per role; it is renewed when half of its time is over, so what a function gets lasts that long."""

    def __init__(self, account: Account, seconds: float) -> None:
        self._account, self._seconds = account, seconds
        self._sessions: dict[str, Session] = {}

    def problem(self, role: str) -> str | None:
        """Why functions cannot run under it, or None. Raises LookupError when there is no such role."""
        if self._account.trusts(role_name(role), SERVICE):
            return None
        return f"the role {role_name(role)} does not trust {SERVICE}"

    def get(self, role: str) -> Credential | None:
        """None without a role, and when it is there no more: the function then runs without keys."""
        name = role_name(role)
        if not name:
            return None
        session = self._sessions.get(name)
        if session is None or not self._good(session):
            try:
                session = self._sessions[name] = self._account.session(name, self._seconds)
            except LookupError:
                log.warning("there is no role %s, which functions run under", name)
                self._sessions.pop(name, None)
                return None
        return session.credential

    def _good(self, session: Session) -> bool:
        """A role that was deleted and made anew voids the keys of the old one."""
        young = session.expires_at - time.time() >= self._seconds / 2
        return young and self._account.find(session.credential.secret_id) is not None


def role_name(role: str) -> str:
    """Of "name" and of "qcs::cam::uin/100000000001:roleName/name"."""
    return role.rpartition("/")[2]
