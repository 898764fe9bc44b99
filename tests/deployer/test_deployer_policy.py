"""The policy of docs/deploy.md is enough to deploy and to destroy, and each of its actions is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from emulator.account import USERS
from emulator.api.policy import MAX_CHARACTERS, parse
from emulator.credentials import Credential
from tests.support.deploydocs import DEPLOY
from tests.support.deployed import Deployed
from tests.support.deployerlife import life, make_cluster_admin, newborn
from tests.support.deployerpolicy import (
    BLOCK,
    NOT_JUDGED,
    Asked,
    Document,
    asked,
    block,
    documented,
    filled,
    policy,
    refused,
)

pytestmark = pytest.mark.timeout(300)  # some hundred commands
NOTHING = {"version": "2.0", "statement": [{"effect": "deny", "action": ["sts:AssumeRole"], "resource": ["*"]}]}


@dataclass
class Grown:
    """A life as a user who got each action only when a call had been refused for want of it."""

    granted: list[str] = field(default_factory=list)
    needs: list[Asked] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    """Actions whose refusal the command did not tell as such."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    found, whole = Grown(), filled(documented())
    with newborn(tmp_path_factory.mktemp("grown")) as stage:
        keys = sub_user(stage, NOTHING)
        for step in life():
            step.before(stage)
            while (action := lived(stage, step.argv, keys, found)) is not None:
                found.granted.append(action)
                grant(stage, keys, only(whole, found.granted))
    return found


def lived(stage: Deployed, argv: tuple[str, ...], keys: Credential, found: Grown) -> str | None:
    """The action that the command was refused for, None when it went through."""
    with stage.watched() as seen:
        done = stage.attempt(*argv)
    ours = seen.by(keys.secret_id)
    found.needs += asked(ours)
    if not (missing := refused(ours)):
        assert done.code == 0, done.output
        return None
    (action, resource), *_ = missing
    assert done.code == 1, f"{action} was refused, and the command went on:\n{done.output}"
    assert action not in found.granted, f"docs/deploy.md allows {action}, but not on {resource}"
    if not told(action, resource, done.output):
        found.unnamed.append(action)
    return action


def told(action: str, resource: str, output: str) -> bool:
    """COS only says that it denies something; the deployer says by which call of the SDK."""
    if action.startswith("name/cos:"):
        return "AccessDenied" in output and re.search(r"\bcos [a-z_]+", output) is not None
    return "UnauthorizedOperation" in output and action in output and resource in output


def sub_user(stage: Deployed, document: Document) -> Credential:
    """The commands are this user's from now on; inside the cluster it may everything."""
    keys: Credential = stage.account.on_loop(partial(stage.account.account.add_user, "deployer", document))
    who = stage.account.on_loop(partial(stage.account.account.name_of, keys.secret_id))
    make_cluster_admin(stage, who.id)
    stage.as_user(keys)
    return keys


def grant(stage: Deployed, keys: Credential, document: Document) -> None:
    """The user has this policy, and no other."""

    def change() -> None:
        user = stage.account.documents.get(USERS, keys.secret_id) or {}
        stage.account.documents.put(USERS, keys.secret_id, {**user, "policies": [json.dumps(document)]})

    stage.account.on_loop(change)


def only(whole: Document, actions: list[str]) -> Document:
    """What the policy says of these actions. An action that it does not have is left out, and will be refused again."""
    statements = [
        {**statement, "action": [action for action in statement["action"] if action in actions]}
        for statement in whole["statement"]
    ]
    return {
        **whole,
        "statement": [statement for statement in statements if statement["action"]] or NOTHING["statement"],
    }


def actions(document: Document) -> list[str]:
    return sorted(action for statement in document["statement"] for action in statement["action"])


@pytest.mark.slow
def test_each_action_is_needed_by_a_call_that_is_refused_without_it(grown: Grown) -> None:
    """Each is granted when everything that the command did before it is: it alone was missing."""
    assert sorted({*grown.granted, *(action for action, _ in NOT_JUDGED)}) == actions(documented())
    assert grown.unnamed == []


def test_documented_policy_is_that_of_the_recorded_requests(grown: Grown) -> None:
    """If not: python -m tests.support.deployerpolicy"""
    found = BLOCK.search(DEPLOY.read_text("utf-8"))
    assert found and found[0] == block(policy([*grown.needs, *NOT_JUDGED]))


def test_documented_policy_is_one_that_cam_takes() -> None:
    text = json.dumps(filled(documented()))
    assert parse(text).statements
    assert len(re.sub(r"\s", "", text)) < MAX_CHARACTERS


def test_user_with_the_documented_policy_deploys_and_destroys(tmp_path: Path) -> None:
    with newborn(tmp_path) as stage:
        keys = sub_user(stage, filled(documented()))
        with stage.watched() as seen:
            stage.run("apply")
            stage.run("destroy", "--with-data")
        assert len(seen.by(keys.secret_id).api) > 100
        assert refused(seen) == []
        assert "scf-function" not in stage.account.content()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Deployed]:
    with newborn(tmp_path) as made:
        yield made


def test_user_without_rights_in_the_cluster_is_told_where_to_get_them(stage: Deployed) -> None:
    keys = stage.account.on_loop(partial(stage.account.account.add_user, "deployer", filled(documented())))
    stage.as_user(keys)
    told = stage.run("apply", code=1)
    assert "Kubernetes.Forbidden" in told and "Obtain cluster admin role" in told
