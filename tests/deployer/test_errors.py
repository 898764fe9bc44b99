"""What people are told about a refused call."""

from __future__ import annotations

import pytest

from deployer.advice import ADVICE, describe, explain
from deployer.errors import CloudError, masked, missing, passing, redacted


@pytest.mark.parametrize(
    ("code", "known_as"),
    [
        ("AuthFailure.SignatureExpire", "AuthFailure.SignatureExpire"),
        ("AuthFailure.InvalidAuthorization", "AuthFailure"),
        ("UnauthorizedOperation.CAM", "UnauthorizedOperation"),
        ("LimitExceeded.LayerVersions", "LimitExceeded.Layer"),
        ("LimitExceeded.Function", "LimitExceeded"),
        ("RequestLimitExceeded.UinLimitExceeded", "RequestLimitExceeded"),
        ("ResourceInUse.SecretExists", "ResourceInUse"),
        ("ResourceNotFound.RoleCheck", "ResourceNotFound.Role"),
        ("ResourceNotFound.Function", "ResourceNotFound"),
        ("ResourceUnavailable.NotPurchased", "ResourceUnavailable.NotPurchased"),
        ("FailedOperation.CreateTrigger", "FailedOperation"),
        ("InvalidParameterValue.EnvironmentExceededLimit", "InvalidParameterValue.EnvironmentExceededLimit"),
        ("InvalidParameterValue.Handler", "InvalidParameter"),
        ("InternalError.System", "InternalError"),
        ("OperationDenied.AccountIsolate", "OperationDenied"),
        ("AccessDenied", "AccessDenied"),
        ("BucketAlreadyExists", "BucketAlreadyExists"),
        ("Kubernetes.Forbidden", "Kubernetes.Forbidden"),
        ("Kubernetes.MethodNotAllowed", "Kubernetes"),
        ("ClientNetworkError", "ClientNetworkError"),
        ("Credentials.Missing", "Credentials"),
    ],
)
def test_a_code_is_explained_by_its_longest_known_beginning(code: str, known_as: str) -> None:
    advice = explain(code)
    assert advice is not None and advice.code == known_as


def test_an_unknown_code_is_told_without_advice() -> None:
    assert explain("Strange") is None
    assert (
        describe(CloudError("scf", "Invoke", "Strange", "text", "r-1")) == "scf Invoke: Strange: text (RequestId r-1)"
    )


def test_a_description_says_what_it_means_and_what_to_do() -> None:
    lines = describe(CloudError("scf", "CreateNamespace", "LimitExceeded.Namespace", "too many", "r-1")).splitlines()
    assert lines[1].startswith("  means: A region has 5") and lines[2].startswith("  do:    Remove one")


def test_every_advice_is_whole_and_stands_once() -> None:
    assert all(advice.meaning.endswith(".") and advice.todo.endswith(".") for advice in ADVICE)
    assert len({advice.code for advice in ADVICE}) == len(ADVICE)


@pytest.mark.parametrize("code", ["InternalError.CamNoAuth", "LimitExceeded.Function", "AuthFailure", "BucketNotEmpty"])
def test_what_stays_is_not_worth_another_try(code: str) -> None:
    assert not passing(code)


@pytest.mark.parametrize("code", ["InternalError.System", "FailedOperation.TagQpsLimit", "SlowDown", "Http503"])
def test_what_passes_is_worth_another_try(code: str) -> None:
    assert passing(code)


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("InvalidParameter.RoleNotExist", True),
        ("NoSuchTagSet", True),
        ("ResourceInUse", False),
        ("AccessDenied", False),
    ],
)
def test_absence_has_many_codes(code: str, absent: bool) -> None:
    assert missing(CloudError("x", "y", code, "")) is absent


def test_only_secrets_and_packages_are_taken_out_of_a_record() -> None:
    params = {"SecretName": "a", "SecretString": "b", "Code": {"ZipFile": "cc"}, "Tags": [{"Key": "d"}]}
    shown = {
        "SecretName": "a",
        "SecretString": "(secret)",
        "Code": {"ZipFile": "(2 characters)"},
        "Tags": [{"Key": "d"}],
    }
    assert redacted(params) == shown


def test_short_values_are_not_masked_one_by_one() -> None:
    assert masked("a b no-1", {"SecretString": '{"A": "b", "B": "no-1"}'}) == "a b (secret)"
