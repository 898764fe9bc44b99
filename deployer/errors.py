"""What went wrong in the cloud: the one exception of all calls, which of them pass by themselves, and no secret in any.

What a code means to people, and what they can do, is in deployer.advice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_SECRET_PARAMS = ("SecretString", "SecretBinary")
_LONG_PARAMS = ("ZipFile",)
_SHORTEST_MASKED = 4  # characters: masking a shorter one would garble the message, and hide nothing


class CloudError(Exception):
    """A call that the platform refused, or never answered. Its texts hold no secret."""

    def __init__(self, service: str, action: str, code: str, message: str, request_id: str = "") -> None:
        self.service, self.action, self.code = service, action, code
        self.message, self.request_id = message, request_id
        call = f"{service} {action}: " if service else ""
        super().__init__(f"{call}{code}: {message}" + (f" (RequestId {request_id})" if request_id else ""))


# What passes by itself. Codes: errorcodes.py of the SDK's services; COS: cloud.tencent.com/document/api/436/7730.
_PASSING = (
    "InternalError", "InternalServerError", "ClientNetworkError", "ServerNetworkError",
    "LimitExceeded.IndexOperating", "FailedOperation.TopicCreating", "FailedOperation.TagConcurrentConflict",
    "FailedOperation.Timeout",
    "ServiceUnavailable", "SlowDown", "Http5", "RequestTimeout", "OperationAborted",
    "Kubernetes.NoAnswer", "Kubernetes.Busy",
)  # fmt: skip
# Called internal errors by the platform, and yet they stay.
_LASTING = tuple(
    f"InternalError.{name}"
    for name in (
        "CamNoAuth", "ClusterNotFound", "Param", "NotVerified", "NoPaymentAccess", "InsufficientBalance",
        "TradeInsufficientBalance", "IllegalRole", "PublicClusterOpNotSupport",
    )
)  # fmt: skip


def passing(code: str) -> bool:
    """Throttling, a fault of the platform, no answer: worth another try."""
    return code not in _LASTING and (throttled(code) or code.startswith(_PASSING))


def throttled(code: str) -> bool:
    """Refused before anything was done, and only for now."""
    often = code.startswith("LimitExceeded.") and "Frequency" in code
    return often or code.startswith("RequestLimitExceeded") or code.endswith("QpsLimit")


def missing(error: CloudError) -> bool:
    """The platform says that what was named is not there: each service in its own words."""
    return error.code.startswith(("ResourceNotFound", "NoSuch")) or error.code.endswith(("NotExist", "NotFound"))


def redacted(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters for a record: without secrets and without the bytes of packages; types stay."""
    return {name: _redacted(name, value) for name, value in params.items()}


def masked(message: str, params: Mapping[str, Any]) -> str:
    """The platform's message; a secret of the request that it repeats is blotted out."""
    for secret in sorted(set(_secrets(params)), key=len, reverse=True):
        message = message.replace(secret, "(secret)")
    return message


def _redacted(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return redacted(value)
    if isinstance(value, list):
        return [_redacted(name, item) for item in value]
    if name in _SECRET_PARAMS:
        return "(secret)"
    return f"({len(value)} characters)" if name in _LONG_PARAMS else value


def _secrets(params: Mapping[str, Any]) -> Iterator[str]:
    for name in _SECRET_PARAMS:
        text = params.get(name)
        if not isinstance(text, str):
            continue
        yield text
        try:
            values = json.loads(text)
        except ValueError:
            continue
        if isinstance(values, dict):
            yield from (v for v in values.values() if isinstance(v, str) and len(v) >= _SHORTEST_MASKED)
