"""The role's keys: the newest of every event, and never shown."""

import json
from typing import Any

import pytest

from patchmill.credentials import RoleKeys
from patchmill.errors import SettingsError

NAMES = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")


def variables(mark: str) -> dict[str, str]:
    return {name: f"{name[13:]}-{mark}" for name in NAMES}


def test_keys_of_the_event_replace_those_of_the_process() -> None:
    keys = RoleKeys(variables("old"))
    assert keys.current.secret_id == "SECRETID-old"
    keys.take({"environment": json.dumps({"SCF_NAMESPACE": "n", **variables("new")})})
    assert (keys.current.secret_id, keys.current.token) == ("SECRETID-new", "SESSIONTOKEN-new")


@pytest.mark.parametrize(
    "context",
    [{}, None, {"environment": "{"}, {"environment": "[]"}, {"environment": '{"TENCENTCLOUD_SECRETID": "x"}'}],
)
def test_event_without_keys_leaves_those_of_the_process(context: Any) -> None:
    environ = variables("old")
    keys = RoleKeys(environ)
    environ |= variables("renewed")
    keys.take(context)
    assert keys.current.secret_key == "SECRETKEY-renewed"


def test_environment_may_be_an_object_already() -> None:
    keys = RoleKeys({})
    keys.take({"environment": variables("new")})
    assert keys.current.secret_id == "SECRETID-new"


def test_function_without_a_role_is_told_so() -> None:
    keys = RoleKeys({})
    keys.take({})
    with pytest.raises(SettingsError, match="TENCENTCLOUD_SECRETID is not set"):
        _ = keys.current


def test_repr_shows_no_secret() -> None:
    assert "SECRETKEY" not in repr(RoleKeys(variables("x")).current)
    assert "TOKEN" not in repr(RoleKeys(variables("x")).current)
