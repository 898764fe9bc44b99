"""References to secrets → settings: what wins, what is refused, and that no text shows their content."""

import json
from typing import Any

import pytest

from patchmill.errors import SettingsError, Unavailable
from patchmill.secrets import with_secrets


class Secrets:
    """A Secrets Manager of a few texts by (name, version)."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.asked: list[str] = []

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        assert (service, action) == ("ssm", "GetSecretValue")
        self.asked.append(f"{params['SecretName']}#{params['VersionId']}")
        if params["SecretName"] not in self.texts:
            raise Unavailable("ssm GetSecretValue: no answer")
        return {"SecretString": self.texts[params["SecretName"]]}


def test_settings_come_from_every_secret_by_its_version() -> None:
    secrets = Secrets(
        shared=json.dumps({"PATCHMILL_MYSQL_URL": "mysql://u:p@h/d"}), keys='{"PATCHMILL_API_KEYS": "[]"}'
    )
    found = with_secrets({"PATCHMILL_SECRETS": "shared#v1, keys#v2", "OTHER": "x"}, secrets)
    assert secrets.asked == ["shared#v1", "keys#v2"]
    assert (found["PATCHMILL_MYSQL_URL"], found["PATCHMILL_API_KEYS"], found["OTHER"]) == ("mysql://u:p@h/d", "[]", "x")


def test_environment_wins_unless_it_is_empty() -> None:
    secrets = Secrets(shared='{"A": "secret", "B": "secret"}')
    found = with_secrets({"PATCHMILL_SECRETS": "shared#1", "A": "mine", "B": ""}, secrets)
    assert (found["A"], found["B"]) == ("mine", "secret")


def test_environment_itself_is_left_alone() -> None:
    environ = {"PATCHMILL_SECRETS": "shared#1"}
    with_secrets(environ, Secrets(shared='{"A": "secret"}'))
    assert environ == {"PATCHMILL_SECRETS": "shared#1"}


def test_nothing_is_asked_for_without_references() -> None:
    secrets = Secrets()
    assert with_secrets({"A": "1"}, secrets) == {"A": "1"}
    assert secrets.asked == []


def test_secret_that_is_not_given_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        with_secrets({"PATCHMILL_SECRETS": "gone#1"}, Secrets())


@pytest.mark.parametrize("text", ["canary", '["canary"]', '{"A": {"canary": 1}}', "{canary"])
def test_content_of_no_use_is_refused_by_the_secret_s_name_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsError, match="the secret shared is not") as caught:
        with_secrets({"PATCHMILL_SECRETS": "shared#1"}, Secrets(shared=text))
    assert "canary" not in str(caught.value) and caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["shared", "shared#", "#1", "shared#1,keys"])
def test_reference_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="PATCHMILL_SECRETS"):
        with_secrets({"PATCHMILL_SECRETS": text}, Secrets(shared="{}"))
