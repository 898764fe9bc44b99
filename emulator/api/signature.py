"""TC3-HMAC-SHA256: a request's headers and body in, whose key signed it out; or the platform's refusal.

As https://cloud.tencent.com/document/api/598/33159 describes it and tencentcloud-sdk-python signs it: the method, path,
query, the headers that the Authorization header lists (content-type and host at least) and the body's SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Protocol

from emulator.api.action import ApiError
from emulator.credentials import Credential

# "The timestamp may differ from the server's by up to five minutes" (same page).
MAX_SKEW_S = 300
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/,\s]+)/(\d{4}-\d\d-\d\d)/([a-z0-9]+)/tc3_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


class Keys(Protocol):
    """Where the secret keys are found (emulator.account.Account)."""

    def find(self, secret_id: str) -> Credential | None: ...

    def expired(self, secret_id: str) -> bool: ...


@dataclass(frozen=True)
class Request:
    """What was sent; header names in lower case. The repr shows neither headers nor body: both may hold secrets."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Signer:
    """Whose key signed, and for which service."""

    secret_id: str
    service: str


def verify(request: Request, keys: Keys, *, now: float | None = None) -> Signer:
    """Raises ApiError with one of the platform's AuthFailure codes."""
    authorization = request.headers.get("authorization")
    if not authorization:
        raise ApiError("AuthFailure.InvalidAuthorization", "The request has no Authorization header.")
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise ApiError("AuthFailure.InvalidAuthorization", "The Authorization header is not of TC3-HMAC-SHA256's form.")
    secret_id, date, service, signed, signature = match.groups()
    timestamp = _timestamp(request, date, time.time() if now is None else now)
    credential = _credential(request, keys, secret_id)
    names = signed.split(";")
    if not {"content-type", "host"} <= set(names) or names != sorted(names):
        raise ApiError("AuthFailure.SignatureFailure", "SignedHeaders must list content-type and host, in order.")
    expected = _sign(credential.secret_key, date, service, timestamp, _canonical(request, names))
    if not hmac.compare_digest(expected, signature):
        raise ApiError(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated. Please check your signature is correct.",
        )
    return Signer(secret_id, service)


def _timestamp(request: Request, date: str, now: float) -> str:
    timestamp = request.headers.get("x-tc-timestamp", "")
    if not re.fullmatch(r"\d{1,12}", timestamp):
        raise ApiError("MissingParameter", "The request is missing a required parameter `Timestamp`.")
    if abs(now - int(timestamp)) > MAX_SKEW_S:
        raise ApiError("AuthFailure.SignatureExpire", f"The signature is of more than {MAX_SKEW_S} s ago or ahead.")
    if datetime.fromtimestamp(int(timestamp), timezone.utc).strftime("%Y-%m-%d") != date:
        raise ApiError("AuthFailure.SignatureFailure", "The date of the credential is not that of the timestamp.")
    return timestamp


def _credential(request: Request, keys: Keys, secret_id: str) -> Credential:
    if keys.expired(secret_id):
        raise ApiError("AuthFailure.TokenFailure", "The token has expired.")
    credential = keys.find(secret_id)
    if credential is None:
        raise ApiError("AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that it is correct.")
    token = request.headers.get("x-tc-token", "")
    if not hmac.compare_digest((credential.token or "").encode(), token.encode()):
        raise ApiError("AuthFailure.TokenFailure", "The token is missing or is not that of the SecretId.")
    return credential


def _canonical(request: Request, names: list[str]) -> str:
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    body = hashlib.sha256(request.body).hexdigest()
    return "\n".join((request.method, request.path, request.query, headers, ";".join(names), body))


def _sign(secret_key: str, date: str, service: str, timestamp: str, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{timestamp}\n{date}/{service}/tc3_request\n{digest}"
    key = f"TC3{secret_key}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
