"""Who calls: a bearer key in, the tenant out. Keys are known by their SHA-256 and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac

import falcon

from patchmill.settings import ApiKey
from submit.problems import Problem


def caller(request: falcon.Request, keys: tuple[ApiKey, ...]) -> ApiKey:
    """Raises Problem 401. Every key is compared, so that the time says nothing about which one matched."""
    scheme, _, token = (request.get_header("Authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(401, "Send your API key as 'Authorization: Bearer <key>'.", headers=_CHALLENGE)
    digest = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
    found = [key for key in keys if hmac.compare_digest(key.sha256, digest)]
    if not found:
        raise Problem(401, "This API key is not known.", headers=_CHALLENGE)
    return found[0]


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="patchmill"'}
