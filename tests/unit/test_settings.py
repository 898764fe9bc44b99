"""Settings are read once, checked, and never shown."""

import base64

import pytest

from patchmill.settings import SettingsError
from tests.support.samples import settings_with


def test_defaults_hold_for_what_is_not_set() -> None:
    settings = settings_with(PATCHMILL_GIT_SCHEMES="")
    assert settings.git_schemes == ("https",)
    assert settings.agents == ("mini", "command")
    assert settings.tenants == {"acme", "globex"}
    assert settings.kube_ca_pem is None


def test_certificate_is_decoded() -> None:
    assert settings_with(PATCHMILL_KUBE_CA_DATA=base64.b64encode(b"PEM").decode()).kube_ca_pem == "PEM"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PATCHMILL_MYSQL_URL", "", "is not set"),
        ("PATCHMILL_TASK_TIMEOUT_S", "soon", "no whole number"),
        ("PATCHMILL_TASK_TIMEOUT_S", "0", "above zero"),
        ("PATCHMILL_API_KEYS", "[{}]", "not a JSON list"),
        ("PATCHMILL_API_KEYS", "oops", "not a JSON list"),
        ("PATCHMILL_API_KEYS", '[{"sha256": "plain-key", "tenant": "acme"}]', "sha256 in hex"),
        ("PATCHMILL_KUBE_CA_DATA", "%%%", "not base64"),
    ],
)
def test_wrong_setting_is_named_and_not_shown(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        settings_with(**{name: value})
    assert message in str(caught.value)
    assert not value or value not in str(caught.value)


def test_no_secret_is_in_a_repr() -> None:
    settings = settings_with()
    for text in (repr(settings), repr(settings.cloud)):
        assert "canary" not in text
