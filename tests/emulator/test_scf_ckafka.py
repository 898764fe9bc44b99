"""CKafka trigger against the real broker: batches by count, wait and size, order, repetition, giving up."""

from __future__ import annotations

import json
import time
from pathlib import Path

from emulator.scf import ScfSettings
from tests.support.ckafka import Function, send, trigger
from tests.support.engines import Kafka
from tests.support.scf import KAFKA, Code, run_scf, until


def test_event_is_the_documented_one(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("event"), Function()
    send(kafka_broker.bootstrap, topic, "größer", key="task-1", partition=3)
    send(kafka_broker.bootstrap, topic, "next", key=None, partition=3)
    with trigger(kafka_broker.bootstrap, topic, function):
        until(lambda: len(function.seen) == 2)
    fields = [record["Ckafka"] for event in function.events for record in event["Records"]]
    assert fields == [
        {"topic": topic, "Partition": 3, "offset": 0, "msgKey": "task-1", "msgBody": "größer"},
        {"topic": topic, "Partition": 3, "offset": 1, "msgKey": "None", "msgBody": "next"},
    ]


def test_batch_is_full_at_the_declared_count(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("count"), Function()
    send(kafka_broker.bootstrap, topic, *map(str, range(10)))
    with trigger(kafka_broker.bootstrap, topic, function, maxMsgNum=4):
        until(lambda: len(function.seen) == 10)
    assert [len(batch) for batch in function.batches] == [4, 4, 2]
    assert function.seen == list(map(str, range(10)))


def test_batch_that_does_not_fill_is_delivered_after_the_wait(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("wait"), Function()
    with trigger(kafka_broker.bootstrap, topic, function, wait_s=0.8):
        time.sleep(0.3)
        began = time.monotonic()
        send(kafka_broker.bootstrap, topic, "a")
        send(kafka_broker.bootstrap, topic, "b")
        until(lambda: function.events)
    assert function.batches[0] == ["a", "b"]
    assert function.times[0] - began > 0.7


def test_batch_keeps_below_the_size_of_an_event_and_loses_nothing(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("size"), Function()
    send(kafka_broker.bootstrap, topic, *(str(number) * 2_500_000 for number in range(3)))
    with trigger(kafka_broker.bootstrap, topic, function):
        until(lambda: len(function.seen) == 3, 15)
    assert all(len(json.dumps(event)) < 6 << 20 for event in function.events)
    assert [[body[0] for body in batch] for batch in function.batches] == [["0", "1"], ["2"]]


def test_failed_batch_comes_again_whole_and_the_next_one_waits(kafka_broker: Kafka) -> None:
    failures = iter([430, 433])
    topic, function = kafka_broker.topic("again"), Function(lambda batch: next(failures, 200))
    send(kafka_broker.bootstrap, topic, "a", "b", "c")
    with trigger(kafka_broker.bootstrap, topic, function, maxMsgNum=2, retry=5):
        until(lambda: len(function.events) == 4)
    assert function.batches == [["a", "b"], ["a", "b"], ["a", "b"], ["c"]]
    assert function.times[1] - function.times[0] >= 0.05


def test_poison_is_given_up_after_the_retries_and_the_trigger_goes_on(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("poison"), Function(lambda batch: 430 if "bad" in batch else 200)
    send(kafka_broker.bootstrap, topic, "bad", "good")
    with trigger(kafka_broker.bootstrap, topic, function, maxMsgNum=1, retry=2):
        until(lambda: "good" in function.seen)
    assert function.batches == [["bad"], ["bad"], ["bad"], ["good"]]


def test_event_that_can_never_be_delivered_is_given_up_at_once(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("large"), Function(lambda batch: 406 if "huge" in batch else 200)
    send(kafka_broker.bootstrap, topic, "huge", "next")
    with trigger(kafka_broker.bootstrap, topic, function, maxMsgNum=1):
        until(lambda: "next" in function.seen)
    assert function.batches == [["huge"], ["next"]]


def test_system_errors_use_up_no_retry(kafka_broker: Kafka) -> None:
    failures = iter([500, 500])
    topic, function = kafka_broker.topic("system"), Function(lambda batch: next(failures, 200))
    send(kafka_broker.bootstrap, topic, "a")
    with trigger(kafka_broker.bootstrap, topic, function, retry=0):
        until(lambda: len(function.events) == 3)


def test_overruns_use_up_retries_like_run_errors(kafka_broker: Kafka) -> None:
    failures = iter([432, 430, 449, 200])
    topic, function = kafka_broker.topic("overrun"), Function(lambda batch: next(failures, 200))
    send(kafka_broker.bootstrap, topic, "lost", "next")
    with trigger(kafka_broker.bootstrap, topic, function, retry=2, maxMsgNum=1):
        until(lambda: "next" in function.seen)
    assert function.batches == [["lost"]] * 3 + [["next"]]


def test_latest_leaves_out_what_was_there_before(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("latest"), Function()
    send(kafka_broker.bootstrap, topic, "old")
    with trigger(kafka_broker.bootstrap, topic, function, offset="latest"):
        time.sleep(1.0)
        send(kafka_broker.bootstrap, topic, "new")
        until(lambda: function.events)
    assert function.seen == ["new"]


def test_real_function_gets_its_batches(kafka_broker: Kafka, tmp_path: Path) -> None:
    topic = kafka_broker.topic("real")
    code = """
        import json, os
        def main_handler(event, context):
            bodies = [record["Ckafka"]["msgBody"] for record in event["Records"]]
            print("BATCH " + json.dumps(bodies))
            if "bad" in bodies:
                raise ValueError("bad")
    """
    desc = json.dumps({"maxMsgNum": 2, "offset": "earliest", "retry": 1})
    eat = Code(code, triggers=[{"TriggerName": f"{KAFKA}-{topic}", "Type": "ckafka", "TriggerDesc": desc}])
    send(kafka_broker.bootstrap, topic, "a", "b", "bad", "c", "d")
    settings = ScfSettings(ckafka_wait_s=0.2, ckafka_retry_delay_s=0.05)
    with run_scf(tmp_path, {"eat": eat}, kafka=kafka_broker.bootstrap, settings=settings) as cloud:
        until(lambda: (tmp_path / "logs/functions/eat.log").exists() and '["d"]' in cloud.log("eat"))
        lines = [line for line in cloud.log("eat").splitlines() if line.startswith("BATCH")]
    assert lines == ['BATCH ["a", "b"]', 'BATCH ["bad", "c"]', 'BATCH ["bad", "c"]', 'BATCH ["d"]']
