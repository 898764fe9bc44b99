"""The one place that talks to Tencent Cloud: a service and an action in, the answer or a CloudError out.

    kind ──▶ Cloud.call ──▶ CommonClient.call_json (TC3) ──▶ <service>.tencentcloudapi.com, or the stage's endpoint
         └─▶ Cloud.cos  ──▶ deployer.objectstore                └─ throttled, broken, no answer: again, later

What is repeated may already have happened: whoever creates something must take "it is there" for an answer.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from deployer import errors
from deployer.declaration.model import Declaration, Endpoint
from deployer.errors import CloudError as CloudError
from deployer.objectstore import ObjectStore
from deployer.retry import Again

Params = dict[str, Any]
Record = Callable[[str, str, Params], None]

# The version of each service's API that the deployer is written against.
VERSIONS = {
    "scf": "2018-04-16",
    "cam": "2019-01-16",
    "sts": "2018-08-13",
    "tke": "2018-05-25",
    "ckafka": "2019-08-19",
    "cls": "2020-10-16",
    "ssm": "2019-09-23",
}
_GLOBAL = {"cam"}  # knows no region: cloud.tencent.com/document/api/598/33159
# A synchronous Invoke is answered within 300 s, or never (InvokeRequest of the SDK).
_CONNECT_S, _TIMEOUT_S, _INVOKE_TIMEOUT_S = 5, 60, 310


@dataclass(frozen=True)
class Keys:
    """Of whoever deploys: permanent, or temporary with a token. No part but the id is ever shown."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if re.search(r"\s", self.secret_id + self.secret_key + self.token):
            raise CloudError("", "", "Credentials.Malformed", "The keys contain blanks or line breaks.")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Keys:
        """Under the names that the SDKs and the vendor's CLI use. Raises CloudError when they are not set."""
        names = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY")
        missing = [name for name in names if not environ.get(name, "").strip()]
        if missing:
            raise CloudError("", "", "Credentials.Missing", f"Not set: {', '.join(missing)}.")
        secret_id, secret_key = (environ[name].strip() for name in names)
        return cls(secret_id, secret_key, environ.get("TENCENTCLOUD_TOKEN", "").strip())


class Cloud:
    """The APIs of one account in one region.

    `record` is called with service, action and parameters before each request, repeated ones too; values of secrets and
    the bytes of packages are left out of what it sees. `again` is how often and after which pauses a call is repeated.
    """

    def __init__(
        self,
        keys: Keys,
        region: str,
        endpoint: Endpoint,
        *,
        record: Record | None = None,
        again: Again | None = None,
    ) -> None:
        self.region = region
        self._keys, self._endpoint = keys, endpoint
        self._record, self._again = record, again or Again()
        self._clients: dict[tuple[str, int], CommonClient] = {}
        # Without a handler of its own, Python prints the SDK's every refused request to standard error.
        logging.getLogger("qcloud_cos").addHandler(logging.NullHandler())

    @classmethod
    def of(
        cls, declaration: Declaration, record: Record | None = None, progress: Callable[[str], None] | None = None
    ) -> Cloud:
        """With the keys of the declaration's environment. Raises CloudError when there are none."""
        keys, again = Keys.read(declaration.environ), Again(told=progress) if progress else Again()
        return cls(keys, declaration.region, declaration.endpoint, record=record, again=again)

    def call(self, service: str, action: str, **params: Any) -> Params:
        """The answer, without its envelope. Raises CloudError when the platform refuses or never answers."""
        return self._again(lambda: self._send(service, action, params))

    def once(self, service: str, action: str, **params: Any) -> Params:
        """The same for what must not happen twice: only what was throttled is sent again."""
        return self._again(lambda: self._send(service, action, params), errors.throttled)

    def _send(self, service: str, action: str, params: Params) -> Params:
        if self._record:
            self._record(service, action, errors.redacted(params))
        try:
            envelope = self._client(service, action).call_json(action, params)
        except TencentCloudSDKException as error:
            raise _refused(service, action, params, error) from None
        except (requests.RequestException, ValueError) as error:  # the answer broke off, or is no JSON
            raise CloudError(service, action, "ClientNetworkError", type(error).__name__) from None
        response: Params = envelope.get("Response") or {}
        if refusal := response.get("Error"):  # the SDK looks only at answers with the very type application/json
            message = errors.masked(refusal["Message"], params)
            raise CloudError(service, action, refusal["Code"], message, response.get("RequestId", ""))
        return response

    def cos(self, bucket: str = "") -> ObjectStore:
        """A bucket by its full name (name-appid); without one, what concerns them all."""
        keys = self._keys
        return ObjectStore(
            bucket,
            keys=(keys.secret_id, keys.secret_key, keys.token),
            region=self.region,
            scheme=self._endpoint.scheme,
            domain=self._endpoint.cos,
            again=self._again,
            record=self._record,
        )

    def account(self) -> tuple[str, str]:
        """App id and uin of the account that the keys belong to."""
        found = self.call("cam", "GetUserAppId")
        return str(found["AppId"]), str(found["OwnerUin"])

    def _client(self, service: str, action: str) -> CommonClient:
        timeout = _INVOKE_TIMEOUT_S if action == "Invoke" else _TIMEOUT_S
        if (service, timeout) not in self._clients:
            self._clients[service, timeout] = self._connect(service, timeout)
        return self._clients[service, timeout]

    def _connect(self, service: str, timeout: int) -> CommonClient:
        http = HttpProfile(
            protocol=self._endpoint.scheme,
            endpoint=self._endpoint.api or None,
            reqTimeout=(_CONNECT_S, timeout),  # as requests takes it, to which the SDK hands it on
            keepAlive=True,
        )
        credential = Credential(self._keys.secret_id, self._keys.secret_key, self._keys.token or None)
        region = "" if service in _GLOBAL else self.region
        return CommonClient(
            service, VERSIONS[service], credential, region, ClientProfile(httpProfile=http, language="en-US")
        )


def _refused(service: str, action: str, params: Params, error: TencentCloudSDKException) -> CloudError:
    message = error.message.decode(errors="replace") if isinstance(error.message, bytes) else str(error.message or "")
    return CloudError(
        service, action, str(error.code or "Unknown"), errors.masked(message, params), str(error.requestId or "")
    )
