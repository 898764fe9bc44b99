"""Secrets on the emulated Secrets Manager: versions, missing values, and that none shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.context import DeployError
from deployer.declaration.model import Secret
from deployer.kinds.secret import SecretKind
from deployer.model import Change, Foreign
from tests.support.deployer_stage import SECRETS, Stage, deployed_to, names, refusal

NAME = "shop-test-shared"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with deployed_to(tmp_path) as running:
        yield running


def ssm(stage: Stage, action: str, **params: Any) -> dict[str, Any]:
    return stage.cloud().call("ssm", action, SecretName=NAME, **params)


def held(stage: Stage, version: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(ssm(stage, "GetSecretValue", VersionId=version)["SecretString"])
    return found


def give(stage: Stage, **values: str) -> None:
    """What whoever deploys has in the environment."""
    stage.change(secret_values={name: value for name, value in values.items() if value}, environ=values)


def test_a_secret_holds_its_settings_as_one_object(stage: Stage) -> None:
    stage.apply(SecretKind)
    assert held(stage, "v1") == SECRETS
    assert stage.facts.get("secret/shared.version") == "v1" and not stage.plan(SecretKind)


def test_a_changed_value_becomes_a_new_version_and_the_old_one_stays(stage: Stage) -> None:
    stage.apply(SecretKind)
    give(stage, **{**SECRETS, "SHOP_KEYS": "key-two"})
    (step,) = stage.plan(SecretKind)
    assert step.changes == (Change("SHOP_KEYS", "(set)", "(changed)"),)
    assert stage.facts.get("secret/shared.version") == "v2"  # the functions' variables change in the same plan
    stage.apply(SecretKind)
    assert held(stage, "v2")["SHOP_KEYS"] == "key-two" and held(stage, "v1") == SECRETS
    assert stage.facts.get("secret/shared.version") == "v2" and not stage.plan(SecretKind)


def test_no_value_shows_in_plan_progress_record_or_repr(stage: Stage) -> None:
    steps = stage.apply(SecretKind)
    give(stage, **{**SECRETS, "SHOP_KEYS": "key-two"})
    steps += stage.apply(SecretKind)
    shown = repr([steps, stage.said, stage.requests, stage.declaration])
    assert not [value for value in (*SECRETS.values(), "key-two", "hunter2") if value in shown]


def test_a_value_that_is_not_given_again_stays(stage: Stage) -> None:
    stage.apply(SecretKind)
    give(stage, SHOP_KEYS="key-two")
    stage.apply(SecretKind)
    assert held(stage, "v2") == {**SECRETS, "SHOP_KEYS": "key-two"}


def test_values_that_are_nowhere_are_asked_for_by_name(stage: Stage) -> None:
    give(stage)
    with pytest.raises(DeployError, match=r"shop-test-shared needs values for SHOP_DATABASE_URL, SHOP_KEYS\."):
        stage.plan(SecretKind)
    assert refusal(lambda: ssm(stage, "DescribeSecret")) == "ResourceNotFound.SecretNotExist"


def test_a_setting_that_is_new_is_asked_for_by_name(stage: Stage) -> None:
    stage.apply(SecretKind)
    stage.change(secrets={"shared": Secret("shared", (*SECRETS, "SHOP_NEW"))})
    with pytest.raises(DeployError, match=r"needs values for SHOP_NEW\."):
        stage.plan(SecretKind)


def test_an_empty_value_says_that_there_is_none(stage: Stage) -> None:
    give(stage, **{**SECRETS, "SHOP_KEYS": ""})
    stage.apply(SecretKind)
    assert held(stage, "v1") == {"SHOP_DATABASE_URL": SECRETS["SHOP_DATABASE_URL"]}
    assert not stage.plan(SecretKind)


def test_a_setting_that_is_no_more_declared_is_dropped(stage: Stage) -> None:
    stage.apply(SecretKind)
    stage.change(secrets={"shared": Secret("shared", ("SHOP_KEYS",))})
    (step,) = stage.apply(SecretKind)
    assert step.changes == (Change("SHOP_DATABASE_URL", "(set)", ""),)
    assert held(stage, "v2") == {"SHOP_KEYS": "key-one"}


def test_the_oldest_versions_make_room(stage: Stage) -> None:
    for number in range(12):
        give(stage, **{**SECRETS, "SHOP_KEYS": f"key-{number}"})
        stage.apply(SecretKind)
    versions = [each["VersionId"] for each in ssm(stage, "ListSecretVersionIds")["Versions"]]
    assert versions == [f"v{number}" for number in range(3, 13)]


def test_a_secret_that_waits_for_its_deletion_is_restored(stage: Stage) -> None:
    stage.apply(SecretKind)
    ssm(stage, "DisableSecret")
    ssm(stage, "DeleteSecret", RecoveryWindowInDays=7)
    (step,) = stage.apply(SecretKind)
    assert step.changes == (Change("state", "PendingDelete", "Enabled"),)
    assert held(stage, "v1") == SECRETS and not stage.plan(SecretKind)


def test_a_disabled_secret_is_enabled(stage: Stage) -> None:
    stage.apply(SecretKind)
    ssm(stage, "DisableSecret")
    assert [change.field for step in stage.apply(SecretKind) for change in step.changes] == ["state"]
    assert not stage.plan(SecretKind)


def test_a_secret_is_deleted_at_once_even_when_it_waits_for_that(stage: Stage) -> None:
    stage.apply(SecretKind)
    ssm(stage, "DisableSecret")
    ssm(stage, "DeleteSecret", RecoveryWindowInDays=7)
    stage.destroy(SecretKind)
    assert refusal(lambda: ssm(stage, "DescribeSecret")) == "ResourceNotFound.SecretNotExist"


def test_destroying_needs_no_values(stage: Stage) -> None:
    stage.apply(SecretKind)
    stage.change(secrets={"shared": Secret("shared", (*SECRETS, "SHOP_NEW"))})
    context = stage.context()
    context.packages = {}
    kind = SecretKind(context)
    assert kind.compare(kind.resources()[0]) is None


def test_a_secret_of_others_is_not_touched(stage: Stage) -> None:
    ssm(stage, "CreateSecret", SecretString="theirs", Description="made by hand")
    with pytest.raises(Foreign, match=f"{NAME} is there and was not made by"):
        stage.plan(SecretKind)
    kind = SecretKind(stage.context())
    kind.delete(kind.resources()[0])
    assert ssm(stage, "DescribeSecret")["Status"] == "Enabled"


def test_a_secret_that_is_no_more_declared_is_found(stage: Stage) -> None:
    stage.apply(SecretKind)
    stage.change(secrets={})
    stage.cloud().call("ssm", "CreateSecret", SecretName="shop-test-theirs", SecretString="x")
    assert names(stage.orphans(SecretKind)) == ["shared"]
