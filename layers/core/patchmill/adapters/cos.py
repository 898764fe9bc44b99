"""COS through cos-python-sdk-v5: one client per bucket, with our own errors, and presigned URLs that carry the token.

The SDK's `Domain` takes the bucket's place in the URL, so a client of another endpoint than the vendor's knows just one
bucket; presigned URLs lack the session token unless it is given (cloud.tencent.com/document/product/436/31548).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

from patchmill.credentials import CloudKeys, RoleKeys
from patchmill.errors import Unavailable
from patchmill.settings import Settings

if TYPE_CHECKING:
    from qcloud_cos import CosS3Client

_TIMEOUT_S = 10
_READS = {"head_object", "get_object", "copy_object"}  # for these alone an absent object is an answer


@dataclass(frozen=True)
class Head:
    """What COS says of an object. `meta` holds its x-cos-meta-* headers, lower case, without the prefix."""

    size: int
    etag: str
    modified: str
    meta: dict[str, str]


class Bucket:
    """One bucket. Every method raises Unavailable when COS does not answer or refuses our keys."""

    def __init__(self, name: str, settings: Settings, keys: RoleKeys) -> None:
        self.name = name
        self._settings, self._keys = settings, keys
        self._made: tuple[CloudKeys, CosS3Client] | None = None

    @property
    def _client(self) -> CosS3Client:
        """A client with the role's newest keys. The SDK's connections are shared by all clients, so a new one costs
        little.
        """
        keys = self._keys.current
        if self._made is None or self._made[0] != keys:
            self._made = keys, self._client_of(keys)
        return self._made[1]

    def _client_of(self, keys: CloudKeys) -> CosS3Client:
        from qcloud_cos import CosConfig, CosS3Client

        settings = self._settings
        config = CosConfig(
            Region=settings.cos_region,
            SecretId=keys.secret_id,
            SecretKey=keys.secret_key,
            Token=keys.token,
            Scheme=settings.cos_scheme,
            Timeout=_TIMEOUT_S,
            Domain=settings.cos_domain.replace("{bucket}", self.name) if settings.cos_domain else None,
        )
        return CosS3Client(config, retry=1)

    def head(self, key: str) -> Head | None:
        """None when there is no such object."""
        found = self._call("head_object", Key=key)
        if found is None:
            return None
        lower = {k.lower(): v for k, v in found.items()}
        prefix = "x-cos-meta-"
        meta = {k.removeprefix(prefix): v for k, v in lower.items() if k.startswith(prefix)}
        return Head(int(lower["content-length"]), lower["etag"].strip('"'), lower.get("last-modified", ""), meta)

    def get(self, key: str, max_bytes: int, offset: int = 0) -> bytes | None:
        """At most `max_bytes` from `offset`; b"" behind the end, None when there is no such object."""
        found = self._call("get_object", Key=key, Range=f"bytes={offset}-{offset + max_bytes - 1}")
        if found is None:
            return None
        try:
            return b"" if found is _PAST_END else bytes(found["Body"].get_raw_stream().read(max_bytes))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable("COS get_object: the answer broke off") from error

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self._call("put_object", Key=key, Body=body, ContentType=content_type)

    def put_json(self, key: str, value: dict[str, Any]) -> None:
        self.put(key, json.dumps(value, ensure_ascii=False, indent=2).encode(), "application/json")

    def copy(self, source: str, target: str) -> bool:
        """Copy within the bucket, on the server; False when there is no source."""
        place = {"Bucket": self.name, "Key": source, "Region": self._settings.cos_region}
        return self._call("copy_object", Key=target, CopySource=place) is not None

    def stored(self, prefix: str) -> dict[str, tuple[int, str]]:
        """Name below the prefix → (size, ETag). One page of up to 1,000 is all that an attempt can have."""
        found = self._call("list_objects", Prefix=prefix, MaxKeys=1000) or {}
        return {
            entry["Key"].removeprefix(prefix): (int(entry["Size"]), entry["ETag"].strip('"'))
            for entry in found.get("Contents", [])
        }

    def presign(
        self,
        method: str,
        key: str,
        seconds: int,
        headers: dict[str, str] | None = None,
        signer: CloudKeys | None = None,
    ) -> str:
        """A URL for one verb on one key, signed with the role's keys: good for minutes, for they may end any time.

        `headers` are bound: the client has to send the same ones. `signer`: other keys, for a URL that lives as long
        as they.
        """
        client = self._client_of(signer) if signer else self._client
        token = (signer or self._keys.current).token
        return str(
            client.get_presigned_url(
                Bucket=self.name,
                Key=key,
                Method=method,
                Expired=seconds,
                Params={"x-cos-security-token": token} if token else {},
                Headers=dict(headers or {}),  # the SDK writes its own Authorization into what it is given
            )
        )

    def _call(self, verb: str, **arguments: Any) -> Any:
        from qcloud_cos.cos_exception import CosClientError, CosServiceError

        try:
            return getattr(self._client, verb)(Bucket=self.name, **arguments)
        except CosServiceError as error:
            if error.get_status_code() == 404 and error.get_error_code() != "NoSuchBucket" and verb in _READS:
                return None
            if error.get_status_code() == 416:
                return _PAST_END
            raise Unavailable(f"COS {verb}: {error.get_status_code()} {error.get_error_code()}") from None
        except CosClientError as error:
            raise Unavailable(f"COS {verb}: no answer") from error


_PAST_END = object()


class RangeFile:
    """A seekable, read-only file over an object, for zipfile: reads ranges, and at most `budget` bytes in all."""

    def __init__(self, bucket: Bucket, key: str, size: int, budget: int) -> None:
        self._bucket, self._key, self._size, self._budget = bucket, key, size, budget
        self._position = 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self._position, self._size)[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, count: int = -1) -> bytes:
        """Raises ValueError when the budget is used up."""
        left = max(0, self._size - self._position)
        wanted = left if count < 0 else min(count, left)
        if wanted == 0:
            return b""
        self._budget -= wanted
        if self._budget < 0:
            raise ValueError("the archive's directory is too large")
        data = self._bucket.get(self._key, wanted, self._position) or b""
        self._position += len(data)
        return data
