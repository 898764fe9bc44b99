"""The keys of the account's owner."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from emulator.credentials import Credentials


def test_credentials_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "credentials.json"
    first, second = Credentials(path), Credentials(path)
    assert first.user == second.user
    assert first.user.token is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["credentials.json"]


def test_repr_shows_no_secret(tmp_path: Path) -> None:
    user = Credentials(tmp_path / "c.json").user
    assert user.secret_key not in repr(user)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"user": {}}'])
def test_unreadable_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ValueError, match=r"c\.json holds no credentials"):
        Credentials(tmp_path / "c.json")
