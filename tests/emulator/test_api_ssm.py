"""Secrets Manager through the SDK."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from emulator.account import Account
from emulator.api.ssm import DAY_S, MAX_BYTES, MAX_VERSIONS, Ssm
from emulator.documents import Documents
from tests.support.api import APP_ID, OWNER, REGION, UIN, Api, policy, serving


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[Api]:
    documents = Documents(None)
    account = Account(documents, OWNER, app_id=APP_ID, uin=UIN)
    with serving(Ssm(documents, account, REGION, clock), documents=documents, account=account) as running:
        yield running


def create(api: Api, name: str = "s", value: str = "one", version: str = "v1", **tags: str) -> None:
    given = [{"TagKey": key, "TagValue": text} for key, text in tags.items()]
    api.call("ssm", "CreateSecret", SecretName=name, VersionId=version, SecretString=value, Tags=given)


def value(api: Api, version: str) -> str:
    return str(api.call("ssm", "GetSecretValue", SecretName="s", VersionId=version)["SecretString"])


def test_versions_are_kept_side_by_side(api: Api) -> None:
    create(api)
    api.call("ssm", "PutSecretValue", SecretName="s", VersionId="v2", SecretString="two")
    assert (value(api, "v1"), value(api, "v2")) == ("one", "two")
    versions = api.call("ssm", "ListSecretVersionIds", SecretName="s")["Versions"]
    assert [version["VersionId"] for version in versions] == ["v1", "v2"]
    api.call("ssm", "DeleteSecretVersion", SecretName="s", VersionId="v1")
    assert api.refusal("ssm", "GetSecretValue", SecretName="s", VersionId="v1") == "ResourceNotFound"


def test_update_overwrites_a_version_that_is_there(api: Api) -> None:
    create(api)
    api.call("ssm", "UpdateSecret", SecretName="s", VersionId="v1", SecretString="new")
    assert value(api, "v1") == "new"
    asked = {"SecretName": "s", "VersionId": "v9", "SecretString": "x"}
    assert api.refusal("ssm", "UpdateSecret", **asked) == "ResourceNotFound"


def test_secret_is_described_and_listed_by_tag_and_name(api: Api) -> None:
    create(api, "s", service="patchmill", stage="prod")
    create(api, "other", service="patchmill")
    api.call("ssm", "UpdateDescription", SecretName="s", Description="d")
    described = api.call("ssm", "DescribeSecret", SecretName="s")
    assert (described["Status"], described["Description"], described["CreateUinString"]) == ("Enabled", "d", UIN)

    def names(**asked: object) -> list[str]:
        return [s["SecretName"] for s in api.call("ssm", "ListSecrets", **asked)["SecretMetadatas"]]

    assert names(OrderType=1) == ["other", "s"]
    assert names(TagFilters=[{"TagKey": "stage", "TagValue": ["prod", "test"]}]) == ["s"]
    assert names(TagFilters=[{"TagKey": "service"}, {"TagKey": "stage", "TagValue": ["test"]}]) == []
    assert names(SearchSecretName="oth") == ["other"]
    assert names(Offset=1, Limit=1, OrderType=1) == ["s"]
    assert names(State=2) == []


def test_secret_must_be_disabled_before_it_is_deleted(api: Api) -> None:
    create(api)
    assert api.refusal("ssm", "DeleteSecret", SecretName="s") == "OperationDenied"
    api.call("ssm", "DisableSecret", SecretName="s")
    asked = {"SecretName": "s", "VersionId": "v1"}
    assert api.refusal("ssm", "GetSecretValue", **asked) == "ResourceUnavailable.ResourceDisabled"
    api.call("ssm", "DeleteSecret", SecretName="s", RecoveryWindowInDays=0)
    assert api.refusal("ssm", "DescribeSecret", SecretName="s") == "ResourceNotFound.SecretNotExist"
    create(api)


def test_deletion_with_a_window_can_be_taken_back_until_then(api: Api, clock: Clock) -> None:
    create(api)
    api.call("ssm", "DisableSecret", SecretName="s")
    api.call("ssm", "DeleteSecret", SecretName="s", RecoveryWindowInDays=2)
    assert api.call("ssm", "DescribeSecret", SecretName="s")["Status"] == "PendingDelete"
    for action in ("EnableSecret", "DisableSecret", "DeleteSecret"):
        assert api.refusal("ssm", action, SecretName="s") == "ResourceUnavailable.ResourcePendingDeleted"
    taken = {"SecretName": "s", "VersionId": "v1", "SecretString": "x"}
    assert api.refusal("ssm", "CreateSecret", **taken) == "ResourceInUse.SecretExists"
    api.call("ssm", "RestoreSecret", SecretName="s")
    assert api.call("ssm", "DescribeSecret", SecretName="s")["Status"] == "Disabled"
    api.call("ssm", "EnableSecret", SecretName="s")
    assert value(api, "v1") == "one"
    api.call("ssm", "DisableSecret", SecretName="s")
    api.call("ssm", "DeleteSecret", SecretName="s", RecoveryWindowInDays=2)
    clock.now += 2 * DAY_S
    assert api.refusal("ssm", "DescribeSecret", SecretName="s") == "ResourceNotFound.SecretNotExist"


def test_secret_has_at_most_ten_versions(api: Api) -> None:
    create(api)
    for number in range(1, MAX_VERSIONS):
        api.call("ssm", "PutSecretValue", SecretName="s", VersionId=f"w{number}", SecretString="x")
    asked = {"SecretName": "s", "SecretString": "x"}
    assert api.refusal("ssm", "PutSecretValue", **asked, VersionId="w10") == "LimitExceeded"
    assert api.refusal("ssm", "PutSecretValue", **asked, VersionId="w1") == "ResourceInUse.VersionIdExists"


def test_binary_secret_comes_back_as_it_was(api: Api) -> None:
    text = base64.b64encode(b"\x00\x01").decode()
    api.call("ssm", "CreateSecret", SecretName="b", SecretBinary=text)
    found = api.call("ssm", "GetSecretValue", SecretName="b", VersionId="SSM_Current")
    assert (found["SecretBinary"], found["SecretString"]) == (text, "")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"SecretName": "-a"}, "InvalidParameterValue"),
        ({"SecretName": "a" * 129}, "InvalidParameterValue"),
        ({"VersionId": "a b"}, "InvalidParameterValue"),
        ({"SecretString": "x" * (MAX_BYTES + 1)}, "InvalidParameterValue"),
        ({"SecretString": ""}, "InvalidParameter"),
        ({"SecretBinary": "eA=="}, "InvalidParameter"),
        ({"SecretString": "", "SecretBinary": "!"}, "InvalidParameterValue"),
        ({"SecretString": "", "SecretBinary": "中文"}, "InvalidParameterValue"),
        ({"Description": "x" * 2049}, "InvalidParameterValue"),
        ({"SecretType": 1}, "InvalidParameterValue"),
        ({"Tags": [{"TagKey": "a", "TagValue": "1"}] * 2}, "InvalidParameterValue.TagKeysDuplicated"),
        ({"KmsKeyId": "k"}, "UnsupportedOperation"),
    ],
)
def test_wrong_secret_is_refused(api: Api, changed: dict[str, object], expected: str) -> None:
    asked = {"SecretName": "new", "VersionId": "v1", "SecretString": "x", **changed}
    assert api.refusal("ssm", "CreateSecret", **asked) == expected


def test_permission_is_asked_for_each_secret(api: Api) -> None:
    create(api)
    resource = f"qcs::ssm:{REGION}:uin/{UIN}:secret/creatorUin/{UIN}/s"
    reader = api.account.add_user("reader", policy("ssm:GetSecretValue", resource))
    asked = {"SecretName": "s", "VersionId": "v1"}
    assert api.call("ssm", "GetSecretValue", reader, **asked)["SecretString"] == "one"
    assert api.refusal("ssm", "GetSecretValue", reader, **{**asked, "SecretName": "t"}) == "UnauthorizedOperation"
    assert api.refusal("ssm", "ListSecrets", reader) == "UnauthorizedOperation"


def test_values_are_in_no_other_answer(api: Api) -> None:
    create(api, value="the-value")
    answers = [api.call("ssm", "DescribeSecret", SecretName="s"), api.call("ssm", "ListSecrets")]
    answers.append(api.call("ssm", "ListSecretVersionIds", SecretName="s"))
    assert "the-value" not in json.dumps(answers)
