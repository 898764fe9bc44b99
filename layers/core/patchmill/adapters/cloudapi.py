"""Tencent's API: a service, an action and its parameters in, the answer's fields out; signed with the role's newest
keys.

The SDK's CommonClient signs and sends. It is imported at the first call: 10 ms beside requests, which COS needs anyway,
and 100 ms without (3.10, measured).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from patchmill.credentials import RoleKeys
from patchmill.errors import ApiRefused, Unavailable

if TYPE_CHECKING:
    from tencentcloud.common.common_client import CommonClient

_VERSIONS = {"ssm": "2019-09-23", "sts": "2018-08-13", "tke": "2018-05-25"}
_TRIES = 3
_PAUSE_S = 0.3
_CONNECT_S, _ANSWER_S = 3.0, 5.0
_LATER = ("RequestLimitExceeded", "InternalError", "ClientNetworkError", "ServerNetworkError", "ResourceInsufficient")
"""Codes that a second try may not meet again, with whatever follows their first dot; the two in the middle are the
SDK's.
"""


@dataclass(frozen=True)
class Place:
    """Where the API answers. `endpoint` None: the names inside the platform's network, which need no way out of the
    VPC.
    """

    scheme: str
    endpoint: str | None
    region: str


class Api(Protocol):
    """What those who call need of it."""

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]: ...


class CloudApi:
    """One connection per service is kept; the keys are looked up anew for each request."""

    def __init__(self, place: Place, keys: RoleKeys) -> None:
        self._place, self._keys = place, keys
        self._clients: dict[str, CommonClient] = {}

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        """Every action used here may be repeated. Raises ApiRefused, and Unavailable when nobody answers.

        Throttling and faults of the platform are tried three times within seconds.
        """
        name = f"{service} {action}"
        for turn in range(_TRIES):
            try:
                return self._once(service, action, params)
            except ApiRefused as error:
                if not _passing(error.code) or turn == _TRIES - 1:
                    raise
            except Unavailable:
                if turn == _TRIES - 1:
                    raise
            time.sleep(_PAUSE_S * 2**turn)
        raise Unavailable(f"{name}: no answer")

    def _once(self, service: str, action: str, params: dict[str, Any]) -> dict[str, Any]:
        from tencentcloud.common.exception import TencentCloudSDKException

        name = f"{service} {action}"
        client = self._client(service)
        try:
            answer = client.call_json(action, params)["Response"]
        except TencentCloudSDKException as error:
            if error.code in ("ClientNetworkError", "ServerNetworkError"):
                # Their text is the network library's, or a proxy's page.
                raise Unavailable(f"{name}: no answer") from None
            raise ApiRefused(name, str(error.code), str(error.message), str(error.requestId or "")) from None
        except (ValueError, KeyError, TypeError):
            raise Unavailable(f"{name}: the answer is not the API's") from None
        if "Error" in answer:  # the SDK looks only when the type is just application/json, without a charset
            fault = answer["Error"]
            raise ApiRefused(name, str(fault.get("Code")), str(fault.get("Message")), str(answer.get("RequestId", "")))
        return dict(answer)

    def _client(self, service: str) -> CommonClient:
        from tencentcloud.common.credential import Credential

        keys = self._keys.current
        credential = Credential(keys.secret_id, keys.secret_key, keys.token)
        if service not in self._clients:
            self._clients[service] = _connect(service, credential, self._place)
        self._clients[service].credential = credential
        return self._clients[service]


def _connect(service: str, credential: Any, place: Place) -> CommonClient:
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    http = HttpProfile(
        protocol=place.scheme,
        endpoint=place.endpoint or f"{service}.internal.tencentcloudapi.com",
        reqTimeout=(_CONNECT_S, _ANSWER_S),
    )
    profile = ClientProfile(httpProfile=http, language="en-US", request_client="patchmill")
    return CommonClient(service, _VERSIONS[service], credential, place.region, profile)


def _passing(code: str) -> bool:
    return code.split(".")[0] in _LATER
