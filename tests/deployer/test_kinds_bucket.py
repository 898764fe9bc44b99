"""Buckets on the emulator's COS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.declaration.model import Cors, LifecycleRule
from deployer.kinds.bucket import BucketKind
from deployer.model import Foreign
from deployer.objectstore import ObjectStore
from tests.support.deployer_stage import CODE, LOGS, Stage, deployed_to, names, refusal


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with deployed_to(tmp_path) as running:
        yield running


def bucket(stage: Stage, name: str = CODE) -> ObjectStore:
    return stage.cloud().cos(name)


def code(stage: Stage, **changes: object) -> None:
    """Change the declared bucket."""
    buckets = stage.declaration.buckets
    stage.change(buckets={**buckets, "code": replace(buckets["code"], **changes)})  # type: ignore[arg-type]


def test_a_bucket_is_made_private_encrypted_and_with_its_rules(stage: Stage) -> None:
    stage.apply(BucketKind)
    store = bucket(stage)
    assert store.call("get_bucket_acl")["CannedACL"] == "private"
    assert "AES256" in str(store.call("get_bucket_encryption"))
    rules = {rule["Filter"].get("Prefix"): rule for rule in store.call("get_bucket_lifecycle")["Rule"]}
    assert rules["in/"]["Expiration"]["Days"] == "7" and rules["packages/"]["Expiration"]["Days"] == "1"
    assert "AbortIncompleteMultipartUpload" in str(rules)
    assert store.call("get_bucket_cors")["CORSRule"][0]["AllowedMethod"] == ["GET", "PUT"]


def test_a_second_plan_has_no_changes(stage: Stage) -> None:
    assert [step.action for step in stage.apply(BucketKind)] == ["create", "create"]
    assert not stage.plan(BucketKind)


def test_the_mark_is_set_by_the_request_that_makes_the_bucket(stage: Stage) -> None:
    stage.apply(BucketKind)
    made = next(params for service, action, params in stage.requests if action == "create_bucket")
    assert made["Tagging"] == "managed-by=patchmill-deploy&service=shop&stage=test"


def test_only_the_part_that_differs_is_changed(stage: Stage) -> None:
    stage.apply(BucketKind)
    stage.requests.clear()
    code(stage, lifecycle=(LifecycleRule("in/", 9),))
    (step,) = stage.apply(BucketKind)
    assert [change.field for change in step.changes] == ["lifecycle"]
    assert "in/ deleted after 7 days" in step.changes[0].before and "in/ deleted after 9 days" in step.changes[0].after
    assert [action for _, action, _ in stage.requests if action.startswith("put_")] == ["put_bucket_lifecycle"]
    assert not stage.plan(BucketKind)


def test_rules_that_are_no_more_declared_are_taken_away(stage: Stage) -> None:
    stage.apply(BucketKind)
    code(stage, cors=())
    stage.apply(BucketKind)
    assert bucket(stage).find("get_bucket_cors") is None


def test_a_change_by_hand_is_seen_and_undone(stage: Stage) -> None:
    stage.apply(BucketKind)
    bucket(stage).call("delete_bucket_encryption")
    (step,) = stage.apply(BucketKind)
    assert [(change.field, change.before) for change in step.changes] == [("encryption", "none")]


def test_another_order_of_cors_rules_is_a_change(stage: Stage) -> None:
    one, two = Cors(("https://a",), ("GET",), (), (), 0), Cors(("*",), ("GET",), (), (), 60)
    code(stage, cors=(one, two))
    stage.apply(BucketKind)
    code(stage, cors=(two, one))
    assert [change.field for step in stage.plan(BucketKind) for change in step.changes] == ["cors"]


def test_a_bucket_of_others_is_not_touched(stage: Stage) -> None:
    bucket(stage).call("create_bucket", Tagging="service=other")
    with pytest.raises(Foreign, match=f"{CODE} is there and was not made by .* managed-by=patchmill-deploy"):
        stage.plan(BucketKind)
    made = BucketKind(stage.context())
    for resource in made.resources():
        made.delete(resource)
    assert bucket(stage).find("get_bucket_tagging") is not None


def test_a_bucket_that_is_no_more_declared_is_found(stage: Stage) -> None:
    stage.apply(BucketKind)
    stage.change(buckets={"code": stage.declaration.buckets["code"]})
    bucket(stage, "others-1250000000").call("create_bucket")
    assert names(stage.orphans(BucketKind)) == [LOGS]


def test_a_bucket_is_deleted_with_all_that_is_in_it(stage: Stage) -> None:
    stage.apply(BucketKind)
    store = bucket(stage)
    for number in range(3):
        store.put_object(Key=f"in/{number} ü.txt", Body=b"x")
    store.call("create_multipart_upload", Key="in/broken")
    stage.destroy(BucketKind)
    assert refusal(lambda: store.call("get_bucket_tagging")) == "NoSuchBucket"
    assert f"bucket {CODE}: 3 objects deleted" in stage.said
