"""The right reason for each way in which a pod can end without a manifest."""

from typing import Any

import pytest

from patchmill.podstate import ended, explain, not_started
from patchmill.task import Reason

JOB: dict[str, Any] = {"status": {}}
FAILED = {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}}
DEADLINE = {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}}


def pod(*, init: list[dict[str, Any]] | None = None, **status: Any) -> dict[str, Any]:
    return {"status": {"initContainerStatuses": init or [], **status}}


def waiting(reason: str) -> dict[str, Any]:
    return {"name": "fetch", "state": {"waiting": {"reason": reason, "message": "no such image"}}}


def terminated(reason: str, code: int) -> dict[str, Any]:
    return {"name": "agent", "state": {"terminated": {"reason": reason, "exitCode": code}}}


DISRUPTED = [{"type": "DisruptionTarget", "status": "True"}]
UNSCHEDULABLE = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]


@pytest.mark.parametrize(
    ("job", "the_pod", "reason"),
    [
        (None, None, Reason.JOB_LOST),
        (FAILED, None, Reason.NODE_LOST),
        (FAILED, pod(init=[terminated("OOMKilled", 137)]), Reason.OUT_OF_MEMORY),
        (FAILED, pod(init=[terminated("Error", 1)]), Reason.INTERNAL),
        (FAILED, pod(reason="Evicted", message="Usage of EmptyDir volume exceeds the limit"), Reason.OUT_OF_DISK),
        (FAILED, pod(reason="Evicted", message="The node was low on memory"), Reason.NODE_LOST),
        (FAILED, pod(reason="NodeLost"), Reason.NODE_LOST),
        (FAILED, pod(conditions=DISRUPTED), Reason.NODE_LOST),
        (DEADLINE, None, Reason.TIMEOUT),
        (FAILED, pod(reason="DeadlineExceeded"), Reason.TIMEOUT),
        (JOB, pod(init=[waiting("ErrImagePull")]), Reason.IMAGE_PULL),
        (JOB, pod(init=[waiting("ImagePullBackOff")]), Reason.IMAGE_PULL),
        (JOB, pod(init=[waiting("InvalidImageName")]), Reason.IMAGE_PULL),
        (JOB, pod(conditions=UNSCHEDULABLE), Reason.UNSCHEDULABLE),
        (FAILED, pod(), Reason.INTERNAL),
    ],
)
def test_reason_of_an_end_without_manifest(job: Any, the_pod: Any, reason: Reason) -> None:
    outcome = explain(job, the_pod)
    assert outcome.reason is reason
    assert outcome.message and len(outcome.message) <= 1000


def test_job_has_ended_when_complete_or_failed() -> None:
    assert ended(FAILED)
    assert ended({"status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    assert not ended(JOB)
    assert not ended({"status": {"conditions": [{"type": "Complete", "status": "False"}]}})


def test_nothing_stands_in_the_way_of_a_pod_that_is_just_slow() -> None:
    assert not_started(pod(init=[waiting("PodInitializing")])) is None
    assert not_started(None) is None


def test_exit_message_is_shown_and_cut() -> None:
    status = {"name": "deliver", "state": {"terminated": {"exitCode": 2, "message": "x" * 5000}}}
    outcome = explain(FAILED, {"status": {"containerStatuses": [status]}})
    assert outcome.message is not None
    assert outcome.message.startswith("The container deliver ended with code 2: xxx")
