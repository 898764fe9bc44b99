"""Secrets Manager: named secrets with versions, what the functions read at a cold start.

As https://cloud.tencent.com/document/api/1140 and the texts of the SDK's models describe it. Only custom secrets
(SecretType 0); nothing is encrypted: the documents lie in the emulator's own folder, which only its user can read.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping

from emulator.account import Account
from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.fields import named, number, one_of, refuse, tags
from emulator.documents import Document, Documents

SECRETS = "ssm-secret"
NAME, VERSION = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
MAX_SECRETS, MAX_VERSIONS, MAX_BYTES, MAX_DESCRIPTION, MAX_TAGS = 1000, 10, 32 * 1024, 2048, 50
DAY_S = 24 * 3600
_STATES = {1: "Enabled", 2: "Disabled", 3: "PendingDelete", 4: "PendingCreate", 5: "CreateFailed"}


class Ssm:
    name = "ssm"
    version = "2019-09-23"

    def __init__(
        self, documents: Documents, account: Account, region: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._documents, self._account, self._region, self._clock = documents, account, region, clock

    @property
    def actions(self) -> Mapping[str, Action]:
        return {
            # https://cloud.tencent.com/document/product/1140/40871: these two have no resource level.
            "CreateSecret": Action(self._create),
            "ListSecrets": Action(self._list),
            "DescribeSecret": Action(self._describe, self._resource),
            "ListSecretVersionIds": Action(self._list_versions, self._resource),
            "GetSecretValue": Action(self._get_value, self._resource),
            "PutSecretValue": Action(self._put_value, self._resource),
            "UpdateSecret": Action(self._update, self._resource),
            "UpdateDescription": Action(self._update_description, self._resource),
            "DeleteSecretVersion": Action(self._delete_version, self._resource),
            "EnableSecret": Action(self._enable, self._resource),
            "DisableSecret": Action(self._disable, self._resource),
            "DeleteSecret": Action(self._delete, self._resource),
            "RestoreSecret": Action(self._restore, self._resource),
        }

    def _resource(self, params: Params) -> str:
        secret = self._documents.get(SECRETS, params["SecretName"])
        creator = secret["creator"] if secret else self._account.uin
        uin, name = self._account.uin, params["SecretName"]
        return f"qcs::ssm:{self._region}:uin/{uin}:secret/creatorUin/{creator}/{name}"

    async def _create(self, call: Call, params: Params) -> Params:
        refuse(params, "KmsKeyId", "AdditionalConfig", "KmsHsmClusterId", "EncryptType")
        one_of(params, "SecretType", (0,), 0)
        name = named(params, "SecretName", NAME)
        version_id = named({"VersionId": "SSM_Current", **params}, "VersionId", VERSION)
        known = self._all()
        if name in known:
            raise ApiError("ResourceInUse.SecretExists", f"There is already a secret {name}.")
        if len(known) >= MAX_SECRETS:
            raise ApiError("LimitExceeded", f"A region has at most {MAX_SECRETS} secrets.")
        who, now = self._account.name_of(call.secret_id), int(self._clock())
        secret: Document = {
            "name": name,
            "description": _description(params),
            "status": "Enabled",
            "creator": self._account.uin if who.kind == "role" else who.id,
            "created": now,
            "deleted_at": 0,
            "tags": _tags(params.get("Tags", [])),
            "versions": {version_id: _value(params, now)},
        }
        self._documents.put(SECRETS, name, secret)
        return {"SecretName": name, "VersionId": version_id, "TagCode": 0, "TagMsg": ""}

    async def _list(self, call: Call, params: Params) -> Params:
        # Those of products (SecretType 1 …) and softly encrypted ones are asked for by these: there are none here.
        refuse(params, "ProductName", "InstanceID", "EncryptType")
        one_of(params, "SecretType", (0,), 0)
        state = one_of(params, "State", (0, *_STATES), 0)
        newest_first = one_of(params, "OrderType", (0, 1), 0) == 0
        offset, limit = number(params, "Offset", 0, 10**6, 0), number(params, "Limit", 0, 200, 0) or 20
        word, filters = params.get("SearchSecretName", ""), params.get("TagFilters", [])
        found = [
            secret
            for secret in self._all().values()
            if word in secret["name"]
            and state in (0, _state(secret))
            and all(_has_tag(secret, wanted) for wanted in filters)
        ]
        found.sort(key=lambda secret: (secret["created"], secret["name"]), reverse=newest_first)
        return {"TotalCount": len(found), "SecretMetadatas": [_metadata(s) for s in found[offset : offset + limit]]}

    async def _describe(self, call: Call, params: Params) -> Params:
        metadata = _metadata(self._secret(params))
        del metadata["KmsKeyType"], metadata["NextRotationTime"]
        return {**metadata, "RotationStatus": False}

    async def _list_versions(self, call: Call, params: Params) -> Params:
        secret = self._secret(params)
        versions = [{"VersionId": key, "CreateTime": value["created"]} for key, value in secret["versions"].items()]
        return {"SecretName": secret["name"], "Versions": versions}

    async def _get_value(self, call: Call, params: Params) -> Params:
        refuse(params, "EncryptionPublicKey", "EncryptionAlgorithm")
        secret = self._secret(params, usable=True)
        if secret["status"] != "Enabled":
            raise ApiError("ResourceUnavailable.ResourceDisabled", f"The secret {secret['name']} is disabled.")
        version = _version(secret, params)
        return {
            "SecretName": secret["name"],
            "VersionId": params["VersionId"],
            "SecretBinary": version["binary"],
            "SecretString": version["text"],
        }

    async def _put_value(self, call: Call, params: Params) -> Params:
        secret, version_id = self._secret(params, usable=True), named(params, "VersionId", VERSION)
        if version_id in secret["versions"]:
            raise ApiError("ResourceInUse.VersionIdExists", f"The secret already has a version {version_id}.")
        if len(secret["versions"]) >= MAX_VERSIONS:
            raise ApiError("LimitExceeded", f"A secret has at most {MAX_VERSIONS} versions.")
        secret["versions"][version_id] = _value(params, int(self._clock()))
        return self._keep(secret, VersionId=version_id)

    async def _update(self, call: Call, params: Params) -> Params:
        secret = self._secret(params, usable=True)
        created = _version(secret, params)["created"]
        secret["versions"][params["VersionId"]] = _value(params, created)
        return self._keep(secret, VersionId=params["VersionId"])

    async def _update_description(self, call: Call, params: Params) -> Params:
        secret = self._secret(params, usable=True)
        secret["description"] = _description(params)
        return self._keep(secret)

    async def _delete_version(self, call: Call, params: Params) -> Params:
        secret = self._secret(params)
        _version(secret, params)
        if len(secret["versions"]) == 1:
            raise ApiError("OperationDenied", "The only version of a secret cannot be deleted; delete the secret.")
        del secret["versions"][params["VersionId"]]
        return self._keep(secret, VersionId=params["VersionId"])

    async def _enable(self, call: Call, params: Params) -> Params:
        return self._set_status(self._secret(params, usable=True), "Enabled")

    async def _disable(self, call: Call, params: Params) -> Params:
        return self._set_status(self._secret(params, usable=True), "Disabled")

    async def _delete(self, call: Call, params: Params) -> Params:
        refuse(params, "CleanSSHKey", "DeleteMode")
        days = number(params, "RecoveryWindowInDays", 0, 30, 0)
        secret = self._secret(params, usable=True)
        if secret["status"] != "Disabled":
            raise ApiError("OperationDenied", f"Disable the secret {secret['name']} before you delete it.")
        at = int(self._clock()) + days * DAY_S
        if days:
            secret["deleted_at"] = at
            self._set_status(secret, "PendingDelete")
        else:
            self._documents.delete(SECRETS, secret["name"])
        return {"SecretName": secret["name"], "DeleteTime": at}

    async def _restore(self, call: Call, params: Params) -> Params:
        secret = self._secret(params)
        if secret["status"] != "PendingDelete":
            raise ApiError("OperationDenied", f"The secret {secret['name']} is not to be deleted.")
        secret["deleted_at"] = 0
        return self._set_status(secret, "Disabled")

    def _all(self) -> dict[str, Document]:
        """By name; those whose day of deletion has come are gone."""
        found = self._documents.all(SECRETS)
        for name, secret in list(found.items()):
            if secret["status"] == "PendingDelete" and secret["deleted_at"] <= self._clock():
                self._documents.delete(SECRETS, name)
                del found[name]
        return found

    def _secret(self, params: Params, *, usable: bool = False) -> Document:
        """Raises ApiError when there is none; with `usable`, also while it waits for its deletion."""
        secret = self._all().get(params["SecretName"])
        if secret is None:
            raise ApiError("ResourceNotFound.SecretNotExist", f"There is no secret {params['SecretName']}.")
        if usable and secret["status"] == "PendingDelete":
            raise ApiError(
                "ResourceUnavailable.ResourcePendingDeleted", f"The secret {secret['name']} is to be deleted."
            )
        return secret

    def _set_status(self, secret: Document, status: str) -> Params:
        secret["status"] = status
        return self._keep(secret)

    def _keep(self, secret: Document, **answer: str) -> Params:
        self._documents.put(SECRETS, secret["name"], secret)
        return {"SecretName": secret["name"], **answer}


def _description(params: Params) -> str:
    text: str = params.get("Description", "")
    if len(text.encode()) > MAX_DESCRIPTION:
        raise ApiError("InvalidParameterValue", f"A description has at most {MAX_DESCRIPTION} bytes.")
    return text


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    return tags(given, "TagKey", "TagValue", at_most=MAX_TAGS, code="InvalidParameterValue.TagKeysDuplicated")


def _value(params: Params, created: int) -> Document:
    """A version's content. Raises ApiError unless there is exactly one, not empty and not too large."""
    text, binary = params.get("SecretString", ""), params.get("SecretBinary", "")
    if bool(text) == bool(binary):
        raise ApiError("InvalidParameter", "Give one of SecretString and SecretBinary, and not empty.")
    try:
        size = len(text.encode()) or len(base64.b64decode(binary, validate=True))
    except ValueError:
        raise ApiError("InvalidParameterValue", "SecretBinary must be base64.") from None
    if size > MAX_BYTES:
        raise ApiError("InvalidParameterValue", f"A secret has at most {MAX_BYTES} bytes.")
    return {"text": text, "binary": binary, "created": created}


def _version(secret: Document, params: Params) -> Document:
    version: Document | None = secret["versions"].get(params["VersionId"])
    if version is None:
        raise ApiError("ResourceNotFound", f"The secret {secret['name']} has no version {params['VersionId']}.")
    return version


def _state(secret: Document) -> int:
    return next(number for number, state in _STATES.items() if state == secret["status"])


def _has_tag(secret: Document, wanted: Params) -> bool:
    value, values = secret["tags"].get(wanted["TagKey"]), wanted.get("TagValue", [])
    return value is not None and (not values or value in values)


def _metadata(secret: Document) -> Params:
    return {
        "SecretName": secret["name"],
        "Description": secret["description"],
        "KmsKeyId": "",
        "KmsKeyType": "DEFAULT",
        "CreateUin": int(secret["creator"]),
        "CreateUinString": secret["creator"],
        "Status": secret["status"],
        "DeleteTime": secret["deleted_at"],
        "CreateTime": secret["created"],
        "SecretType": 0,
        "RotationStatus": 0,
        "NextRotationTime": 0,
        "EncryptType": 0,
    }
