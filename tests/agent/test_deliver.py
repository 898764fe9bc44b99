"""`deliver` as a process: what reaches the bucket, in which order, and what a hostile agent can do about it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from typing import Any

import pytest

from tests.agent.conftest import Pod
from tests.support.zips import Entry, build

SOURCE = build(Entry(b"a.txt", b"one\n"), Entry(b"b.txt", b"two\n"))


def _run_all(pod: Pod, prompt: str, **env: str) -> dict[str, Any]:
    assert pod.fetch_zip(SOURCE)["ok"] is True
    pod.run(prompt)
    return pod.deliver(**env)


def test_everything_arrives_and_the_manifest_comes_last(pod: Pod) -> None:
    manifest = _run_all(pod, "echo 1 > a.txt; rm b.txt; echo 3 > c.txt; echo kept > ../output/report.txt")
    assert (manifest["status"], manifest["reason"], manifest["exit_code"]) == ("COMPLETED", None, 0)
    assert (manifest["task_id"], manifest["attempt"]) == ("01JD0000000000000000000000", 1)
    assert manifest["patch"] == {"files": 3, "insertions": 2, "deletions": 2}
    assert manifest["base"] == {"commit": None, "files": 2}
    assert pod.bucket.order[-1] == "logs/manifest.json"
    assert {artifact["name"] for artifact in manifest["artifacts"]} == {
        "diff.patch",
        "agent.log",
        "prompt.txt",
        "result.json",
        "output.tar.gz",
    }
    for artifact in manifest["artifacts"]:
        content = pod.bucket.objects[f"logs/{artifact['name']}"]
        assert artifact["size"] == len(content)
        assert artifact["sha256"] == hashlib.sha256(content).hexdigest()
        assert artifact["md5"] == hashlib.md5(content).hexdigest()
    assert pod.bucket.objects["logs/agent.log"] == pod.log
    assert "phases/UPLOADING" in pod.bucket.objects
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(pod.bucket.objects["logs/output.tar.gz"]))) as archive:
        assert archive.getnames() == ["report.txt"]


def test_failed_run_still_delivers_its_partial_patch_and_log(pod: Pod) -> None:
    manifest = _run_all(pod, "echo changed > a.txt; echo why; exit 3")
    assert (manifest["status"], manifest["reason"], manifest["exit_code"]) == ("FAILED", "AGENT_ERROR", 3)
    assert manifest["message"] == "command exited with 3"
    assert b"+changed" in pod.bucket.objects["logs/diff.patch"]
    assert b"why\n" in pod.bucket.objects["logs/agent.log"]


def test_source_that_could_not_be_fetched_is_the_reason(pod: Pod) -> None:
    pod.fetch_zip(b"no zip")
    pod.stage("run", PATCHMILL_PROMPT="true")
    manifest = pod.deliver()
    assert (manifest["status"], manifest["reason"], manifest["message"]) == ("FAILED", "SOURCE_ERROR", "not a ZIP file")
    assert [artifact["name"] for artifact in manifest["artifacts"]] == ["agent.log"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"ok": "yes"}', b'{"ok": 1, "reason": null}']
)
def test_missing_or_forged_result_is_an_internal_failure(pod: Pod, content: bytes) -> None:
    pod.fetch_zip(SOURCE)
    (pod.output / "result.json").write_bytes(content)
    manifest = pod.deliver()
    assert (manifest["status"], manifest["reason"]) == ("FAILED", "INTERNAL")
    assert pod.bucket.objects["logs/diff.patch"] == b""


def test_fields_of_the_result_are_typed_and_cut(pod: Pod) -> None:
    pod.fetch_zip(SOURCE)
    forged = {
        "ok": False,
        "reason": "MADE_UP",
        "message": "m" * 10_000,
        "exit_code": "3",
        "agent": "other",
        "model": {"x": 1},
        "scripted": "no",
        "started_at": "yesterday",
        "finished_at": "2026-11-24T00:00:00.000Z",
        "usage": {"model_calls": -1, "input_tokens": 5, "output_tokens": True, "more": 1},
        "summary": "\ud800" + "s" * 10_000,
    }
    (pod.output / "result.json").write_text(json.dumps(forged))
    manifest = pod.deliver()
    assert (manifest["reason"], manifest["agent"], manifest["model"]) == ("INTERNAL", "command", None)
    assert (manifest["exit_code"], manifest["started_at"]) == (None, None)
    assert manifest["finished_at"] == "2026-11-24T00:00:00.000Z"
    assert manifest["usage"] == {"model_calls": 0, "input_tokens": 5, "output_tokens": 0}
    assert (len(manifest["message"]), len(manifest["summary"])) == (1000, 4000)


def test_links_and_pipes_in_the_output_are_never_followed(pod: Pod) -> None:
    pod.fetch_zip(SOURCE)
    secret = pod.root / "secret"
    secret.write_text("canary")
    for name in ("agent.log", "prompt.txt", "result.json", "other", "folder"):
        (pod.output / name).symlink_to(secret)
    os.mkfifo(pod.output / "pipe")
    manifest = pod.deliver()
    assert manifest["reason"] == "INTERNAL"
    assert {artifact["name"] for artifact in manifest["artifacts"]} == {"diff.patch", "result.json"}
    assert not any(b"canary" in content for content in pod.bucket.objects.values())


def test_patch_above_the_limit_fails_and_keeps_the_log(pod: Pod) -> None:
    manifest = _run_all(pod, "head -c 5000 /dev/urandom > big", PATCHMILL_LIMITS='{"max_patch_bytes": 4000}')
    assert (manifest["status"], manifest["reason"]) == ("FAILED", "OUTPUT_TOO_LARGE")
    assert "'big'" in manifest["message"]
    assert pod.bucket.objects["logs/diff.patch"] == b""
    assert b"done: command exited with 0" in pod.bucket.objects["logs/agent.log"]


def test_output_above_the_limit_fails_and_keeps_the_patch(pod: Pod) -> None:
    limits = '{"max_output_bytes": 4000}'
    manifest = _run_all(pod, "head -c 5000 /dev/urandom > ../output/big; echo x > new", PATCHMILL_LIMITS=limits)
    assert manifest["reason"] == "OUTPUT_TOO_LARGE"
    assert b"+x" in pod.bucket.objects["logs/diff.patch"]


def test_log_above_the_limit_is_cut(pod: Pod) -> None:
    pod.fetch_zip(SOURCE)
    (pod.output / "agent.log").write_bytes(b"x" * 5000)
    pod.deliver(PATCHMILL_LIMITS='{"max_log_bytes": 4000}')
    assert pod.bucket.objects["logs/agent.log"] == b"x" * 4000


def test_uploads_survive_faults_on_the_way(pod: Pod) -> None:
    pod.bucket.faults |= {"logs/diff.patch": [503, 0], "logs/agent.log": [500], "logs/manifest.json": [0, 503]}
    assert _run_all(pod, "true")["status"] == "COMPLETED"


def test_artifact_that_is_refused_fails_the_task_but_not_the_manifest(pod: Pod) -> None:
    pod.bucket.faults["logs/diff.patch"] = [403]
    manifest = _run_all(pod, "echo x > new")
    assert (manifest["status"], manifest["reason"]) == ("FAILED", "INTERNAL")
    assert manifest["message"].endswith("diff.patch could not be uploaded: HTTP 403")


def test_exit_code_tells_that_the_manifest_could_not_be_delivered(pod: Pod) -> None:
    pod.fetch_zip(SOURCE)
    pod.bucket.faults["logs/manifest.json"] = [403]
    done = pod.stage("deliver")
    assert done.returncode == 1
    assert b"manifest.json could not be uploaded: HTTP 403" in done.stdout
    assert b"signature" not in done.stdout + done.stderr


def test_agents_git_configuration_hooks_and_attributes_run_nothing(pod: Pod) -> None:
    pwned = pod.root / "pwned"
    prompt = f"""
        git config core.fsmonitor 'touch {pwned}'; git config core.hooksPath .git/hooks
        git config filter.x.clean 'touch {pwned}'; git config diff.x.textconv 'touch {pwned}'
        printf '#!/bin/sh\\ntouch {pwned}\\n' > .git/hooks/pre-commit || mkdir .git/hooks
        echo '* filter=x diff=x' > .gitattributes; echo changed > a.txt; mkdir -p sub/.git; echo x > sub/f
        rm -rf .git/objects; echo garbage > .git/index"""
    manifest = _run_all(pod, prompt)
    assert manifest["status"] == "COMPLETED"
    assert manifest["patch"]["files"] == 3
    assert not pwned.exists()


def test_nothing_at_all_from_the_stages_before_is_an_internal_failure(pod: Pod) -> None:
    manifest = pod.deliver()
    assert (manifest["status"], manifest["message"]) == ("FAILED", "the source's stage left no report")
