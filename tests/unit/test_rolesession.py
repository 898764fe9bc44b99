"""Sessions of the pods' role: they outlive what they sign, and are asked for only when they would not."""

from typing import Any

import pytest

from patchmill.adapters.rolesession import RoleSession
from patchmill.errors import SettingsError, Unavailable
from patchmill.settings import MAX_ATTEMPT_S, MAX_SESSION_S


class Sts:
    """AssumeRole on a clock of the test's own; `gives`: the longest that it gives."""

    def __init__(self, gives: int = MAX_SESSION_S) -> None:
        self.now, self.gives = 1_000_000.0, gives
        self.asked: list[dict[str, Any]] = []

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        assert (service, action) == ("sts", "AssumeRole")
        self.asked.append(params)
        keys = {"TmpSecretId": f"AKID{len(self.asked)}", "TmpSecretKey": "k", "Token": "t"}
        return {"Credentials": keys, "ExpiredTime": int(self.now) + min(params["DurationSeconds"], self.gives)}

    def session(self) -> RoleSession:
        return RoleSession(self, "qcs::cam::uin/1:roleName/pods", clock=lambda: self.now)


def test_one_session_serves_attempts_until_it_would_end_before_a_url() -> None:
    sts = Sts()
    session = sts.session()
    first = session.keys(3600)
    sts.now += 3500
    assert session.keys(3600) == first
    sts.now += 1000
    assert session.keys(3600) != first
    assert [params["RoleArn"] for params in sts.asked] == ["qcs::cam::uin/1:roleName/pods"] * 2


def test_longer_attempt_gets_a_longer_session() -> None:
    sts = Sts()
    session = sts.session()
    session.keys(600)
    session.keys(20_000)
    assert all(
        600 < params["DurationSeconds"] - life <= 4000 for params, life in zip(sts.asked, (600, 20_000), strict=True)
    )


def test_longest_attempt_asks_for_the_most_that_the_platform_gives() -> None:
    sts = Sts()
    session = sts.session()
    assert session.keys(MAX_ATTEMPT_S) == session.keys(MAX_ATTEMPT_S)
    assert [params["DurationSeconds"] for params in sts.asked] == [MAX_SESSION_S]


def test_keys_that_end_before_the_url_are_not_used() -> None:
    with pytest.raises(Unavailable, match="end before"):
        Sts(gives=600).session().keys(3600)


def test_answer_without_keys_is_no_session() -> None:
    class Silent:
        def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
            return {}

    with pytest.raises(Unavailable):
        RoleSession(Silent(), "role").keys(60)


def test_function_without_that_role_is_told_so() -> None:
    with pytest.raises(SettingsError, match="PATCHMILL_PODS_ROLE"):
        RoleSession(Sts(), None).keys(60)
