"""What the repository's own serverless.yml says, and what a stage changes about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.declaration import load
from tests.support.declared import ADDRESSES, REPOSITORY, Project

SECRETS = {"PATCHMILL_MYSQL_URL": "mysql://u:hidden-word@db/patchmill", "PATCHMILL_REDIS_URL": ""}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_names_and_ids_come_from_service_and_stage(project: Project) -> None:
    declared = project.load()

    assert (declared.service, declared.stage, declared.region) == ("patchmill", "local", "ap-guangzhou")
    assert (declared.namespace, declared.name("core")) == ("patchmill-local", "patchmill-local-core")
    assert declared.provider.vpc and declared.provider.vpc.vpc_id == "vpc-local000"
    assert declared.buckets["code"].name == "pm-local-code-1250000000"
    assert declared.cluster.manifests == project.folder / "deployer" / "cluster"


def test_a_function_has_the_providers_settings_and_its_own(project: Project) -> None:
    dispatch = project.load().functions["dispatch"]

    assert (dispatch.memory_mb, dispatch.timeout_s, dispatch.layers) == (256, 60, ("vendor", "core"))
    assert dispatch.environment["PATCHMILL_KAFKA_BOOTSTRAP"] == "127.0.0.1:9092"
    assert dispatch.environment["PATCHMILL_PODS_ROLE"] == "qcs::cam::uin/100000000001:roleName/patchmill-local-pods"
    assert dispatch.ckafka[0].topic == "codex-tasks"


def test_an_empty_variable_is_not_set(project: Project) -> None:
    environment = (
        project.load({**ADDRESSES, "PATCHMILL_MAX_STEPS": "", "PATCHMILL_JOB_TTL_S": "60"})
        .functions["submit"]
        .environment
    )

    assert "PATCHMILL_MAX_STEPS" not in environment
    assert environment["PATCHMILL_JOB_TTL_S"] == "60"


def test_resources_of_permissions_are_written_out(project: Project) -> None:
    declared = project.load()

    bucket = "qcs::cos:ap-guangzhou:uid/1250000000:pm-local-code-1250000000"
    assert declared.roles["pods"].permissions[0].resources == (f"{bucket}/tmp_zips/*", f"{bucket}/drops/*")
    assume, _, kubeconfig = declared.functions["dispatch"].permissions
    assert assume.resources == ("qcs::cam::uin/100000000001:roleName/patchmill-local-pods",)
    assert kubeconfig.resources == ("qcs::tke:ap-guangzhou:uin/100000000001:cluster/cls-local000",)
    assert declared.roles["pods"].session_s == 12 * 3600


def test_secret_values_are_there_and_never_shown(project: Project) -> None:
    declared = project.load({**ADDRESSES, **SECRETS})

    assert declared.secret_values == {"PATCHMILL_MYSQL_URL": "mysql://u:hidden-word@db/patchmill"}
    assert "hidden-word" not in repr(declared)
    assert "PATCHMILL_MYSQL_URL" not in declared.functions["submit"].environment


def test_a_stage_changes_sizes_and_variables_of_its_own(project: Project) -> None:
    text = "\nenvironment: {PATCHMILL_MAX_STEPS: 7}\nfunctions: {submit: {memorySize: 512, concurrency: 3}}\n"
    project.stages.joinpath("local.yml").write_text(project.stages.joinpath("local.yml").read_text() + text)
    submit, collect = project.load().functions["submit"], project.load().functions["collect"]

    assert (submit.memory_mb, submit.concurrency, submit.environment["PATCHMILL_MAX_STEPS"]) == (512, 3, "7")
    assert (collect.memory_mb, collect.concurrency, collect.environment["PATCHMILL_MAX_STEPS"]) == (256, None, "7")


def test_settings_of_queued_events_cors_and_timers_are_read(project: Project) -> None:
    project.change("- timer:\n          name: sweep", "- timer:")
    project.change(
        "    secrets: [shared]\n",
        "    secrets: [shared]\n"
        "    asynchronous: {retries: 1, maxAge: 600, deadLetter: {type: CMQ-QUEUE, name: lost}}\n",
    )
    project.change("authType: NONE", "authType: CAM\n          cors: {origins: ['*'], methods: [GET], maxAge: 60}")
    declared = project.load()

    settings = declared.functions["collect"].asynchronous
    assert settings and settings.dead_letter
    assert (settings.retries, settings.max_age_s, settings.dead_letter.name) == (1, 600, "lost")
    assert declared.functions["collect"].timers[0].name == "timer-1"
    http = declared.functions["submit"].http
    assert http and http.cors and (http.auth_type, http.cors.max_age_s) == ("CAM", 60)


def test_a_trigger_that_is_not_enabled_is_left_out(project: Project) -> None:
    project.change("topic: codex-tasks\n", "topic: codex-tasks\n          enable: false\n")

    assert project.load().functions["dispatch"].ckafka == ()


def test_the_example_stage_is_complete_once_its_ids_are_filled_in(project: Project) -> None:
    text = project.stages.joinpath("example.yml").read_text().replace("xxxxxxxx", "1a2b3c4d")
    project.stages.joinpath("prod.yml").write_text(text)
    declared = project.load({}, "prod")

    assert (declared.endpoint.scheme, declared.endpoint.api) == ("https", "")
    assert (declared.kafka.replicas, declared.cluster.id) == (2, "cls-1a2b3c4d")


def test_packages_can_be_built_of_a_fresh_clone(project: Project) -> None:
    assert project.load({}, addresses=False).kafka.bootstrap == ""


def test_the_repository_is_declared_without_a_fault() -> None:
    declared = load(REPOSITORY, "local", {**ADDRESSES, "PATCHMILL_EMULATOR_ROOT": "/nowhere"})

    assert set(declared.functions) == {"submit", "dispatch", "collect"}
