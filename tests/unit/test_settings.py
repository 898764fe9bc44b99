"""Settings are read once, checked, and never shown."""

import pytest

from patchmill import settings as module
from patchmill.errors import SettingsError
from tests.support.samples import environment, settings_with


def test_defaults_hold_for_what_is_not_set() -> None:
    settings = settings_with(PATCHMILL_GIT_SCHEMES="")
    assert settings.git_schemes == ("https",)
    assert settings.agents == ("mini", "command")
    assert settings.tenants == {"acme", "globex"}
    assert (settings.priority_class, settings.service_account, settings.kubeconfig) == (None, None, None)


def test_function_without_api_keys_or_a_pods_role_reads_its_settings() -> None:
    settings = settings_with(PATCHMILL_API_KEYS="", PATCHMILL_PODS_ROLE="")
    assert (settings.api_keys, settings.pods_role) == ((), None)


def test_setting_that_a_function_needs_is_asked_for_by_name() -> None:
    with pytest.raises(SettingsError, match="PATCHMILL_PODS_ROLE is not set"):
        module.read(environment(PATCHMILL_PODS_ROLE=""), needs=("PATCHMILL_PODS_ROLE",))


def test_cluster_is_given_by_its_id_or_by_a_kubeconfig() -> None:
    assert settings_with(PATCHMILL_TKE_CLUSTER="", PATCHMILL_KUBECONFIG="text").kubeconfig == "text"
    with pytest.raises(SettingsError, match="PATCHMILL_TKE_CLUSTER is not set"):
        settings_with(PATCHMILL_TKE_CLUSTER="")


@pytest.mark.parametrize(
    "changes",
    [
        {"PATCHMILL_MAX_TIMEOUT_S": "43200"},
        {"PATCHMILL_TASK_TIMEOUT_S": "43200"},
        {"PATCHMILL_START_TIMEOUT_S": "20000", "PATCHMILL_DELIVER_TIMEOUT_S": "2000"},
    ],
)
def test_attempt_that_would_outlive_the_keys_of_its_urls_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="PATCHMILL_DELIVER_TIMEOUT_S are"):
        settings_with(**changes)


def test_longest_attempt_is_allowed() -> None:
    rest = module.MAX_ATTEMPT_S - 900 - 300
    assert settings_with(PATCHMILL_MAX_TIMEOUT_S=str(rest)).max_timeout_s == rest


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PATCHMILL_MYSQL_URL", "", "is not set"),
        ("PATCHMILL_TASK_TIMEOUT_S", "soon", "no whole number"),
        ("PATCHMILL_TASK_TIMEOUT_S", "0", "above zero"),
        ("PATCHMILL_API_KEYS", "[{}]", "not a JSON list"),
        ("PATCHMILL_API_KEYS", "oops", "not a JSON list"),
        ("PATCHMILL_API_KEYS", '[{"sha256": "plain-key", "tenant": "acme"}]', "sha256 in hex"),
    ],
)
def test_wrong_setting_is_named_and_not_shown(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        settings_with(**{name: value})
    assert message in str(caught.value)
    assert not value or value not in str(caught.value)


def test_no_secret_is_in_a_repr() -> None:
    settings = settings_with(PATCHMILL_MYSQL_URL="mysql://u:canary@h/d", PATCHMILL_KUBECONFIG="canary")
    assert "canary" not in repr(settings)


def test_key_of_the_canarys_own_tenant_is_refused() -> None:
    keys = '[{"sha256": "%s", "tenant": "canary"}]' % ("0" * 64)
    with pytest.raises(SettingsError, match="canary's own"):
        settings_with(PATCHMILL_API_KEYS=keys)
