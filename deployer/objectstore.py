"""COS through cos-python-sdk-v5, with the deployer's own errors and repetitions. Used by deployer.cloud alone.

The SDK's `Domain` takes the bucket's place in the URL, so a client of another endpoint than the vendor's knows just one
bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import requests
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosClientError, CosServiceError

from deployer.errors import CloudError
from deployer.retry import Again

_TIMEOUT_S = 60


class ObjectStore:
    """One bucket. Every method raises CloudError with COS's code; `service` is cos, `action` the SDK's verb."""

    def __init__(
        self,
        bucket: str,
        *,
        keys: tuple[str, str, str],
        region: str,
        scheme: str,
        domain: str,
        again: Again,
        record: Callable[[str, str, dict[str, Any]], None] | None,
    ) -> None:
        self.bucket = bucket
        self._keys, self._region, self._scheme, self._domain = keys, region, scheme, domain
        self._again, self._record = again, record

    def call(self, verb: str, **arguments: Any) -> Any:
        """A method of CosS3Client on this bucket."""
        if self.bucket:
            arguments = {"Bucket": self.bucket, **arguments}
        return self._again(lambda: self._once(verb, arguments))

    def find(self, verb: str, **arguments: Any) -> Any:
        """The same; None when what is asked for is not there. A missing bucket is still an error: NoSuchBucket."""
        try:
            return self.call(verb, **arguments)
        except CloudError as error:
            if error.code.startswith("NoSuch") and error.code != "NoSuchBucket":
                return None
            raise

    def put_object(self, **arguments: Any) -> Any:
        """Write an object: Key, and Body as bytes or as an open file, which is read anew for each try."""
        return self.call("put_object", **arguments)

    def delete_object(self, **arguments: Any) -> Any:
        """No error when there is no such object."""
        return self.call("delete_object", **arguments)

    def _once(self, verb: str, arguments: dict[str, Any]) -> Any:
        if self._record:
            self._record("cos", verb, {name: value for name, value in arguments.items() if name != "Body"})
        body = arguments.get("Body")
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        try:
            return getattr(self._client, verb)(**arguments)
        except CosServiceError as error:
            raise _refused(verb, error) from None
        except CosClientError as error:
            raise CloudError("cos", verb, "ClientNetworkError", str(error)[:300]) from None
        except requests.RequestException as error:
            raise CloudError("cos", verb, "ClientNetworkError", type(error).__name__) from None

    @cached_property
    def _client(self) -> CosS3Client:
        secret_id, secret_key, token = self._keys
        config = CosConfig(
            Region=self._region,
            SecretId=secret_id,
            SecretKey=secret_key,
            Token=token or None,
            Scheme=self._scheme,
            Timeout=_TIMEOUT_S,
            Domain=self._domain.replace("{bucket}", self.bucket) if self._domain and self.bucket else None,
            ServiceDomain=self._domain.replace("{bucket}", "").strip("./") if self._domain else None,
        )
        return CosS3Client(config, retry=0)  # the repetitions are ours


def _refused(verb: str, error: CosServiceError) -> CloudError:
    digest = error.get_digest_msg()
    known = digest if isinstance(digest, dict) else {}
    status = error.get_status_code()
    code = str(known.get("code") or f"Http{status}")
    return CloudError(
        "cos", verb, code, str(known.get("message") or f"Status {status}."), str(known.get("requestid", ""))
    )
