"""A folder goes down the whole road by the `patchmill` command, and every witness of it says the same."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import OTHER_KEY, unpacked
from tests.support.gate import Gate
from tests.support.git_http import git
from tests.support.road import Road, until

PHASES = ["DISPATCHED", "DOWNLOADING_CODE", "RUNNING_AGENT", "UPLOADING"]


def test_patch_of_a_real_package_applies_to_a_clean_copy(road: Road, package: Path, tmp_path: Path) -> None:
    clean = shutil.copytree(package, tmp_path / "clean")
    done = road.patchmill("submit", "--repo", package, "--agent", "command", "ruff check --fix .", "--follow", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    task = json.loads(done.stdout.splitlines()[-1])
    assert (task["status"], task["exit_code"]) == ("COMPLETED", 0)
    patch = road.patchmill("diff", task["id"]).stdout
    assert "-import os\n" in patch
    git("init", "--quiet", cwd=clean)
    (tmp_path / "fix.patch").write_text(patch)
    git("apply", "--check", str(tmp_path / "fix.patch"), cwd=clean)
    applied = road.patchmill("diff", task["id"], "--apply", "--repo", clean)
    assert applied.returncode == 0, applied.stderr
    assert (clean / "markdown_it/added.py").read_text() == "import sys\n\nprint(sys.argv)\n"
    counted = len([line for line in patch.splitlines() if line.startswith("diff --git")])
    assert counted == task["patch"]["files"] > 1


def test_patch_is_kept_when_the_command_is_not_content(road: Road, tmp_path: Path) -> None:
    """ruff mends what it can and exits with 1 for the rest: the task has failed, and the work done is not lost."""
    folder = unpacked("tabulate", tmp_path)
    done = road.patchmill("submit", "--repo", folder, "--agent", "command", "ruff check --fix .", "--follow", "--json")
    assert done.returncode == 1
    task = json.loads(done.stdout.splitlines()[-1])
    assert (task["status"], task["reason"], task["exit_code"]) == ("FAILED", "AGENT_ERROR", 1)
    (tmp_path / "fix.patch").write_bytes(road.artifact(task["id"], "diff.patch"))
    git("init", "--quiet", cwd=folder)
    git("apply", "--check", str(tmp_path / "fix.patch"), cwd=folder)


def test_log_is_live_while_the_command_runs_and_the_same_afterwards(road: Road, closed_gate: Gate) -> None:
    task_id = road.submit(f"echo before; {closed_gate.command}; echo 后 af''ter")
    closed_gate.wait_for(1)
    until("the live log", lambda: "before\n" in road.log(task_id))
    assert "after\n" not in road.log(task_id)
    assert (road.task(task_id)["status"], road.task(task_id)["phase"]) == ("PROCESSING", "RUNNING_AGENT")
    follower = subprocess.Popen(
        ["patchmill", "logs", task_id, "--follow"], env=road.shell, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    closed_gate.open()
    followed = follower.communicate(timeout=60)[0]
    assert road.ended(task_id)["status"] == "COMPLETED"
    stored = road.artifact(task_id, "agent.log")
    assert "before\n后 after\n" in stored.decode()
    assert followed == stored == road.log(task_id).encode()
    pod = road.objects("pods", task_id)[0]["metadata"]["name"]
    assert road.kubectl("logs", pod, "-c", "agent").stdout.encode() == stored


def test_phases_are_seen_in_their_order(road: Road, closed_gate: Gate) -> None:
    task_id = road.submit(closed_gate.command)
    seen: list[str] = []

    def look() -> bool:
        task = road.task(task_id)
        state = task["phase"] or task["status"]
        if state not in seen:
            seen.append(state)
        if state == "RUNNING_AGENT":
            closed_gate.open()
        return bool(task["status"] == "COMPLETED")

    until("the end of the task", look)
    assert seen == [state for state in ["QUEUED", *PHASES, "COMPLETED"] if state in seen]
    assert "RUNNING_AGENT" in seen
    told = {key.rsplit("/", 1)[1] for key in road.keys(road.values["COS_LOGS_BUCKET"], f"phases/{task_id}/1/")}
    assert told == set(PHASES[1:])


def test_every_witness_says_the_same(road: Road) -> None:
    task_id = road.submit("echo done > new.txt; mkdir -p ../output/more; echo x > ../output/more/report.txt")
    task = road.ended(task_id)
    assert [a["name"] for a in task["artifacts"]] == [
        "agent.log",
        "prompt.txt",
        "diff.patch",
        "output.tar.gz",
        "result.json",
    ]
    for artifact in task["artifacts"]:
        content = road.artifact(task_id, artifact["name"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (artifact["size"], artifact["sha256"])
    listed = next(each for each in road.request("GET", "/v1/tasks").json()["tasks"] if each["id"] == task_id)
    assert road.cached(task_id) == listed == task
    [row] = road.rows("SELECT status, phase, reason, attempt, version FROM tasks WHERE id = %s", task_id)
    assert (row["status"], row["attempt"], row["version"]) == ("COMPLETED", 1, task["version"])
    [attempt] = road.rows("SELECT job_uid, status FROM attempts WHERE task_id = %s", task_id)
    [job] = road.objects("jobs", task_id)
    assert (attempt["job_uid"], attempt["status"]) == (job["metadata"]["uid"], "COMPLETED")
    assert road.rows("SELECT kind FROM outbox WHERE task_id = %s", task_id) == []
    [message] = until("the result's message", lambda: road.results([task_id])[task_id])
    result = json.loads(message)
    for name in ("status", "reason", "message", "finished_at", "attempt", "tenant", "artifacts"):
        assert result[name] == task[name], name


def test_artifacts_are_saved_by_the_command(road: Road, tmp_path: Path) -> None:
    task = road.run("echo changed > readme.txt")
    done = road.patchmill("artifacts", task["id"], "--download", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "+changed" in (tmp_path / "out" / "diff.patch").read_text()
    assert {p.name for p in (tmp_path / "out").iterdir()} == {a["name"] for a in task["artifacts"]}


@pytest.mark.parametrize(
    "request_line", ["GET {}", "GET {}/logs", "GET {}/artifacts", "GET {}/artifacts/diff.patch", "POST {}/cancel"]
)
def test_another_tenants_key_finds_nothing(road: Road, finished: str, request_line: str) -> None:
    method, path = request_line.format(f"/v1/tasks/{finished}").split()
    assert road.request(method, path, key=OTHER_KEY).status_code == 404
    assert road.request("GET", "/v1/tasks", key=OTHER_KEY).json()["tasks"] == []
    assert road.request(method, path, key="pm_unknown").status_code == 401


@pytest.fixture(scope="module")
def finished(road: Road) -> str:
    return str(road.run("true")["id"])
