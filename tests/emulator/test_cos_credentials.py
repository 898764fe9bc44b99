"""The account's two identities."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from emulator.credentials import Credentials


def test_credentials_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "credentials.json"
    first, second = Credentials(path), Credentials(path)
    assert (first.user, first.role) == (second.user, second.role)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["credentials.json"]


def test_user_is_permanent_and_role_carries_a_token(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "c.json")
    assert credentials.user.token is None
    assert len(credentials.role.token or "") > 100
    assert credentials.find(credentials.role.secret_id) == credentials.role
    assert credentials.find(credentials.user.secret_id) == credentials.user
    assert credentials.find("AKIDother") is None


def test_repr_shows_no_secret(tmp_path: Path) -> None:
    role = Credentials(tmp_path / "c.json").role
    assert role.secret_key not in repr(role)
    assert (role.token or "-") not in repr(role)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"user": {}, "role": {}}'])
def test_unreadable_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ValueError, match=r"c\.json holds no credentials"):
        Credentials(tmp_path / "c.json")
