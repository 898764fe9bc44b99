"""Is this request who it says it is, and may it do that? A request in, its credential or a refusal out.

The signature is COS's own (q-sign-*), in the Authorization header or in the query:
https://cloud.tencent.com/document/product/436/7778 and qcloud_cos/cos_auth.py of the SDK.
What an identity may do is the account's business (CAM policies); here it is only asked, in CAM's words.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from emulator.cos.errors import CosError
from emulator.credentials import Credential

TOKEN = "x-cos-security-token"  # noqa: S105
FIELDS = (
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
)


class Accounts(Protocol):
    """The identities of the account, and what their policies allow."""

    def find(self, secret_id: str) -> Credential | None:
        """A valid key pair: the owner's, a user's, or that of a session that has not expired."""
        ...

    def expired(self, secret_id: str) -> bool:
        """Whether this is the key pair of a session that has ended."""
        ...

    def allows(self, secret_id: str, action: str, resource: str) -> bool:
        """`action` such as name/cos:PutObject, `resource` in CAM's six segments."""
        ...


@dataclass(frozen=True)
class Signed:
    """What a signature speaks about. Header names are lower case; `params` is the decoded query without `FIELDS`."""

    method: str
    path: str  # decoded: "/" + key
    headers: Mapping[str, str]
    params: Mapping[str, str]
    signature: Mapping[str, str]  # the fields of FIELDS that were sent


def read_signature(headers: Mapping[str, str], params: Mapping[str, str]) -> dict[str, str]:
    """The signature's fields, from the Authorization header if there is one, else from the query."""
    pairs = dict(pair.partition("=")[::2] for pair in headers.get("authorization", "").split("&"))
    source = pairs if pairs.keys() & set(FIELDS) else params
    return {name: source[name] for name in FIELDS if name in source}


def authenticate(request: Signed, accounts: Accounts, now: float) -> Credential:
    """The credential that signed the request.

    Raises CosError: AccessDenied (no signature, incomplete, expired, wrong token), InvalidAccessKeyId (also for the
    keys of an expired session), RequestTimeTooSkewed (not valid yet), VerifyAlgorithmNotSupported,
    SignatureDoesNotMatch.
    """
    fields = request.signature
    if not fields:
        raise CosError("AccessDenied", "Access Denied.")
    if missing := [name for name in FIELDS if name not in fields]:
        raise CosError("AccessDenied", f"The signature lacks {', '.join(missing)}.")
    if fields["q-sign-algorithm"] != "sha1":
        raise CosError("VerifyAlgorithmNotSupported", "The only signature algorithm is sha1.")
    for name in ("q-sign-time", "q-key-time"):
        _check_time(fields[name], now)
    credential = accounts.find(fields["q-ak"])
    if credential is None:
        # One code for both, as the vendor's diagnosis says: "the SecretId does not exist, or the temporary key has
        # expired" (github.com/tencentyun/cos-go-sdk-v5/issues/318). Only the text tells them apart.
        ended = accounts.expired(fields["q-ak"])
        why = "belongs to a session that has expired" if ended else "does not exist in our records"
        raise CosError("InvalidAccessKeyId", f"The Access Key Id you provided {why}.")
    _check_token(credential, request.headers.get(TOKEN) or request.params.get(TOKEN) or "")
    if not any(_matches(request, credential, host) for host in _hosts(request.headers.get("host", ""))):
        raise CosError("SignatureDoesNotMatch", "The signature we calculated does not match the one you provided.")
    return credential


def authorize(accounts: Accounts, secret_id: str, operation: str, resource: str) -> None:
    """Raises CosError AccessDenied when the identity's policies do not allow the operation on the resource."""
    if not accounts.allows(secret_id, f"name/cos:{operation}", resource):
        raise CosError("AccessDenied", "Access Denied.")


def resource_name(region: str, bucket: str, key: str) -> str:
    """A bucket (empty key) or an object as CAM policies name it; a service-wide operation has no resource, only `*`.

    https://cloud.tencent.com/document/product/436/30580: uid/ is followed by the APPID, which ends the bucket's name.
    """
    if not bucket:
        return "*"
    return f"qcs::cos:{region}:uid/{bucket.rpartition('-')[2]}:{bucket}/{key}"


def _check_time(window: str, now: float) -> None:
    """`window` is "start;end" in seconds since the epoch, both included."""
    match = re.fullmatch(r"(\d{1,12});(\d{1,12})", window, re.ASCII)
    if match is None:
        raise CosError("AccessDenied", "A time of the signature is not of the form start;end.")
    if now < int(match[1]):
        raise CosError("RequestTimeTooSkewed", "The signature is not valid yet.")
    if int(now) > int(match[2]):
        raise CosError("AccessDenied", "Request has expired")


def _check_token(credential: Credential, token: str) -> None:
    if not hmac.compare_digest(token.encode(errors="surrogateescape"), (credential.token or "").encode()):
        raise CosError("AccessDenied", "The security token does not belong to the Access Key Id.")


def _hosts(host: str) -> tuple[str, ...]:
    # The SDK signs the host without its port, unless the caller set a Host header of his own.
    return (host, host.rpartition(":")[0]) if ":" in host else (host,)


def _matches(request: Signed, credential: Credential, host: str) -> bool:
    fields = request.signature
    headers = _chosen({**request.headers, "host": host}, fields["q-header-list"])
    params = _chosen(request.params, fields["q-url-param-list"])
    if headers is None or params is None:
        return False
    text = f"{request.method.lower()}\n{request.path}\n{params}\n{headers}\n"
    digest = hashlib.sha1(text.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
    key = _hmac(credential.secret_key, fields["q-key-time"])
    expected = _hmac(key, f"sha1\n{fields['q-sign-time']}\n{digest}\n")
    return hmac.compare_digest(expected.encode(), fields["q-signature"].encode(errors="surrogateescape"))


def _chosen(sent: Mapping[str, str], names: str) -> str | None:
    """The canonical k=v&k=v of the signed names; None when one of them wasn't sent."""
    encoded = {_encode(name).lower(): _encode(value) for name, value in sent.items()}
    chosen = [name for name in names.split(";") if name]
    if any(name not in encoded for name in chosen):
        return None
    return "&".join(f"{name}={encoded[name]}" for name in sorted(chosen))


def _encode(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(errors="surrogateescape"), hashlib.sha1).hexdigest()
