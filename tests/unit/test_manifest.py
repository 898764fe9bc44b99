"""manifest.json: only a whole one of the right attempt counts."""

import json
from typing import Any

import pytest

from patchmill import manifest
from patchmill.errors import BadRecord
from patchmill.task import Reason, Status
from tests.support.samples import TASK_ID

PATCH = {"name": "diff.patch", "size": 10, "sha256": "a" * 64, "md5": "b" * 32}


def written(**changes: Any) -> bytes:
    body = {"v": 1, "task_id": TASK_ID, "attempt": 1, "status": "COMPLETED", "artifacts": [PATCH], "summary": "done"}
    return json.dumps({**body, **changes}).encode()


def test_manifest_becomes_an_outcome() -> None:
    outcome = manifest.parse(written(exit_code=0, scripted=True), TASK_ID, 1).outcome()
    assert (outcome.status, outcome.reason) == (Status.COMPLETED, None)
    assert outcome.result["artifacts"][0]["name"] == "diff.patch"
    assert outcome.result["scripted"] is True


def test_stages_are_kept_and_the_delivery_s_end_is_the_manifest_s_time() -> None:
    times = {"started_at": "2026-11-24T12:00:00.000Z", "finished_at": "2026-11-24T12:00:01.500Z"}
    outcome = manifest.parse(written(stages={"deliver": times}, traceparent="00-a-b-01"), TASK_ID, 1).outcome()
    assert outcome.result["stages"]["deliver"]["started_at"].startswith("2026-11-24T12:00:00")
    assert outcome.delivered_at is not None and outcome.delivered_at.isoformat() == "2026-11-24T12:00:01.500000+00:00"


def test_failed_manifest_keeps_reason_and_sentence() -> None:
    outcome = manifest.parse(written(status="FAILED", reason="AGENT_ERROR", message="exit 3"), TASK_ID, 1).outcome()
    assert (outcome.reason, outcome.message) == (Reason.AGENT_ERROR, "exit 3")


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"task_id": TASK_ID[:-1] + "B"},
        {"attempt": 2},
        {"status": "QUEUED"},
        {"status": "FAILED"},
        {"reason": "TIMEOUT"},
        {"status": "FAILED", "reason": "MADE_UP"},
        {"artifacts": [PATCH, PATCH]},
        {"artifacts": [{**PATCH, "name": "../../etc/passwd"}]},
        {"artifacts": [{**PATCH, "size": -1}]},
        {"artifacts": [{**PATCH, "md5": "short"}]},
        {"message": "x" * 1001},
        {"stages": {"cook": {"started_at": "2026-11-24T12:00:00.000Z", "finished_at": "2026-11-24T12:00:01.000Z"}}},
        {"stages": {"agent": {"started_at": "2026-11-24T12:00:00.000", "finished_at": "2026-11-24T12:00:01.000"}}},
    ],
)
def test_manifest_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRecord):
        manifest.parse(written(**changes), TASK_ID, 1)


def test_garbage_is_refused() -> None:
    with pytest.raises(BadRecord):
        manifest.parse(b"\xff\x00", TASK_ID, 1)


def test_missing_names_what_is_absent_or_different() -> None:
    parsed = manifest.parse(written(), TASK_ID, 1)
    assert parsed.missing({}) == ["diff.patch"]
    assert parsed.missing({"diff.patch": (10, "c" * 32)}) == ["diff.patch"]
    assert parsed.missing({"diff.patch": (10, "b" * 32)}) == []


def test_longest_texts_of_the_writer_are_taken_by_the_reader() -> None:
    from patchmill_agent.manifest import MESSAGE_LIMIT, SUMMARY_LIMIT

    data = written(status="FAILED", reason="MODEL_ERROR", message="x" * MESSAGE_LIMIT, summary="y" * SUMMARY_LIMIT)
    assert manifest.parse(data, TASK_ID, 1).message == "x" * MESSAGE_LIMIT
