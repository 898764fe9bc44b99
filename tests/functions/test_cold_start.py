"""The first event of an instance: settings and secrets read once, failures told and not kept, nothing shown."""

from __future__ import annotations

import json
import os
import traceback
from typing import Any

import pytest

from patchmill import wire
from patchmill.errors import SettingsError, Unavailable
from tests.support.samples import TASK_ID, load_event
from tests.support.world import World, ckafka_event

HEALTH = {"httpMethod": "GET", "path": "/healthz", "headers": {}}


def events(world: World) -> dict[str, dict[str, Any]]:
    body = wire.dump(wire.task_message(TASK_ID, 1, "acme", {"kind": "git"}, "command", "now"))
    return {"dispatch": ckafka_event(body), "collect": load_event("timer"), "submit": load_event("cos")}


def test_secrets_are_read_once_and_not_at_every_event(world: World) -> None:
    submit, before = world.function("submit"), world.stand.calls("GetSecretValue")
    for _ in range(3):
        assert submit.main_handler(HEALTH, world.stand.context())["statusCode"] == 200
    assert world.stand.calls("GetSecretValue") - before == 2


def test_http_caller_is_told_to_try_again_and_the_next_event_works(world: World) -> None:
    submit = world.function("submit")
    with world.stand.refusing("GetSecretValue"):
        answer = submit.main_handler(HEALTH, {})
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "2")
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["status"] == 503
    assert submit.main_handler(HEALTH, {})["statusCode"] == 200


@pytest.mark.parametrize("name", ["dispatch", "collect", "submit"])
def test_other_events_are_given_back_and_the_next_one_works(world: World, name: str) -> None:
    index, event = world.function(name), events(world)[name]
    with world.stand.refusing("GetSecretValue", "ResourceNotFound"):
        with pytest.raises(Unavailable, match="ssm GetSecretValue: ResourceNotFound"):
            index.main_handler(event, {})
    index.main_handler(event, {})


def test_secrets_manager_that_nobody_reaches_is_unavailable(world: World) -> None:
    with pytest.raises(Unavailable, match="ssm GetSecretValue: no answer"):
        world.function("collect", PATCHMILL_API_ENDPOINT="127.0.0.1:1").main_handler(load_event("timer"), {})


@pytest.mark.parametrize(("name", "missing"), [("submit", "PATCHMILL_API_KEYS"), ("dispatch", "PATCHMILL_PODS_ROLE")])
def test_setting_that_only_this_function_needs_is_asked_for(world: World, name: str, missing: str) -> None:
    shared = world.env["PATCHMILL_SECRETS"].split(",")[0]
    index = world.function(name, PATCHMILL_SECRETS=shared, PATCHMILL_PODS_ROLE="")
    with pytest.raises(SettingsError, match=f"{missing} is not set"):
        index.main_handler(events(world)[name], {})
    assert world.rows("SELECT id FROM dead_letters") == []


def test_http_caller_of_a_wrong_installation_is_told_no_more_than_that(world: World) -> None:
    answer = world.function("submit", PATCHMILL_MAX_STEPS="many").main_handler(HEALTH, {})
    assert answer["statusCode"] == 500
    assert "PATCHMILL" not in answer["body"]


def test_collect_needs_neither_api_keys_nor_the_pods_role(world: World) -> None:
    shared = world.env["PATCHMILL_SECRETS"].split(",")[0]
    world.function("collect", PATCHMILL_SECRETS=shared, PATCHMILL_PODS_ROLE="").main_handler(load_event("timer"), {})


def test_no_secret_is_in_the_environment_or_the_log(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    context = world.stand.context()
    submit = world.function("submit")
    submit.main_handler(HEALTH, context)
    submit.main_handler({**HEALTH, "path": "/v1/tasks", "httpMethod": "POST"}, context)
    with world.stand.refusing("GetSecretValue"):
        world.function("submit").main_handler(HEALTH, context)
    settings = submit.instance.services(context).settings
    out = "".join(capsys.readouterr()) + json.dumps(dict(os.environ)) + json.dumps(world.env)
    secret = [settings.mysql_url, settings.redis_url, settings.api_keys[0].sha256]
    secret += [value for name, value in json.loads(context["environment"]).items() if name.startswith("TENCENT")]
    assert len(secret) == 6
    assert not [value for value in secret if value and value in out]


@pytest.mark.parametrize("text", ["mysql://root:canary@h/d", '{"PATCHMILL_MYSQL_URL": ["canary"]}'])
def test_traceback_of_a_failed_start_shows_no_secret(world: World, text: str) -> None:
    name = f"{world.env['PATCHMILL_CODE_BUCKET']}-bad"
    world.stand.api.call("ssm", "CreateSecret", SecretName=name, VersionId="v1", SecretString=text)
    collect = world.function("collect", PATCHMILL_SECRETS=f"{name}#v1")
    with pytest.raises(SettingsError) as caught:
        collect.main_handler(load_event("timer"), {})
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert name in shown and "canary" not in shown
