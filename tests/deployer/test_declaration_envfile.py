"""A stage's envFile: which lines count, whose value wins, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.declared import ADDRESSES, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_files_lines_win_over_the_environment(project: Project) -> None:
    project.env_file("# of the emulator\n\nPATCHMILL_KAFKA_BOOTSTRAP=10.0.0.1:9092\n")

    assert project.load().kafka.bootstrap == "10.0.0.1:9092"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("PATCHMILL_API_KEYS=a=b#c$d", "a=b#c$d"),
        ("export PATCHMILL_API_KEYS='two words'", "two words"),
        ("PATCHMILL_API_KEYS='it'\"'\"'s'", "it's"),
        ('PATCHMILL_API_KEYS="say \\"yes\\""  # why', 'say "yes"'),
    ],
)
def test_a_value_is_read_as_a_shell_reads_it(project: Project, line: str, value: str) -> None:
    project.env_file(line + "\n")

    assert project.load().secret_values["PATCHMILL_API_KEYS"] == value


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("PATCHMILL_API_KEYS", "line 2: NAME=VALUE"),
        ("PATCHMILL_API_KEYS=hidden word", "line 2: the value of PATCHMILL_API_KEYS has a space"),
        ("PATCHMILL_API_KEYS='hidden", "line 2: the quotes of PATCHMILL_API_KEYS"),
        ("A=1\nA=hidden", "line 3: A is given twice"),
    ],
)
def test_a_bad_line_is_refused_by_its_number_without_its_value(project: Project, line: str, reason: str) -> None:
    project.env_file(f"\n{line}\n")
    (fault,) = project.faults()

    assert reason in fault
    assert "hidden" not in fault


def test_a_file_open_to_others_is_refused(project: Project) -> None:
    project.env_file("A=1\n", mode=0o640)
    (fault,) = project.faults()

    assert ".local/deploy.env" in fault
    assert "chmod 600" in fault


def test_a_missing_file_is_named_with_the_value_that_is_needed(project: Project) -> None:
    faults = project.faults({**ADDRESSES, "PATCHMILL_API_ENDPOINT": ""})
    assert faults == ["stages/local.yml: endpoint.api is empty"]

    faults = project.faults({name: value for name, value in ADDRESSES.items() if "API" not in name})
    assert faults == [
        "stages/local.yml: endpoint.api is empty: PATCHMILL_API_ENDPOINT is not set; "
        ".local/deploy.env, which may hold it, is not there"
    ]


def test_a_variable_without_fall_back_names_the_missing_file_too(project: Project) -> None:
    project.change("image: patchmill-agent:local", "image: ${env:AGENT_IMAGE}", "stages/local.yml")

    assert project.faults() == [
        "serverless.yml: custom.stage.image: ${env:AGENT_IMAGE} has no value and no fall-back; "
        ".local/deploy.env, which may hold it, is not there"
    ]


def test_the_file_may_lie_where_the_environment_says(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "deploy.env"
    other.parent.mkdir()
    other.write_text("PATCHMILL_API_KEYS=k\n")
    other.chmod(0o600)

    declared = project.load({**ADDRESSES, "PATCHMILL_EMULATOR_ROOT": str(other.parent)})
    assert declared.secret_values == {"PATCHMILL_API_KEYS": "k"}
    assert declared.environ["PATCHMILL_API_KEYS"] == "k"
