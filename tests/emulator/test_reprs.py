"""What ends up in a log or a traceback by its repr shows no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.account import Session
from emulator.api.server import Recorded
from emulator.api.signature import Request
from emulator.credentials import Credential
from emulator.settings import Settings
from emulator.state import State

SECRET = "hunter2"
CREDENTIAL = Credential("AKIDshown", SECRET, SECRET)


@pytest.mark.parametrize(
    "shown",
    [
        CREDENTIAL,
        Session(CREDENTIAL, 0.0),
        State(api_key=SECRET, kube_token=SECRET),
        Settings(Path("root"), variables={"PATCHMILL_API_KEYS": SECRET}, environ={"OPENAI_API_KEY": SECRET}),
        Recorded("ssm", "2019-09-23", "CreateSecret", "", "1", "AKIDshown", {"SecretString": SECRET}),
        Request("POST", "/", "", {"x-tc-token": SECRET}, SECRET.encode()),
    ],
    ids=lambda shown: type(shown).__name__,
)
def test_repr_shows_no_secret(shown: object) -> None:
    assert SECRET not in repr(shown)
