"""One change to a deployed project, and what the account sees of it: exactly that change, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.platform import KAFKA_INSTANCE
from tests.support.cloudlet import copy_of_project
from tests.support.deployed import Deployed, Seen, deployed, owners_cloud

NAMESPACE = "small-local"
BUCKET_TRIGGER = "trigger/web-cos-small-data-1250000000"
HTTP = "      - http: {authType: NONE}\n"
CODE = ["scf:UpdateFunctionCode", "scf:UpdateFunctionConfiguration"]
"""The digest of the code stands in the description, which only the second can set."""
RELEASE = ["scf:PublishVersion", "scf:UpdateAlias"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Each test finds it deployed with nothing left to do, and leaves it so."""
    with deployed(copy_of_project(tmp_path_factory.mktemp("changes"))) as made:
        made.apply()
        yield made


def change(small: Deployed, *arguments: str) -> tuple[list[str], Seen]:
    """Apply what was edited: the steps, and what the account saw. A second apply would have nothing to do."""
    with small.watched() as seen:
        taken = small.apply(*arguments)
    assert small.plan(*arguments) == []
    return taken, seen


def alias(small: Deployed, function: str) -> dict[str, Any]:
    cloud = owners_cloud(small.account)
    found = cloud.call("scf", "GetAlias", FunctionName=function, Namespace=NAMESPACE, Name="$DEFAULT")
    return {name: value for name, value in found.items() if name != "RequestId"}


def traffic(small: Deployed, function: str) -> dict[str, int]:
    found = {each["name"]: each["traffic"] for each in small.data("status")["functions"]}
    shares: dict[str, int] = found[function]
    return shares


def test_plan_only_reads_and_names_the_one_function_that_changed(small: Deployed) -> None:
    small.edit("web/index.py", '"text/plain"', '"text/html"')
    with small.watched() as seen:
        planned = small.plan()
    assert planned == ["update function/web", "update release/web"]
    assert seen.api and seen.cos and seen.cluster and seen.changing() == []
    taken, seen = change(small)
    assert taken == planned
    assert seen.changing() == [*CODE, *RELEASE]
    assert {each.params.get("FunctionName", "web") for each in seen.api if "Update" in each.action} == {"web"}
    assert "text/html" in small.run("invoke", "web")


def test_layer_with_other_files_gets_one_version_and_its_functions_a_release(small: Deployed) -> None:
    small.edit("shared/words.py", '"!"', '"?"')
    taken, seen = change(small)
    assert taken == ["update layer/shared", "update function/web", "update release/web"]
    assert seen.changing() == ["scf:PublishLayerVersion", "scf:UpdateFunctionConfiguration", *RELEASE]
    assert "hello?" in small.run("invoke", "web")


@pytest.mark.parametrize(
    ("old", "new", "trigger"),
    [
        ("'0 0 3 * * * *'", "'0 0 4 * * * *'", "trigger/web-timer-tick"),
        ("maxMsgNum: 10", "maxMsgNum: 20", "trigger/worker-ckafka-jobs"),
    ],
)
def test_trigger_with_other_settings_is_updated_alone(small: Deployed, old: str, new: str, trigger: str) -> None:
    small.edit("serverless.yml", old, new)
    taken, seen = change(small)
    assert taken == [f"update {trigger}"]
    assert seen.changing() == ["scf:UpdateTrigger"]


def test_function_url_keeps_its_address_when_it_changes(small: Deployed) -> None:
    before = small.outputs["trigger/web-http.url"]
    cors = HTTP.replace("NONE", "NONE, cors: {origins: ['https://a.example'], methods: [GET]}")
    for old, new in ((HTTP, HTTP.replace("NONE", "CAM")), (HTTP.replace("NONE", "CAM"), cors), (cors, HTTP)):
        small.edit("serverless.yml", old, new)
        taken, seen = change(small)
        assert taken == ["update trigger/web-http"]
        assert seen.changing() == ["scf:UpdateTrigger"]
        assert small.outputs["trigger/web-http.url"] == before


def test_bucket_trigger_with_another_prefix_is_another_trigger(small: Deployed) -> None:
    small.edit("serverless.yml", "filter: {prefix: in/}", "filter: {prefix: new/}")
    taken, seen = change(small)
    assert len(taken) == 2 and taken[0].startswith("delete trigger/web-cos-") and "in/" in taken[0]
    assert taken[1] == f"create {BUCKET_TRIGGER}/new/*"
    assert seen.changing() == ["scf:DeleteTrigger", "scf:CreateTrigger"]


@pytest.mark.parametrize(
    ("file", "old", "new", "step", "calls"),
    [
        ("serverless.yml", "days: 7}]", "days: 8}]", "bucket/small-data-1250000000", ["cos:PutBucketLifecycle"]),
        ("serverless.yml", "maxAge: 600", "maxAge: 60", "bucket/small-data-1250000000", ["cos:PutBucketCORS"]),
        ("serverless.yml", "name/cos:GetObject", "name/cos:HeadObject", "role/web", ["cam:UpdatePolicy"]),
        ("serverless.yml", "sessionHours: 2", "sessionHours: 3", "role/signer", ["cam:UpdateRoleSessionDuration"]),
        ("serverless.yml", "Signs URLs", "Signs", "role/signer", ["cam:UpdateRoleDescription"]),
        ("serverless.yml", "partitions: 2", "partitions: 3", "topic/jobs", ["ckafka:CreatePartition"]),
        ("serverless.yml", "retentionHours: 24", "retentionHours: 48", "topic/jobs", ["ckafka:ModifyTopicAttributes"]),
        ("serverless.yml", "retentionDays: 7", "retentionDays: 9", "logs/functions", ["cls:ModifyTopic"]),
        (
            "cluster/namespace.yml",
            "verbs: [create, get]",
            "verbs: [create]",
            "cluster/Role/small-local-worker",
            ["PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/small/roles/small-local-worker"],
        ),
    ],
)
def test_resource_with_another_setting_is_updated_alone(
    small: Deployed, file: str, old: str, new: str, step: str, calls: list[str]
) -> None:
    small.edit(file, old, new)
    taken, seen = change(small)
    assert taken == [f"update {step}"]
    assert seen.changing() == calls


def test_memory_of_one_function_is_changed_with_what_is_reserved_for_it(small: Deployed) -> None:
    small.edit("serverless.yml", "    concurrency: 5", "    memorySize: 256\n    concurrency: 5")
    taken, seen = change(small)
    assert taken == ["update function/web", "update release/web"]
    assert seen.changing() == ["scf:UpdateFunctionConfiguration", "scf:PutReservedConcurrencyConfig", *RELEASE]


def test_secret_with_another_value_moves_its_functions_on_and_is_never_shown(small: Deployed) -> None:
    small.environ["SMALL_WORD"] = "another-secret-word"
    shown = small.run("plan")
    assert "SMALL_WORD: (set) → (changed)" in shown
    taken, seen = change(small)
    assert taken == [
        "update secret/words",
        "update function/web",
        "update function/worker",
        "run migrations/worker",
        "update release/web",
        "update release/worker",
    ]
    assert seen.changing().count("ssm:PutSecretValue") == seen.changing().count("scf:Invoke") == 1
    variables = [each["Environment"]["Variables"] for each in seen.params("UpdateFunctionConfiguration")]
    assert len(variables) == 2
    assert all({"Key": "SECRETS", "Value": "small-local-words#v2"} in each for each in variables)
    assert not [text for text in small.printed if "secret-word" in text]
    outside = [each.params for each in small.account.recorded if each.service != "ssm"]
    assert "secret-word" not in json.dumps(outside)


def test_new_version_gets_its_share_of_the_traffic_and_then_all_of_it(small: Deployed) -> None:
    (old,) = traffic(small, "web")
    small.edit("web/index.py", "def main_handler", "# for some\ndef main_handler")
    taken, _ = change(small, "--traffic", "20")
    new = str(int(old) + 1)
    assert taken == ["update function/web", "update release/web"]
    assert traffic(small, "web") == {old: 80, new: 20}
    assert alias(small, "web")["RoutingConfig"]["AdditionalVersionWeights"] == [{"Version": new, "Weight": 0.2}]
    worker = traffic(small, "worker")
    small.run("rollback")  # of what began, not of all
    assert (traffic(small, "web"), traffic(small, "worker")) == ({old: 100}, worker)
    taken, seen = change(small)
    assert taken == ["update release/web"]
    assert seen.changing() == ["scf:UpdateAlias"]
    assert traffic(small, "web") == {new: 100}


def test_rollback_is_undone_by_the_next_apply_without_another_version(small: Deployed) -> None:
    small.edit("web/index.py", "def main_handler", "# newer\ndef main_handler")
    change(small)
    (new,) = traffic(small, "web")
    with small.watched() as seen:
        small.run("rollback", "web")
    assert seen.changing() == ["scf:UpdateAlias"]
    (old,) = traffic(small, "web")
    assert int(old) < int(new)
    taken, seen = change(small)
    assert taken == ["update release/web"]
    assert seen.changing() == ["scf:UpdateAlias"]
    assert traffic(small, "web") == {new: 100}


def test_migration_that_fails_stops_the_apply_before_any_traffic_moves(small: Deployed) -> None:
    before = {name: alias(small, name) for name in ("web", "worker")}
    (small.project / "migrations" / "0002_second.sql").write_text("ALTER TABLE t ADD COLUMN b INT;\n")
    small.edit("worker/index.py", '"applied": ["0001_first"]', '"applied": ["0002_second"][1 // 0]')
    small.edit("web/index.py", "def main_handler", "# with the second\ndef main_handler")
    with small.watched() as seen:
        told = small.run("apply", code=1)
    assert "no traffic was moved" in told and "ZeroDivisionError" in told
    assert not {"scf:PublishVersion", "scf:UpdateAlias"} & set(seen.changing())
    assert {name: alias(small, name) for name in before} == before
    small.edit("worker/index.py", '["0002_second"][1 // 0]', '["0002_second"]')
    taken, _ = change(small)
    assert taken == ["update function/worker", "run migrations/worker", "update release/web", "update release/worker"]
    assert "migrations=0002_second" in alias(small, "worker")["Description"]


def test_function_that_is_no_more_declared_goes_with_its_triggers_and_role(small: Deployed) -> None:
    text = (small.project / "serverless.yml").read_text("utf-8")
    begin, end = text.index("  worker:\n"), text.index("resources:\n")
    without = text[:begin] + text[end:].replace(
        "  migrations: {function: worker, event: {small: migrate}, path: migrations}\n", ""
    )
    (small.project / "serverless.yml").write_text(without, "utf-8")
    manifests = (small.project / "cluster" / "namespace.yml").read_text("utf-8")
    (small.project / "cluster" / "namespace.yml").write_text(manifests.partition("---\n")[0], "utf-8")
    taken, seen = change(small)
    assert taken == [
        f"delete trigger/worker-ckafka-{KAFKA_INSTANCE}-jobs",
        "delete function/worker",
        "delete cluster/RoleBinding/small-local-worker",
        "delete cluster/Role/small-local-worker",
        "delete role/worker",
    ]
    assert [call for call in seen.changing() if "Create" in call or "Update" in call] == []
    content = small.account.content()
    assert not [key for kind in ("scf-function", "scf-alias", "cam-role") for key in content[kind] if "worker" in key]
