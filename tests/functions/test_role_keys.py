"""The role's temporary keys on the road: renewed between events, and outlived by what a pod was given."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from patchmill import keys, wire
from patchmill.errors import Unavailable
from patchmill.task import Limits, NewTask
from tests.support.samples import API_KEY, TASK_ID
from tests.support.world import World, ckafka_event

MINUTE, HOUR = 60, 3600


def function(world: World, name: str, scratch: Path | None = None) -> ModuleType:
    """A function whose process was started with keys that end in an hour."""
    return world.function(name, scratch, **world.stand.keys(seconds=HOUR))


def created(world: World, task_id: str = TASK_ID) -> None:
    source = {"kind": "upload", "upload_id": world.uploaded()}
    world.services.tasks.create(NewTask(task_id, "acme", "command", None, "tidy", source, Limits(60, 10)))


def record(task_id: str = TASK_ID) -> dict[str, Any]:
    return ckafka_event(wire.dump(wire.task_message(task_id, 1, "acme", {"kind": "upload"}, "command", "now")))


def given(world: World, name: str) -> str:
    return base64.b64decode(world.secret(TASK_ID)["data"][name]).decode()


def submission(world: World) -> dict[str, Any]:
    body = {"prompt": "tidy", "agent": "command", "source": {"upload_id": world.uploaded()}}
    headers = {"authorization": f"Bearer {API_KEY}"}
    return {"httpMethod": "POST", "path": "/v1/tasks", "headers": headers, "body": json.dumps(body)}


def test_keys_of_the_newest_event_are_used_by_cos(world: World) -> None:
    event, submit = submission(world), function(world, "submit")
    assert submit.main_handler(event, {})["statusCode"] == 202
    with world.stand.later(2 * HOUR):
        assert submit.main_handler(event, {})["statusCode"] == 503
        assert submit.main_handler(event, world.stand.context())["statusCode"] == 202


def test_keys_of_the_newest_event_are_used_by_the_api(world: World, tmp_path: Path) -> None:
    created(world)
    dispatch = function(world, "dispatch", tmp_path)
    with world.stand.later(2 * HOUR):
        with pytest.raises(Unavailable, match="AuthFailure"):
            dispatch.main_handler(record(), {})
        dispatch.main_handler(record(), world.stand.context())
    assert len(world.jobs()) == 1


def test_urls_of_a_pod_outlive_the_keys_of_the_function(world: World) -> None:
    created(world)
    dispatch = function(world, "dispatch")
    dispatch.main_handler(record(), world.stand.context(seconds=MINUTE))
    services = dispatch.instance.services(world.stand.context(seconds=MINUTE))
    own = services.code.presign("GET", keys.upload("acme", world.uploaded()), HOUR)
    assert requests.get(own, timeout=10).status_code == 200
    with world.stand.later(10 * MINUTE):
        assert requests.get(own, timeout=10).status_code == 403
        assert requests.get(given(world, "source-url"), timeout=10).content.startswith(b"PK")
        for url in json.loads(given(world, "uploads")).values():
            assert requests.put(url, data=b"late", timeout=10).status_code == 200


def test_urls_of_a_pod_end_with_the_session_that_signed_them(world: World) -> None:
    created(world)
    function(world, "dispatch").main_handler(record(), world.stand.context())
    with world.stand.later(13 * HOUR):
        assert requests.get(given(world, "source-url"), timeout=10).status_code == 403


def test_one_session_signs_for_many_attempts(world: World) -> None:
    other = TASK_ID[:-1] + "Z"
    created(world)
    created(world, other)
    dispatch, before = function(world, "dispatch"), world.stand.calls("AssumeRole")
    dispatch.main_handler(record(), world.stand.context())
    dispatch.main_handler(record(other), world.stand.context())
    assert (len(world.jobs()), world.stand.calls("AssumeRole") - before) == (2, 1)


def test_pods_role_that_cannot_be_had_gives_the_event_back(world: World) -> None:
    created(world)
    dispatch = function(world, "dispatch")
    with world.stand.refusing("AssumeRole", "UnauthorizedOperation"):
        with pytest.raises(Unavailable, match="sts AssumeRole: UnauthorizedOperation"):
            dispatch.main_handler(record(), world.stand.context())
    assert world.rows("SELECT id FROM dead_letters") == []
    dispatch.main_handler(record(), world.stand.context())
    assert len(world.jobs()) == 1


def test_access_that_the_cluster_no_longer_knows_is_renewed(world: World, tmp_path: Path) -> None:
    created(world)
    kept = tmp_path / f"patchmill-kubeconfig-{world.env['PATCHMILL_TKE_CLUSTER']}"
    kept.write_text(world.stand.kubeconfig("revoked"))
    kept.chmod(0o600)
    function(world, "dispatch", tmp_path).main_handler(record(), world.stand.context())
    assert len(world.jobs()) == 1
    assert "revoked" not in kept.read_text()


def test_no_key_of_a_role_is_in_what_a_pod_gets(world: World) -> None:
    created(world)
    context = world.stand.context()
    function(world, "dispatch").main_handler(record(), context)
    text = json.dumps([world.jobs(), {name: given(world, name) for name in world.secret(TASK_ID)["data"]}])
    for name, value in json.loads(context["environment"]).items():
        assert value not in text or name == "SCF_NAMESPACE"
