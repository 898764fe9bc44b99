"""The kinds of SCF one by one: what they see, what they send, what they leave alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer import engine
from deployer.context import DeployError
from deployer.declaration import limits
from deployer.declaration import model as d
from deployer.errors import CloudError
from deployer.kinds import _config, _events, marks
from deployer.kinds.function import FRESH
from deployer.kinds.release import layers_in
from deployer.kinds.versions import KEEP
from deployer.model import Foreign, Step
from tests.support.deployer_cloud import MemoryCloud
from tests.support.deployer_project import BUCKET, Project, scf_kinds

EVENT = ("cos:ObjectCreated:*",)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, MemoryCloud())


def apply(project: Project) -> list[Step]:
    context = project.context()
    wanted = engine.plan(context, scf_kinds)
    engine.apply(context, wanted, scf_kinds)
    return list(wanted.steps)


def web(project: Project) -> Any:
    return project.cloud.functions["shop-test", "web"]


def test_mark_is_known_in_texts_and_in_all_forms_of_tags(project: Project) -> None:
    declaration = project.declaration
    assert marks.is_ours(f"Something. {marks.mark_text(declaration)}", declaration)
    assert marks.is_ours(marks.tag_list(declaration), declaration)
    assert marks.is_ours(marks.tag_list(declaration, "TagKey", "TagValue"), declaration)
    assert marks.is_ours(marks.tags(declaration), declaration)


def test_mark_of_another_stage_is_not_ours(project: Project) -> None:
    other = replace(project.declaration, stage="test-2")
    assert not marks.is_ours(marks.mark_text(other), project.declaration)
    assert not marks.is_ours(marks.tag_list(other), project.declaration)
    assert not marks.is_ours(None, project.declaration)
    assert not marks.is_ours("", project.declaration)


def test_description_keeps_to_the_letters_of_scf_and_remembers_the_digest() -> None:
    text = _config.describe("Ours (v2): it's HTTP", "ab12")
    assert text == "Ours  v2   it s HTTP. code ab12"
    assert _config.digest_in(text) == "ab12"


def test_longest_description_leaves_room_for_the_digest() -> None:
    text = _config.describe("x" * limits.DESCRIPTION_LENGTH, "f" * 64) + FRESH
    assert len(text) <= 1000  # CreateFunctionRequest.Description in the SDK


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"memory_mb": 512}, "memory"),
        ({"timeout_s": 60}, "timeout"),
        ({"handler": "index.other"}, "handler"),
        ({"environment": {"COLOUR": "blue"}}, "environment COLOUR"),
        ({"layers": ("core", "vendor")}, "layers"),
        ({"layers": ()}, "layers"),
        ({"concurrency": 4}, "reserved memory"),
        ({"asynchronous": d.Asynchronous(0, 600, None)}, "retries"),
        ({"asynchronous": d.Asynchronous(0, None, None)}, "retries"),
        ({"asynchronous": d.Asynchronous(None, 600, None)}, "max age"),
        ({"asynchronous": d.Asynchronous(None, None, d.DeadLetter("CMQ-QUEUE", "dead", ""))}, "dead letter"),
    ],
)
def test_changed_setting_is_planned_by_its_name_and_applied(project: Project, change: Any, field: str) -> None:
    apply(project)
    project.function("web", **change)
    steps = apply(project)
    assert steps[0].resource.id == "function/web"
    assert field in [each.field for each in steps[0].changes]
    assert engine.plan(project.context(), scf_kinds).steps == ()


def test_concurrency_is_reserved_as_memory_and_given_back(project: Project) -> None:
    project.function("web", concurrency=4)
    apply(project)
    assert web(project)["reserved"] == 4 * 256
    project.function("web", concurrency=None)
    apply(project)
    assert web(project)["reserved"] == 0


def test_change_made_in_the_console_is_put_right_without_a_new_version(project: Project) -> None:
    apply(project)
    web(project)["config"]["MemorySize"] = 1024
    steps = apply(project)
    assert [(step.resource.id, step.changes[0].before, step.changes[0].after) for step in steps] == [
        ("function/web", "1024 MB", "256 MB")
    ]
    assert len(web(project)["versions"]) == 1


def test_failed_function_tells_the_platforms_reason(project: Project) -> None:
    apply(project)
    web(project)["failed"] = "the subnet is full"
    (step,) = engine.plan(project.context(), scf_kinds).steps
    assert [(change.field, change.before) for change in step.changes] == [("state", "UpdateFailed")]
    with pytest.raises(DeployError, match="the subnet is full"):
        apply(project)


@pytest.mark.parametrize("code", ["ResourceNotFound.RoleCheck", "InvalidParameter.RoleCheck"])
def test_role_that_is_not_known_yet_is_waited_for(project: Project, code: str) -> None:
    left = [2]

    def not_yet(action: str, params: Any) -> None:
        if action == "CreateFunction" and left[0]:
            left[0] -= 1
            raise CloudError("scf", action, code, "no such role")

    project.cloud.before = not_yet
    apply(project)
    assert left == [0]
    assert engine.plan(project.context(), scf_kinds).steps == ()


def test_foreign_layer_version_is_refused(project: Project) -> None:
    project.cloud.layers["shop-test-core"] = [
        {"LayerName": "shop-test-core", "LayerVersion": 1, "Status": "Active", "Description": "mine", "Tags": None}
    ]
    with pytest.raises(Foreign, match="shop-test-core"):
        engine.plan(project.context(), scf_kinds)


def test_layer_version_that_failed_is_published_anew_and_swept(project: Project) -> None:
    digest = project.packages()["layer/core"].digest
    description = f"{_config.describe('', digest)}. {marks.mark_text(project.declaration)}"
    failed = {"LayerName": "shop-test-core", "LayerVersion": 1, "Status": "PublishFailed", "Tags": None}
    project.cloud.layers["shop-test-core"] = [{**failed, "Description": description}]
    apply(project)
    left = [(each["LayerVersion"], each["Status"]) for each in project.cloud.layers["shop-test-core"]]
    assert left == [(2, "Active")]


def test_only_the_last_releases_and_their_layers_stay(project: Project) -> None:
    for number in range(KEEP + 5):
        project.files["layer/core"] = f"core {number}"
        apply(project)
    versions = web(project)["versions"]
    assert [each["Version"] for each in versions] == [str(number) for number in range(6, KEEP + 6)]
    assert [each["LayerVersion"] for each in project.cloud.layers["shop-test-core"]] == list(range(6, KEEP + 6))
    assert layers_in(versions[-1]) == {("shop-test-vendor", 1), ("shop-test-core", KEEP + 5)}
    assert engine.plan(project.context(), scf_kinds).steps == ()


def test_version_that_somebody_else_published_stays(project: Project) -> None:
    apply(project)
    project.cloud._PublishVersion("shop-test", "web", "by hand")
    project.files["function/web"] = "web 2"
    apply(project)
    assert [each["Description"].split()[0] for each in web(project)["versions"]] == ["release", "by", "release"]


def test_trigger_of_a_bucket_is_deleted_before_the_overlapping_new_one_is_made(project: Project) -> None:
    apply(project)
    project.function("web", cos=(d.CosRule(BUCKET, EVENT, "in/new/", ".zip"),))
    project.cloud.calls.clear()
    steps = apply(project)
    assert [step.action for step in steps] == ["delete", "create"]
    assert project.cloud.changes() == ["DeleteTrigger", "CreateTrigger"]


def test_timer_and_url_are_changed_in_place(project: Project) -> None:
    apply(project)
    url = web(project)["triggers"][0]["url"]
    project.function("web", http=d.Http("CAM", True, True, d.Cors(("*",), ("GET",), (), (), 60)))
    project.function("work", timers=(d.Timer("sweep", "0 0 * * * * *", "now"),))
    project.cloud.calls.clear()
    assert [step.resource.id for step in apply(project)] == ["trigger/web-http", "trigger/work-timer-sweep"]
    assert project.cloud.changes() == ["UpdateTrigger", "UpdateTrigger"]
    assert next(each for each in web(project)["triggers"] if each["Type"] == "http")["url"] == url
    assert engine.plan(project.context(), scf_kinds).steps == ()


def test_consumer_group_that_the_platform_chose_is_no_change(project: Project) -> None:
    project.function("work", ckafka=(d.Ckafka("orders", 50, 1, 10, "earliest", None),))
    apply(project)
    work = project.cloud.functions["shop-test", "work"]
    trigger = next(each for each in work["triggers"] if each["Type"] == "ckafka")
    trigger["TriggerDesc"] = json.dumps({**json.loads(trigger["TriggerDesc"]), "consumerGroupName": "scf-1a2b"})
    assert engine.plan(project.context(), scf_kinds).steps == ()


def test_trigger_that_is_switched_off_is_switched_on_again(project: Project) -> None:
    apply(project)
    web(project)["triggers"][0]["Enable"] = 0
    (step,) = engine.plan(project.context(), scf_kinds).steps
    assert [(change.field, change.before, change.after) for change in step.changes] == [("enabled", "no", "yes")]


def test_timer_is_read_in_both_forms_of_the_platform() -> None:
    assert _events.flat("0 * * * * * *") == _events.flat('{"cron": "0 * * * * * *"}')


def test_more_than_a_page_of_triggers_and_versions_is_read_whole(project: Project) -> None:
    rules = tuple(d.CosRule(BUCKET, EVENT, f"in/{number:02}/", ".zip") for number in range(45))
    project.function("web", cos=rules)
    apply(project)
    assert engine.plan(project.context(), scf_kinds).steps == ()


def test_plan_reads_each_list_once(project: Project) -> None:
    apply(project)
    project.cloud.calls.clear()
    engine.plan(project.context(), scf_kinds)
    asked = [(action, str(params)) for action, params in project.cloud.calls]
    assert len(asked) == len(set(asked))
    assert len(asked) < 20
