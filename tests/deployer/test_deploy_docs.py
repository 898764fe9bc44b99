"""docs/deploy.md is true: its table of errors is the deployer's, its sums are right, its commands exist."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deployer.cli import app
from tests.support.deploydocs import DEPLOY, TABLE, block, table

TEXT = DEPLOY.read_text("utf-8")


def run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout


def test_the_table_of_errors_is_the_deployers_own() -> None:
    """If not: python -m tests.support.deploydocs"""
    found = TABLE.search(TEXT)
    assert found and found[0] == table()


def test_the_costs_are_what_the_formula_gives() -> None:
    assert run(sys.executable, "-c", block("runs in the tests: costs")) == block("costs")


def test_an_api_key_comes_with_its_hash() -> None:
    key, digest = run("sh", "-c", block("runs in the tests: key")).split()
    assert hashlib.sha256(key.encode()).hexdigest() == digest


def test_the_deployers_policy_is_a_policy_document() -> None:
    assert json.loads(block("deployer policy"))["version"] == "2.0"


@pytest.mark.parametrize("command", sorted(set(re.findall(r"patchmill-deploy ([a-z]+)", TEXT))))
def test_a_command_that_is_named_exists(command: str) -> None:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_options_that_are_named_exist() -> None:
    for command, option in (("apply", "--traffic"), ("destroy", "--with-data"), ("apply", "--yes"), ("logs", "-f")):
        assert option in TEXT
        assert option in CliRunner().invoke(app, [command, "--help"]).output
