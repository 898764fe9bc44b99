"""Secrets Manager's API: secrets and their versions v1, v2 …; the newest is the one with the highest number."""

from __future__ import annotations

import hmac
import re
from typing import Any

from deployer.context import Context
from deployer.errors import CloudError, missing

Document = dict[str, Any]

PENDING = "PendingDelete"
MAX_VERSIONS = 10  # of one secret: cloud.tencent.com/document/api/1140/40518
_PAGE = 100
_VERSION = re.compile(r"v(\d+)")


class Ssm:
    """What is read is not remembered: it is asked for again after each change."""

    def __init__(self, context: Context) -> None:
        self._cloud = context.cloud

    def call(self, action: str, **params: Any) -> Document:
        return self._cloud.call("ssm", action, **params)

    def find(self, name: str) -> Document | None:
        try:
            return self.call("DescribeSecret", SecretName=name)
        except CloudError as error:
            if missing(error):
                return None
            raise

    def all(self, prefix: str) -> list[Document]:
        """Those whose name begins so."""
        found: list[Document] = []
        while True:
            answer = self.call("ListSecrets", SearchSecretName=prefix, Offset=len(found), Limit=_PAGE)
            page = answer.get("SecretMetadatas") or []
            found += page
            if not page or len(found) >= int(answer.get("TotalCount") or 0):
                return [each for each in found if str(each["SecretName"]).startswith(prefix)]

    def newest(self, name: str) -> str:
        """Empty: there is none of ours."""
        return (self._versions(name) or [""])[-1]

    def value(self, name: str, version: str) -> str:
        return str(self.call("GetSecretValue", SecretName=name, VersionId=version).get("SecretString") or "")

    def put(self, name: str, text: str) -> str:
        """A new version that holds the text; its name. The oldest make room where there are too many."""
        versions = self._versions(name)
        for old in versions[: max(0, len(versions) - MAX_VERSIONS + 1)]:
            self._gone("DeleteSecretVersion", SecretName=name, VersionId=old)
        version = after(versions[-1] if versions else "")
        try:
            self.call("PutSecretValue", SecretName=name, VersionId=version, SecretString=text)
        except CloudError as error:
            # It may have been made all the same, by a try whose answer was lost.
            if error.code != "ResourceInUse.VersionIdExists":
                raise
            if not hmac.compare_digest(self.value(name, version).encode(), text.encode()):
                raise
        return version

    def restore(self, name: str) -> None:
        """Take back a deletion that is only scheduled; afterwards the secret is disabled."""
        try:
            self.call("RestoreSecret", SecretName=name)
        except CloudError:  # it may have been restored all the same
            if self._status(name) == PENDING:
                raise

    def delete(self, name: str) -> None:
        """At once. Only a disabled secret can be deleted, and one that waits for its deletion has to come back."""
        if self._status(name) == PENDING:
            self.restore(name)
        if self._status(name) == "Enabled":
            self._gone("DisableSecret", SecretName=name)
        self._gone("DeleteSecret", SecretName=name, RecoveryWindowInDays=0)

    def _gone(self, action: str, **params: Any) -> None:
        try:
            self.call(action, **params)
        except CloudError as error:
            if not missing(error):
                raise

    def _status(self, name: str) -> str:
        return str((self.find(name) or {}).get("Status") or "")

    def _versions(self, name: str) -> list[str]:
        """Ours, oldest first."""
        listed = self.call("ListSecretVersionIds", SecretName=name).get("Versions") or []
        ours = (str(each["VersionId"]) for each in listed)
        return sorted((version for version in ours if _VERSION.fullmatch(version)), key=_number)


def _number(version: str) -> int:
    found = _VERSION.fullmatch(version)
    return int(found[1]) if found else 0


def after(version: str) -> str:
    """The name of the version that follows."""
    return f"v{_number(version) + 1}"
