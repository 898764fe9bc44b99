"""The documents are true: README's blocks run as they stand, the examples are accepted, the lists are complete."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from patchmill.manifest import parse as parse_manifest
from patchmill.task import Phase, Reason, Status
from tests.e2e.test_drops import outcome as drop_outcome
from tests.support.emulator_process import PROJECT, EmulatorProcess
from tests.support.git_http import git, make_repository
from tests.support.road import Obj, Road, until, zip_of

FILES = {"app/main.py": "import os\nimport sys\n\nprint(sys.argv)\n"}
README = (PROJECT / "README.md").read_text()
HTTP_API = (PROJECT / "docs/http-api.md").read_text()
ROAD = (PROJECT / "docs/road.md").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A newcomer's own checkout, and the same as code.zip beside it."""
    make_repository(tmp_path / "own", FILES)
    (tmp_path / "own/.git/info/exclude").write_text("code.zip\nfix.patch\nheaders.txt\n")
    (tmp_path / "own/code.zip").write_bytes(zip_of(FILES))
    return tmp_path / "own"


def block(name: str) -> str:
    """The README's code block behind `<!-- runs in the tests: name -->`."""
    found = re.search(rf"<!-- runs in the tests: {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, name
    return found[1]


def run(road: Road, argv: list[str], project: Path) -> str:
    done = subprocess.run(argv, cwd=project, env=road.shell, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_readme_folder(road: Road, project: Path) -> None:
    run(road, ["bash", "-eu", "-c", block("folder")], project)
    assert (project / "app/main.py").read_text() == "import sys\n\nprint(sys.argv)\n"


def test_readme_curl(road: Road, project: Path) -> None:
    run(road, ["bash", "-eu", "-c", block("curl")], project)
    git("apply", "--check", "fix.patch", cwd=project)
    assert "-import os\n" in (project / "fix.patch").read_text()


def test_readme_drop(road: Road, project: Path) -> None:
    run(road, [sys.executable, "-c", block("drop")], project)
    assert drop_outcome(road, "app")["status"] == "COMPLETED"
    patch = road.read(road.values["COS_LOGS_BUCKET"], "results/dev/app/diff.patch").decode()
    assert "-import os\n" in patch
    assert "agent.log" in str(road.keys(road.values["COS_LOGS_BUCKET"], "results/dev/app/"))


def deployer_shell(cloud: EmulatorProcess, road: Road) -> dict[str, str]:
    """A newcomer's shell after `make up` and `. .local/env`, for an emulator that does not live in .local."""
    return {**road.shell, "PATCHMILL_EMULATOR_ROOT": str(cloud.root)}


def test_readme_plan_says_no_changes_after_up(cloud: EmulatorProcess, road: Road) -> None:
    said = in_project(["bash", "-eu", "-c", block("plan")], deployer_shell(cloud, road))
    assert "no changes" in said
    for function in ("submit", "dispatch", "collect"):
        assert f"{function}  Active" in said


def test_readme_osls_prints_and_deploys(cloud: EmulatorProcess, road: Road) -> None:
    said = in_project(["bash", "-eu", "-c", block("osls")], deployer_shell(cloud, road))
    assert "service: patchmill" in said and "main_handler" in said
    assert "no changes" in said


def in_project(argv: list[str], shell: dict[str, str]) -> str:
    done = subprocess.run(argv, cwd=PROJECT, env=shell, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_readme_names_every_marked_block() -> None:
    assert re.findall(r"<!-- runs in the tests: (\w+) -->", README) == ["folder", "curl", "drop", "plan", "osls"]


def examples(text: str) -> list[Any]:
    """Every JSON block of a document."""
    return [json.loads(found) for found in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


def example(text: str, *fields: str) -> Obj:
    """The one JSON block that has these fields."""
    [found] = [each for each in examples(text) if all(field in each for field in fields)]
    assert isinstance(found, dict)
    return found


def test_example_request_is_accepted(road: Road) -> None:
    [body] = [each for each in examples(HTTP_API) if "prompt" in each and "id" not in each]
    answer = road.request("POST", "/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json().items() >= {"agent": "mini", "model": body["model"], "labels": body["labels"]}.items()
    road.request("POST", f"{answer.headers['Location']}/cancel")
    assert road.ended(answer.json()["id"])["status"] in ("CANCELLED", "FAILED")  # there is no such host


def test_example_of_a_task_has_the_fields_of_a_task(road: Road) -> None:
    shown, real = example(HTTP_API, "id", "links"), road.run("echo made > made.txt")
    assert list(shown) == list(real)
    for name in ("limits", "usage", "patch", "links"):
        assert list(shown[name]) == list(real[name])
    assert list(shown["artifacts"][0]) == list(real["artifacts"][0])


def test_example_of_an_upload_has_the_fields_of_an_upload(road: Road) -> None:
    answer = road.request("POST", "/v1/uploads", json={"size": 12345})
    shown = example(HTTP_API, "upload_id", "method")
    assert list(shown) == list(answer.json())
    assert (shown["headers"], shown["max_bytes"]) == (answer.json()["headers"], answer.json()["max_bytes"])


def test_example_of_a_problem_is_what_the_server_says(road: Road) -> None:
    [body] = [each for each in examples(HTTP_API) if "prompt" in each and "id" not in each]
    answer = road.request("POST", "/v1/tasks", json={**body, "agnet": "mini"})
    assert answer.json() == example(HTTP_API, "title", "detail")


def test_every_reason_status_and_phase_is_explained() -> None:
    table = HTTP_API.split("| reason | what happened |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([A-Z_]+)`", table)) == set(Reason.__members__)
    states = HTTP_API.split("`status`:")[1].split("| reason |")[0]
    assert set(re.findall(r"[A-Z_]{5,}", states)) >= set(Status.__members__) | set(Phase.__members__)
    assert set(re.findall(r"[A-Z_]{5,}", states)) <= {*Status.__members__, *Phase.__members__}
    assert set(re.findall(r"QUEUED|PROCESSING|COMPLETED|FAILED|CANCELLED", ROAD)) == set(Status.__members__)


def test_json_of_every_hop_is_what_travels(road: Road) -> None:
    task = road.run("echo made > made.txt")
    wake_up = next(json.loads(value) for key, value in road.messages("codex-tasks") if key == task["id"])
    assert set(example(ROAD, "enqueued_at")) == set(wake_up)
    bucket = road.values["COS_LOGS_BUCKET"]
    written = road.read(bucket, f"logs/{task['id']}/1/manifest.json")
    shown = example(ROAD, "base")
    assert set(shown) == set(json.loads(written))
    assert set(shown["artifacts"][0]) == set(json.loads(written)["artifacts"][0])
    assert parse_manifest(written, task["id"], 1)
    [result] = until("the result's message", lambda: road.results([task["id"]])[task["id"]])
    assert set(example(ROAD, "pull_request")) == set(json.loads(result))
