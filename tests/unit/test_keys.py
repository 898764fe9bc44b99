"""Object keys and Job names, both ways."""

import pytest

from patchmill import keys
from tests.support.samples import TASK_ID


def test_job_name_is_read_back() -> None:
    name = keys.job_name(TASK_ID, 3)
    assert name == f"pm-{TASK_ID.lower()}-3"
    assert keys.parse_job(name) == (TASK_ID, 3)
    assert keys.parse_job("pm-other-1") is None


def test_artifact_and_phase_keys_are_read_back() -> None:
    assert keys.parse_attempt(keys.artifact(TASK_ID, 2, "manifest.json")) == ("logs", TASK_ID, 2, "manifest.json")
    assert keys.parse_attempt(keys.phase(TASK_ID, 1, "UPLOADING")) == ("phases", TASK_ID, 1, "UPLOADING")


@pytest.mark.parametrize(
    "key", ["logs/x/1/manifest.json", f"logs/{TASK_ID}/0/a", f"logs/{TASK_ID}/1/a/b", f"x/{TASK_ID}/1/a", ""]
)
def test_foreign_key_is_no_attempt(key: str) -> None:
    assert keys.parse_attempt(key) is None


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        ("drops/acme/app.zip", ("acme", "app")),
        ("drops/acme/team/app v1.zip", ("acme", "team/app v1")),
        ("drops/acme/项目.zip", ("acme", "项目")),
        ("drops/acme/../app.zip", None),
        ("drops/acme//app.zip", None),
        ("drops/ACME/app.zip", None),
        ("drops/acme/app.tar", None),
        ("drops/app.zip", None),
        ("drops/acme/.zip", None),
    ],
)
def test_drop_key_gives_tenant_and_name(key: str, parsed: tuple[str, str] | None) -> None:
    assert keys.parse_drop(key) == parsed
