"""Serverless Framework with the project's plugin: it checks, prints, and hands the work to the deployer."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import yaml

from tests.support import osls
from tests.support.declared import REPOSITORY, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    osls.prepare(project)
    return project


def test_print_shows_the_resolved_file_of_a_fresh_clone(project: Project) -> None:
    code, output, errors = osls.run(project.folder, "print", "--stage", "local")

    assert code == 0, errors
    printed = yaml.safe_load(output)
    assert printed["provider"]["region"] == "ap-guangzhou"
    assert printed["functions"]["submit"]["events"][1]["cos"]["bucket"] == "pm-local-code-1250000000"


def test_misspelt_keys_are_refused_by_name(project: Project) -> None:
    project.change("maxMsgNum", "maxMsgNumber")
    project.change("retentionDays", "retentionDay")
    project.change("memorySize", "memroySize")
    project.change("layers:\n", "layres:\n")
    project.change("description: Results", "descripton: Results")
    project.change("replicas: 1", "replcas: 1", "stages/local.yml")
    code, output, _ = osls.run(project.folder, "print", "--stage", "local")

    assert code == 1
    for key in ("maxMsgNumber", "retentionDay", "memroySize", "layres", "descripton", "replcas"):
        assert f"unrecognized property '{key}'" in output


@pytest.mark.parametrize(
    ("command", "handed"),
    [
        ("package", "deployer package --stage prod"),
        ("plan", "deployer plan --stage prod"),
        ("deploy", "deployer apply --stage prod --yes"),
        ("info", "deployer outputs --stage prod"),
        ("remove", "deployer destroy --stage prod --yes"),
    ],
)
def test_a_command_is_handed_to_the_deployer_once(project: Project, command: str, handed: str) -> None:
    (project.stages / "prod.yml").write_bytes((project.stages / "local.yml").read_bytes())
    code, output, errors = osls.run(project.folder, command, "--stage", "prod")

    assert code == 0, errors
    assert output.splitlines() == [handed]
    assert not (project.folder / ".serverless").exists()


def test_the_deployers_exit_code_and_words_are_passed_on(project: Project) -> None:
    code, output, errors = osls.run(project.folder, "deploy", STAND_IN_CODE="3", STAND_IN_SAYS="no such cluster\n")

    assert (code, output, errors) == (3, "deployer apply --stage local --yes\n", "no such cluster\n")


def test_the_projects_own_interpreter_is_used(project: Project) -> None:
    python = project.folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho own "$@"\n')
    python.chmod(0o755)

    assert osls.run(project.folder, "info")[1] == "own -m deployer outputs --stage local\n"


def test_an_interpreter_that_cannot_start_is_told_in_a_sentence(project: Project) -> None:
    python = project.folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    code, output, _ = osls.run(project.folder, "info")

    assert code == 1
    assert "The deployer could not be started" in output


def test_an_interrupt_reaches_the_deployer_and_osls_waits_for_it(project: Project) -> None:
    process = osls.start(project.folder, "deploy", STAND_IN_WAITS="yes")
    assert process.stdout
    for line in process.stdout:
        if line == "waiting\n":
            process.send_signal(signal.SIGINT)
            break

    process.communicate(timeout=30)
    assert process.returncode == 130


def test_the_lock_file_names_no_registry_and_pins_osls() -> None:
    lock = json.loads((REPOSITORY / "package-lock.json").read_text("utf-8"))
    package = json.loads((REPOSITORY / "package.json").read_text("utf-8"))

    assert not [name for name, part in lock["packages"].items() if "resolved" in part]
    assert all("integrity" in part for name, part in lock["packages"].items() if name)
    assert package["devDependencies"] == {"osls": lock["packages"]["node_modules/osls"]["version"]}
