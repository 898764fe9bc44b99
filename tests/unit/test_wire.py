"""Messages on Kafka."""

import json

import pytest

from patchmill import wire
from patchmill.errors import BadRecord
from patchmill.task import Outcome, Reason, Status, failed
from tests.support import samples

MESSAGE = wire.task_message(samples.TASK_ID, 2, "acme", {"kind": "git", "url": "https://x/y"}, "mini", "now")


def test_task_message_is_read_back() -> None:
    message = wire.parse_task_message(wire.dump(MESSAGE))
    assert (message.task_id, message.attempt) == (samples.TASK_ID, 2)


def test_task_message_says_only_the_kind_of_source() -> None:
    assert MESSAGE["source"] == "git"


@pytest.mark.parametrize("version", [0, 1])
def test_this_and_the_previous_version_are_read(version: int) -> None:
    assert wire.parse_task_message(json.dumps({**MESSAGE, "v": version, "new_field": 1})).v == version


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("", "record"),
        ("not json", "record"),
        ("[]", "record"),
        (json.dumps({**MESSAGE, "v": 2}), "v"),
        (json.dumps({**MESSAGE, "task_id": "secret-canary"}), "task_id"),
        (json.dumps({**MESSAGE, "attempt": "1"}), "attempt"),
        (json.dumps({**MESSAGE, "attempt": 0}), "attempt"),
        (json.dumps({"v": 1}), "task_id"),
    ],
)
def test_bad_record_is_named_and_not_repeated(body: str, where: str) -> None:
    with pytest.raises(BadRecord) as caught:
        wire.parse_task_message(body)
    assert str(caught.value).startswith(where)
    assert "canary" not in str(caught.value)


def test_result_message_has_the_same_bytes_each_time() -> None:
    outcome = failed(
        Reason.TIMEOUT, "too slow", artifacts=[{"name": "agent.log", "size": 1, "sha256": "a", "md5": "b"}]
    )
    first = wire.dump(wire.result_message(samples.task(), outcome, "2026-11-24T12:00:00.000Z"))
    second = wire.dump(wire.result_message(samples.task(), outcome, "2026-11-24T12:00:00.000Z"))
    assert first == second
    assert json.loads(first)["artifacts"] == [{"name": "agent.log", "size": 1, "sha256": "a"}]


def test_result_message_of_a_success_has_no_reason() -> None:
    message = wire.result_message(samples.task(), Outcome(Status.COMPLETED), None)
    assert (message["status"], message["reason"]) == ("COMPLETED", None)
    assert message["finished_at"] == "2026-11-24T12:00:00.000Z"
