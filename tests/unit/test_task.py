"""States, phases, reasons, and what clients see of a task."""

from datetime import datetime, timezone

import pytest

from patchmill.task import ALLOWED, Outcome, Phase, Reason, Status, failed, iso, public, sources_of
from tests.support import samples


def test_terminal_states_allow_nothing() -> None:
    for status in Status:
        assert status.terminal == (not ALLOWED[status])


def test_sources_of_completed_is_processing_alone() -> None:
    assert sources_of(Status.COMPLETED) == (Status.PROCESSING,)


def test_sources_of_cancelled_are_both_running_states() -> None:
    assert set(sources_of(Status.CANCELLED)) == {Status.QUEUED, Status.PROCESSING}


def test_a_phase_is_entered_only_from_earlier_ones() -> None:
    assert Phase.UPLOADING.before == (Phase.DISPATCHED, Phase.DOWNLOADING_CODE, Phase.RUNNING_AGENT)
    assert Phase.DISPATCHED.before == ()


def test_only_a_lost_node_is_worth_a_new_attempt() -> None:
    assert [reason for reason in Reason if reason.retryable] == [Reason.NODE_LOST]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.QUEUED, None), (Status.FAILED, None), (Status.COMPLETED, Reason.TIMEOUT)],
)
def test_outcome_is_refused_when_it_contradicts_itself(status: Status, reason: Reason | None) -> None:
    with pytest.raises(ValueError):
        Outcome(status, reason)


def test_times_are_shown_in_utc_with_milliseconds() -> None:
    assert iso(datetime(2026, 1, 2, 3, 4, 5, 678999)) == "2026-01-02T03:04:05.678Z"
    assert iso(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)) == "2026-01-02T03:04:05.000Z"
    assert iso(None) is None


def test_public_view_hides_md5_and_shows_links() -> None:
    artifact = {"name": "diff.patch", "size": 3, "sha256": "a" * 64, "md5": "b" * 32}
    view = public(samples.task(status=Status.COMPLETED, result={"artifacts": [artifact], "exit_code": 0}))
    assert view["artifacts"] == [{"name": "diff.patch", "size": 3, "sha256": "a" * 64}]
    assert view["links"]["logs"] == f"/v1/tasks/{samples.TASK_ID}/logs"
    assert view["phase"] is None


def test_public_view_says_scripted_before_and_after_the_run() -> None:
    assert public(samples.task(agent="mini", model="scripted/demo"))["scripted"] is True
    assert public(samples.task(agent="mini", model="gpt-5", result={"scripted": False}))["scripted"] is False


def test_failed_carries_reason_and_sentence() -> None:
    outcome = failed(Reason.TIMEOUT, "too slow")
    assert (outcome.status, outcome.reason, outcome.message) == (Status.FAILED, Reason.TIMEOUT, "too slow")
