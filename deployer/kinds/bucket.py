"""Buckets: private, encrypted, with their lifecycle and CORS rules; part by part, and only the parts that differ.

In: the declaration's buckets. Out: buckets that are as declared. They hold data: the engine asks for their deletion
only when that is wanted in so many words.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from deployer.context import Context
from deployer.declaration.model import Bucket, Cors
from deployer.errors import CloudError
from deployer.kinds.bucketcontent import empty
from deployer.kinds.marks import is_ours, tags
from deployer.model import Change, Foreign, Resource, Step

Document = dict[str, Any]

# Declared nowhere, true always: what an upload that broke off has left behind costs money and is of use to nobody.
ABORT_UPLOADS_AFTER_DAYS = 1
_ABORT_ID = "abort-incomplete-uploads"
ENCRYPTION = "AES256"


class BucketKind:
    """Marked by tags, which COS takes in the very request that makes a bucket (…/document/product/436/7738)."""

    kind = "bucket"

    def __init__(self, context: Context) -> None:
        self._context, self._cloud = context, context.cloud
        self._declaration = context.declaration

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, bucket.name, bucket) for bucket in self._declaration.buckets.values()]

    def compare(self, resource: Resource) -> Step | None:
        if not self._exists(resource.name):
            return Step("create", resource)
        changes = self._changes(resource.want)
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        """Of the account's buckets in this region those that carry our mark and are not declared."""
        declared = {bucket.name for bucket in self._declaration.buckets.values()}
        return [Resource(self.kind, name, None) for name in self._all() if name not in declared and self._is_ours(name)]

    def apply(self, step: Step) -> None:
        bucket: Bucket = step.resource.want
        if not self._exists(bucket.name):
            self._create(bucket.name)
        for change in self._changes(bucket):
            self._put(bucket, change.field)

    def delete(self, resource: Resource) -> None:
        """With all that is in it. What is not ours is left alone."""
        if not self._is_ours(resource.name):
            return
        store = self._cloud.cos(resource.name)
        try:
            empty(store, self._context.progress)
            store.call("delete_bucket")
        except CloudError as error:
            if error.code != "NoSuchBucket":
                raise

    def _create(self, name: str) -> None:
        mark = urlencode(tags(self._declaration))
        try:
            self._cloud.cos(name).call("create_bucket", ACL="private", Tagging=mark)
        except CloudError:  # it may have been made all the same, by this try or by one before
            if not self._exists(name):
                raise

    def _changes(self, bucket: Bucket) -> tuple[Change, ...]:
        store = self._cloud.cos(bucket.name)
        found = {
            "access": _access(store.call("get_bucket_acl")),
            "encryption": _encryption(store.find("get_bucket_encryption")),
            "lifecycle": _lifecycle(store.find("get_bucket_lifecycle")),
            "cors": _cors(store.find("get_bucket_cors")),
        }
        wanted = {
            "access": "private",
            "encryption": ENCRYPTION,
            "lifecycle": _lifecycle(lifecycle(bucket)),
            "cors": _cors(cors(bucket)),
        }
        return tuple(Change(part, found[part], text) for part, text in wanted.items() if found[part] != text)

    def _put(self, bucket: Bucket, part: str) -> None:
        store = self._cloud.cos(bucket.name)
        if part == "access":
            store.call("put_bucket_acl", ACL="private")
        elif part == "encryption":
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": ENCRYPTION}}
            store.call("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rule": [rule]})
        elif part == "lifecycle":
            store.call("put_bucket_lifecycle", LifecycleConfiguration=lifecycle(bucket))
        elif bucket.cors:
            store.call("put_bucket_cors", CORSConfiguration=cors(bucket))
        else:
            store.call("delete_bucket_cors")

    def _tags(self, name: str) -> list[Document] | None:
        """None: there is no such bucket."""
        try:
            found = self._cloud.cos(name).find("get_bucket_tagging") or {}
        except CloudError as error:
            if error.code == "NoSuchBucket":
                return None
            raise
        return list((found.get("TagSet") or {}).get("Tag") or [])

    def _exists(self, name: str) -> bool:
        """Raises Foreign when it is there and not ours."""
        found = self._tags(name)
        if found is not None and not is_ours(found, self._declaration):
            raise Foreign(
                f"The bucket {name} is there and was not made by patchmill-deploy for this service and stage. "
                "Choose another name in serverless.yml; or, if it is meant to be ours, give it the tags "
                + ", ".join(f"{tag}={value}" for tag, value in tags(self._declaration).items())
            )
        return found is not None

    def _is_ours(self, name: str) -> bool:
        found = self._tags(name)
        return found is not None and is_ours(found, self._declaration)

    def _all(self) -> list[str]:
        """The account's buckets in this region, page after page."""
        names: list[str] = []
        marker = ""
        while True:
            page = self._cloud.cos("").call("list_buckets", Marker=marker)
            listed = (page.get("Buckets") or {}).get("Bucket") or []
            names += [each["Name"] for each in listed if each.get("Location") == self._declaration.region]
            if page.get("IsTruncated") != "true" or not listed:
                return names
            marker = page.get("NextMarker") or listed[-1]["Name"]


def lifecycle(bucket: Bucket) -> Document:
    """As the API wants it: one rule for each prefix, and the one for broken uploads."""
    rules: list[Document] = [
        {
            "ID": f"expire-{number}",
            "Status": "Enabled",
            "Filter": {"Prefix": rule.prefix},
            "Expiration": {"Days": rule.days},
        }
        for number, rule in enumerate(bucket.lifecycle, 1)
    ]
    abort = {"DaysAfterInitiation": ABORT_UPLOADS_AFTER_DAYS}
    rules.append(
        {"ID": _ABORT_ID, "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": abort}
    )
    return {"Rule": rules}


def cors(bucket: Bucket) -> Document:
    """As the API wants it."""
    return {"CORSRule": [_cors_rule(number, rule) for number, rule in enumerate(bucket.cors, 1)]}


def _cors_rule(number: int, rule: Cors) -> Document:
    lists = {
        "AllowedOrigin": rule.origins,
        "AllowedMethod": rule.methods,
        "AllowedHeader": rule.headers,
        "ExposeHeader": rule.expose_headers,
    }
    given = {name: list(values) for name, values in lists.items() if values}
    return {"ID": f"rule-{number}", **given, "MaxAgeSeconds": rule.max_age_s}


def _access(found: Document) -> str:
    return str(found.get("CannedACL") or "private").replace("default", "private")


def _encryption(found: Document | None) -> str:
    rules = (found or {}).get("Rule") or []
    first = rules[0] if isinstance(rules, list) and rules else rules or {}
    # The older name of the element is what the SDK's samples and some answers still have.
    applied = first.get("ApplyServerSideEncryptionByDefault") or first.get("ApplySideEncryptionConfiguration") or {}
    return str(applied.get("SSEAlgorithm") or "none")


def _lifecycle(found: Document | None) -> str:
    """One line for people, which says all that we set, and the numbers of whatever else is there."""
    return "; ".join(sorted(_lifecycle_rule(rule) for rule in (found or {}).get("Rule") or [])) or "none"


def _lifecycle_rule(rule: Document) -> str:
    place = ((rule.get("Filter") or {}).get("Prefix") if isinstance(rule.get("Filter"), dict) else None) or "*"
    known = {"ID", "Status", "Filter", "Expiration", "AbortIncompleteMultipartUpload"}
    parts = []
    if "Expiration" in rule:
        parts.append(f"deleted after {(rule['Expiration'] or {}).get('Days')} days")
    if "AbortIncompleteMultipartUpload" in rule:
        days = (rule["AbortIncompleteMultipartUpload"] or {}).get("DaysAfterInitiation")
        parts.append(f"broken uploads removed after {days} day")
    parts += sorted(rule.keys() - known)
    off = "" if rule.get("Status") == "Enabled" else " (off)"
    return f"{place} {', '.join(parts)}{off}"


def _cors(found: Document | None) -> str:
    return "; ".join(_cors_text(rule) for rule in (found or {}).get("CORSRule") or []) or "none"


def _cors_text(rule: Document) -> str:
    def listed(name: str) -> str:
        return ",".join(sorted(rule.get(name) or []))

    return (
        f"{listed('AllowedMethod')} from {listed('AllowedOrigin')}, headers {listed('AllowedHeader') or 'none'}, "
        f"shows {listed('ExposeHeader') or 'none'}, {rule.get('MaxAgeSeconds') or 0} s"
    )
