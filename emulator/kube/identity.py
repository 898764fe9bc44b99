"""Who asks: an ASGI scope in, a user and his groups out.

A client certificate of the cluster's authority names its user (common name) and groups (organizations); the bearer
token of the cluster is the administrator's. There are no other users: ServiceAccounts get no tokens here.
"""

from __future__ import annotations

import hmac
import ssl
import time
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

MASTERS = "system:masters"  # the group that may everything, whatever the roles say


@dataclass(frozen=True)
class Identity:
    """A user as RBAC sees him."""

    name: str
    groups: tuple[str, ...]


ADMIN = Identity("kubernetes-admin", (MASTERS, "system:authenticated"))


def identify(scope: Scope, token: str) -> Identity | None:
    """None: nobody we know, be it without any credentials or with bad ones."""
    certificate = scope.get("extensions", {}).get("tls", {}).get("client_cert")
    if certificate and (found := _of_certificate(certificate)):
        return found
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        return None
    scheme, _, secret = given[0].partition(b" ")
    expected = f"Bearer {token}".encode()
    return ADMIN if hmac.compare_digest(scheme.title() + b" " + secret.strip(), expected) else None


def _of_certificate(certificate: dict[str, Any]) -> Identity | None:
    """`certificate` as getpeercert gives it; None when it is not valid at this time."""
    if not _time(certificate["notBefore"]) <= time.time() < _time(certificate["notAfter"]):
        return None
    pairs = [pair for names in certificate["subject"] for pair in names]
    name = next((value for field, value in pairs if field == "commonName"), "")
    groups = [value for field, value in pairs if field == "organizationName"]
    return Identity(name, tuple(dict.fromkeys([*groups, "system:authenticated"]))) if name else None


def _time(text: str) -> int:
    return ssl.cert_time_to_seconds(text)
