"""What has become too old: the lifecycle rules of all buckets and the time in, the removed objects out.

COS does this once a day, around midnight; here whoever runs the emulator calls `expire`. Age counts from the last
change to the moment of the call (COS rounds up to the next midnight). Removals raise no events.
"""

from __future__ import annotations

from typing import Any

from emulator.cos import uploads
from emulator.cos.errors import CosError
from emulator.cos.store import Store

_DAY_MS = 86_400_000


def expire(store: Store, now_ms: int) -> list[tuple[str, str]]:
    """Blocking. Remove expired objects and abandoned multipart uploads; (bucket, key) of each one."""
    removed = []
    for bucket, _ in store.buckets():
        for _, content in store.setting(bucket, "lifecycle") or []:
            rule: dict[str, Any] = dict(content)
            if rule["Status"] == "Enabled":
                removed += _apply(store, bucket, rule, now_ms)
    return removed


def _apply(store: Store, bucket: str, rule: dict[str, Any], now_ms: int) -> list[tuple[str, str]]:
    prefix, removed = dict(rule["Filter"])["Prefix"], []
    if "Expiration" in rule:
        limit = now_ms - int(dict(rule["Expiration"])["Days"]) * _DAY_MS
        for key in store.keys_before(bucket, prefix, limit):
            store.delete(bucket, key)
            removed.append((bucket, key))
    if "AbortIncompleteMultipartUpload" in rule:
        limit = now_ms - int(dict(rule["AbortIncompleteMultipartUpload"])["DaysAfterInitiation"]) * _DAY_MS
        removed += [(bucket, key) for key in _abort(store, bucket, prefix, limit)]
    return removed


def _abort(store: Store, bucket: str, prefix: str, limit: int) -> list[str]:
    aborted, after, more = [], ("", ""), True
    while more:
        found, more = uploads.unfinished(store, bucket, prefix, after, 1000)
        for upload in found:
            after = (upload.key, upload.id)
            if upload.started <= limit:
                try:
                    uploads.abort(store, bucket, upload.key, upload.id)
                except CosError:  # completed or aborted in between
                    continue
                aborted.append(upload.key)
    return aborted
