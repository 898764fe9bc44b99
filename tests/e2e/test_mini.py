"""The `mini` agent on the road: with a scripted model, as the demo has it, and with an endpoint that takes a key."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import MODEL_KEY
from tests.support.emulator_process import PROJECT
from tests.support.git_http import git
from tests.support.model_server import ModelServer
from tests.support.road import Road

SAMPLE = PROJECT / "demo" / "repo"


def passes(folder: Path) -> bool:
    done = subprocess.run([sys.executable, "-B", "-m", "unittest"], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def test_scripted_model_mends_the_sample_and_says_that_it_is_scripted(road: Road, tmp_path: Path) -> None:
    copy = shutil.copytree(SAMPLE, tmp_path / "durations", ignore=shutil.ignore_patterns("__pycache__"))
    assert not passes(copy)
    arguments = ["--agent", "mini", "--model", "scripted/demo", "Mend the failing test.", "--follow", "--json"]
    done = road.patchmill("submit", "--repo", copy, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    task = json.loads(done.stdout.splitlines()[-1])
    assert (task["status"], task["scripted"], task["usage"]["model_calls"]) == ("COMPLETED", True, 6)
    assert "scripted model" in road.log(task["id"])
    result = json.loads(road.artifact(task["id"], "result.json"))
    assert result["scripted"] is True
    assert "scripted model" in result["message"]
    git("init", "--quiet", cwd=copy)
    applied = road.patchmill("diff", task["id"], "--apply", "--repo", copy)
    assert applied.returncode == 0, applied.stderr
    assert passes(copy)


def test_live_model_gets_the_key_and_its_calls_are_counted(road: Road, model: ModelServer) -> None:
    model.commands = ["echo by a model > made.txt"]
    task = road.run("Make a file.", agent="mini", model="some-model")
    assert (task["status"], task["scripted"], task["usage"]["model_calls"]) == ("COMPLETED", False, 2), task
    assert model.keys == {f"Bearer {MODEL_KEY}"}
    assert "scripted" not in road.log(task["id"])
    assert "+by a model" in road.artifact(task["id"], "diff.patch").decode()


def test_model_that_leaves_its_cassette_is_a_model_error(road: Road) -> None:
    task = road.run("Mend it.", {"other.py": "x = 1\n"}, agent="mini", model="scripted/demo")
    assert (task["status"], task["reason"]) == ("FAILED", "MODEL_ERROR")


def test_model_calls_are_limited(road: Road, model: ModelServer) -> None:
    model.commands = ["true"] * 9
    try:
        task = road.run("Go on.", agent="mini", model="some-model", limits={"max_steps": 2})
    finally:
        model.commands = []
    assert (task["status"], task["reason"], task["usage"]["model_calls"]) == ("FAILED", "BUDGET", 2)
