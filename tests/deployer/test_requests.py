"""Every request of a stage's whole life, held against the SDK's own models, and searched for secrets.

That the stand-in refuses a wrong signature, an expired one and an unknown parameter: tests/emulator/test_api_server.py.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tencentcloud.common.abstract_model import AbstractModel

import deployer
from deployer.cloud import VERSIONS
from emulator.api.server import Recorded
from tests.support.cloudlet import OWNER
from tests.support.deployed import Deployed
from tests.support.deployerlife import SECRETS, life, newborn

PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
PASSWORDS = re.compile(r"(first|second|third|fourth|fifth|sixth)-password")


@dataclass(frozen=True)
class Lived:
    """`requests`: what the deployer has asked the API for, in order."""

    stage: Deployed
    requests: list[Recorded]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    requests: list[Recorded] = []
    with newborn(tmp_path_factory.mktemp("lived")) as stage:
        for step in life():
            step.before(stage)
            with stage.watched() as seen:
                stage.run(*step.argv)
            requests += seen.by(OWNER.secret_id).api
        yield Lived(stage, requests)


def test_every_request_is_what_the_sdks_model_of_it_says(lived: Lived) -> None:
    assert len(lived.requests) > 800
    assert {each.version for each in lived.requests} == {VERSIONS[each.service] for each in lived.requests}
    problems = {f"{each.service} {each.action}: {problem}" for each in lived.requests for problem in faults(each)}
    assert problems == set()


def test_model_refuses_what_it_does_not_know() -> None:
    """The test above can fail."""
    params = {"RoleName": 7, "Rolename": "a", "Tags": [{"Key": "a", "Value": 1}]}
    request = Recorded("cam", VERSIONS["cam"], "CreateRole", "", "", "", params)
    told = " ".join(faults(request))
    assert "Rolename" in told and "RoleName: 7" in told and "Value: 1" in told


def test_every_action_that_the_deployer_knows_is_in_the_recorded_life(lived: Lived) -> None:
    """Those that stand in its source; else the policy of docs/deploy.md lacks some."""
    used = {each.action for each in lived.requests}
    named = {
        node.value
        for path in Path(deployer.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in actions()
    }
    assert named == used


def test_no_request_fails_but_for_what_is_not_there(lived: Lived) -> None:
    failed = {each.code for each in lived.requests if each.code}
    assert all("NotFound" in code or "NotExist" in code or "NonExist" in code or "Conflict" in code for code in failed)


def test_secret_values_go_to_the_secrets_manager_and_nowhere_else(lived: Lived) -> None:
    values = [*SECRETS.values(), OWNER.secret_key]
    sent = {each.service: "" for each in lived.requests}
    for each in lived.requests:
        sent[each.service] += json.dumps(each.params)
    assert PASSWORDS.search(sent.pop("ssm"))
    texts = [*sent.values(), *lived.stage.printed, *lived.stage.account.boundaries.names]
    assert [text[:300] for text in texts if PASSWORDS.search(text) or any(value in text for value in values)] == []


def test_keys_that_do_not_belong_together_are_told_with_what_to_do(lived: Lived) -> None:
    keys = {"TENCENTCLOUD_SECRET_KEY": "another-secret-key"}
    before = dict(lived.stage.environ)
    lived.stage.environ |= keys
    told = lived.stage.run("plan", code=1)
    lived.stage.environ.clear()
    lived.stage.environ |= before
    assert "AuthFailure.SignatureFailure" in told and "Copy both again" in told
    assert "another-secret-key" not in told and OWNER.secret_key not in told


@cache
def models(service: str) -> ModuleType:
    return importlib.import_module(f"tencentcloud.{service}.v{VERSIONS[service].replace('-', '')}.models")


@cache
def actions() -> frozenset[str]:
    """Of all services that the deployer calls."""
    names = (name for service in VERSIONS for name in vars(models(service)))
    return frozenset(name.removesuffix("Request") for name in names if name.endswith("Request"))


def faults(request: Recorded) -> list[str]:
    """What the model loses, warns of, or has another type for."""
    model: AbstractModel = getattr(models(request.service), f"{request.action}Request")()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model._deserialize(request.params)
    lost = [] if model._serialize() == request.params else [f"{request.params} became {model._serialize()}"]
    return [*(str(each.message) for each in warned), *lost, *mistyped(model)]


def mistyped(model: AbstractModel) -> Iterator[str]:
    """By the documented type of each property, like ":rtype: list of str"."""
    for field, value in vars(model).items():
        documented = getattr(type(model), field[1:], None).__doc__ or ""
        kind = re.search(r":rtype: (?:list of )?(\S+)", documented)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, AbstractModel):
                yield from mistyped(item)
            elif item is not None and kind and type(item) not in PLAIN.get(kind[1], (Any,)):
                yield f"{field[1:]}: {item!r} is no {kind[1]}"
