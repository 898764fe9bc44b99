"""Emptying a bucket before it is deleted: every version of every object, then the uploads that were never completed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deployer.errors import CloudError
from deployer.objectstore import ObjectStore

_PAGE = 1000  # the most that one request deletes: cloud.tencent.com/document/product/436/8289


def empty(store: ObjectStore, progress: Callable[[str], None]) -> None:
    """Raises CloudError, NoSuchBucket too; what was deleted until then is gone, and a second run goes on."""
    removed = 0
    while page := _versions(store):
        answer = store.call("delete_objects", Delete={"Quiet": "true", "Object": page}) or {}
        if refused := answer.get("Error"):
            first = refused[0]
            raise CloudError("cos", "delete_objects", str(first.get("Code")), str(first.get("Message")))
        removed += len(page)
        progress(f"bucket {store.bucket}: {removed} objects deleted")
    while uploads := (store.call("list_multipart_uploads", MaxUploads=_PAGE) or {}).get("Upload") or []:
        for upload in uploads:
            _abort(store, upload)


def _versions(store: ObjectStore) -> list[dict[str, Any]]:
    """A page of what is there, each with its version where the bucket keeps versions."""
    try:
        found = store.call("list_objects_versions", MaxKeys=_PAGE) or {}
    except CloudError as error:
        if error.code not in ("NotImplemented", "MethodNotAllowed"):  # an object store without versions
            raise
        found = store.call("list_objects", MaxKeys=_PAGE) or {}
    listed = [*(found.get("Version") or []), *(found.get("DeleteMarker") or []), *(found.get("Contents") or [])]
    return [_named(each) for each in listed[:_PAGE]]


def _named(entry: dict[str, Any]) -> dict[str, Any]:
    version = entry.get("VersionId")
    return {"Key": entry["Key"], **({"VersionId": version} if version and version != "null" else {})}


def _abort(store: ObjectStore, upload: dict[str, Any]) -> None:
    try:
        store.call("abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
    except CloudError as error:
        if error.code != "NoSuchUpload":
            raise
