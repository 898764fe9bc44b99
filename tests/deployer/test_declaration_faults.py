"""What is wrong in serverless.yml or a stage is refused by name and place, all of it at once, and without a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.declared import ADDRESSES, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("maxMsgNum", "maxMsgNumber", "functions.dispatch.events[0].ckafka.maxMsgNumber (did you mean 'maxMsgNum'?)"),
        ("memorySize", "memroySize", "provider.memroySize (did you mean 'memorySize'?)"),
        ("retentionDays", "retentionDay", "resources.logs.retentionDay (did you mean 'retentionDays'?)"),
        ("lifecycle:", "lifecycles:", "resources.buckets.code.lifecycles (did you mean 'lifecycle'?)"),
        ("{prefix: drops/, days", "{prefx: drops/, days", "lifecycle[1].prefx (did you mean 'prefix'?)"),
        ("layers:\n", "layres:\n", "layres at layres (did you mean 'layers'?)"),
        ("retry: 10", "color: red", "functions.dispatch.events[0].ckafka.color"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(project: Project, old: str, new: str, fault: str) -> None:
    project.change(old, new)

    assert any("unknown key" in line and line.endswith(fault.removeprefix("layres at ")) for line in project.faults())


def test_an_unknown_key_of_a_stage_is_named_in_its_file(project: Project) -> None:
    project.change("replicas: 1", "replcas: 1", "stages/local.yml")

    assert project.faults() == [
        "stages/local.yml: unknown key 'replcas' at kafka.replcas (did you mean 'replicas'?)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("service: patchmill", "service: Patchmill", "service: Patchmill-local begins names in the cluster"),
        ("memorySize: 256", "memorySize: 200", "provider.memorySize: 64, or a multiple of 128"),
        ("maxMsgNum: 50", "maxMsgNum: 0", "functions.dispatch.events[0].ckafka.maxMsgNum: "),
        ("topic: codex-tasks", "topic: codex-task", "events[0].ckafka.topic: it is none of resources.topics"),
        (
            "layers: [vendor, core, console]",
            "layers: [vendors]",
            "functions.submit.layers: there is no layer 'vendors'",
        ),
        (
            "secrets: [shared, keys]",
            "secrets: [key]",
            "functions.submit.secrets: there is no secret 'key' (there is: keys",
        ),
        ("cos:code/tmp_zips/*", "cos:cod/tmp_zips/*", "permissions[0].resources: there is no bucket 'cod'"),
        ("role:pods", "role:pod", "functions.dispatch.permissions[0].resources: there is no role 'pod'"),
        ("'cluster'", "'clusters'", "functions.submit.permissions[4].resources[0]: "),
        ("handler: index.", "handler: idx.", "functions.submit.handler: there is no idx.py"),
        ("path: functions/submit", "path: ..", "functions.submit.handler: there is no index.py"),
        ("prefix: phases/\n", "prefix: logs/\n", "COS rules of collect and collect overlap"),
        ("authType: NONE\n", "authType: NONE\n      - http: {}\n", "a function has one Function URL"),
        ("'0 * * * * * *'", "'61 * * * * * *'", "timer.cronExpression: a field is out of its range"),
        (
            "{prefix: drops/, days: 30}",
            "{prefix: tmp_zips/, days: 3}",
            "code.lifecycle: two rules have the same prefix",
        ),
        (
            "bucket: ${self:resources.buckets.code.name}",
            "bucket: b-1250000000",
            "submit.events[1].cos.bucket: it is the name",
        ),
        (
            "name: pm-${self:provider.stage}-code-$",
            f"name: {'c' * 40}-$",
            "longer than the platform's 60 characters",
        ),
        ("function: collect", "function: collcet", "resources.migrations.function: there is no such function"),
        (
            "bucket: code\n",
            "bucket: cod\n",
            "resources.packages.bucket: there is no such bucket (there is: code, logs)",
        ),
        ("path: layers/core\n", "path: layers/none\n", "layers.core.path: there is no such folder"),
        ("manifests: deployer/cluster", "manifests: none", "resources.cluster.manifests: there is no such folder"),
        ("PATCHMILL_MAX_STEPS", "SCF_X", "provider.environment.SCF_X: the prefixes SCF_"),
        (
            "PATCHMILL_MAX_STEPS: $",
            "PATCHMILL_SECRETS: x$",
            "PATCHMILL_SECRETS is what provider.secretsVariable is called",
        ),
        ("PATCHMILL_MAX_STEPS: $", "PATCHMILL_API_KEYS: x$", "PATCHMILL_API_KEYS is a secret's setting"),
        ("keys: [PATCHMILL_API_KEYS]", "keys: [PATCHMILL_REDIS_URL]", "two of them have the same setting"),
        ("sessionHours: 12", "sessionHours: 13", "resources.roles.pods.sessionHours: "),
        ("partitions: 3", "partitions: '3'", "resources.topics.codex-tasks.partitions: "),
        ("stage: ${opt:stage, 'local'}", "stage: prod", "provider.stage is not 'local'"),
        ("service: patchmill", f"service: {'p' * 60}", "the namespace's name, is longer than the platform's 60"),
        ("  stage: ${file(", "  stag: ${file(", "custom.stage is missing"),
        ("service: patchmill\n", "service: patchmill\nservice: other\n", "'service' is given twice"),
        ("service: patchmill\n", "service: [\n", "serverless.yml is no YAML in line"),
        ("file(stages/", "file(../stages/", "is not inside of the project"),
    ],
)
def test_a_fault_is_told_by_its_place(project: Project, old: str, new: str, fault: str) -> None:
    project.change(old, new)

    assert any(fault in line for line in project.faults())


def test_all_faults_of_both_files_are_told_at_once(project: Project) -> None:
    project.change("description: HTTP API", "descripton: HTTP API")
    project.change("handler: index.", "handler: idx.")
    project.change("replicas: 1", "replicas: 9", "stages/local.yml")
    faults = project.faults({**ADDRESSES, "PATCHMILL_SWEEP_CRON": "0 * * * *"})

    assert [fault.split(": ")[0] for fault in faults] == ["serverless.yml", "serverless.yml", "stages/local.yml"]
    assert "descripton" in faults[0]
    assert "7 fields" in faults[1]
    assert "kafka.replicas" in faults[2]


def test_faults_of_form_and_of_fit_are_told_together_when_only_keys_are_unknown(project: Project) -> None:
    project.change("description: HTTP API", "descripton: HTTP API")
    project.change("handler: index.", "handler: idx.")
    first, second = project.faults()

    assert "descripton" in first
    assert "there is no idx.py" in second


def test_no_value_is_shown(project: Project) -> None:
    project.change("memorySize: 256", "memorySize: hidden-word")
    project.change("shared: [PATCHMILL_MYSQL_URL", "shared: ['hidden-word://', PATCHMILL_MYSQL_URL")
    project.change("- {prefix: tmp_zips/, days: 7}", "- {prefix: hidden-word, days: 7}")

    assert len(project.faults()) == 3
    assert "hidden-word" not in "".join(project.faults())


def test_a_stage_that_is_not_there_is_told_with_those_that_are(project: Project) -> None:
    (project.stages / "prod.yml").write_text("{}")
    (fault,) = project.faults(stage="staging")

    assert "there is no stage 'staging' (there is: local, prod)" in fault


@pytest.mark.parametrize("stage", ["../serverless", "", "a b"])
def test_a_stage_is_a_name_and_no_path(project: Project, stage: str) -> None:
    (fault,) = project.faults(stage=stage)

    assert "there is no stage" in fault


def test_the_example_itself_cannot_be_deployed(project: Project) -> None:
    (fault,) = project.faults(stage="example")

    assert "to be copied and filled in" in fault


def test_the_environments_size_counts_the_secrets_references(project: Project) -> None:
    filler = "x" * 3290  # what fits beside the longest of the three, dispatch's
    project.change(
        "environment:\n    PATCHMILL_KAFKA", f"environment:\n    PATCHMILL_FILLER: {filler}\n    PATCHMILL_KAFKA"
    )
    project.load()
    project.change(filler, filler + "x" * 200)
    places = [fault.split(": ")[1] for fault in project.faults()]

    assert places == [
        "functions.submit.environment",
        "functions.dispatch.environment",
    ]  # collect has one secret, not two


def test_a_project_without_serverless_yml_is_refused_in_a_sentence(project: Project) -> None:
    project.serverless.unlink()

    (fault,) = project.faults()
    assert fault.startswith(f"there is no serverless.yml in {project.folder}")
