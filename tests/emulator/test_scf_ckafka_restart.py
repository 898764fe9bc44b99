"""CKafka trigger: what happens when the trigger, or the broker, goes away and comes back."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from emulator.listen import LoopThread
from emulator.scf import Invocation
from emulator.services.kafka import Topics, free_port, service
from tests.support.ckafka import Event, Function, send, trigger
from tests.support.engines import Kafka, running
from tests.support.scf import until


def test_what_was_delivered_does_not_come_again_after_a_restart(kafka_broker: Kafka) -> None:
    topic, first, second = kafka_broker.topic("restart"), Function(), Function()
    send(kafka_broker.bootstrap, topic, "a", "b")
    with trigger(kafka_broker.bootstrap, topic, first):
        until(lambda: len(first.seen) == 2)
    send(kafka_broker.bootstrap, topic, "c")
    with trigger(kafka_broker.bootstrap, topic, second):
        until(lambda: second.events)
    assert second.batches == [["c"]]


def test_stop_in_the_middle_of_a_batch_leaves_it_for_the_next_start(kafka_broker: Kafka) -> None:
    topic, entered, leave, second = kafka_broker.topic("middle"), threading.Event(), threading.Event(), Function()

    def stuck(event: Event) -> Invocation:
        entered.set()
        leave.wait(10)
        return Invocation(500, "")

    send(kafka_broker.bootstrap, topic, "a")
    with trigger(kafka_broker.bootstrap, topic, stuck) as first:
        assert entered.wait(10)
        first.halt()
        leave.set()
    with trigger(kafka_broker.bootstrap, topic, second):
        until(lambda: second.events)
    assert second.batches == [["a"]]


def test_topic_may_be_made_later(kafka_broker: Kafka) -> None:
    topic, function = "made-later", Function()
    with trigger(kafka_broker.bootstrap, topic, function):
        time.sleep(0.5)
        Topics(kafka_broker.bootstrap, {}).create(topic, 4)
        send(kafka_broker.bootstrap, topic, "a")
        until(lambda: function.events)


def test_broker_that_comes_back_empty_is_followed(tmp_path: Path, engine_loop: LoopThread) -> None:
    port, function = free_port(), Function()
    bootstrap, log = f"127.0.0.1:{port}", tmp_path / "kafka.log"
    with trigger(bootstrap, "tasks", function):  # there is no broker yet
        time.sleep(0.2)
        with running(service(tmp_path / "kafka", port, {}, log), engine_loop):
            Topics(bootstrap, {}).create("tasks", 4)
            send(bootstrap, "tasks", *"abc")
            until(lambda: function.seen == ["a", "b", "c"], 15)
        time.sleep(0.5)
        with running(service(tmp_path / "kafka", port, {}, log), engine_loop):
            Topics(bootstrap, {}).create("tasks", 4)
            send(bootstrap, "tasks", "d")
            until(lambda: function.seen == ["a", "b", "c", "d"], 15)


def test_topic_that_grows_is_followed(kafka_broker: Kafka) -> None:
    topic, function = kafka_broker.topic("growing"), Function()
    topics = Topics(kafka_broker.bootstrap, {})
    with trigger(kafka_broker.bootstrap, topic, function):
        send(kafka_broker.bootstrap, topic, "a")
        until(lambda: function.seen == ["a"])
        topics.grow(topic, 8)
        send(kafka_broker.bootstrap, topic, *"bcdefghi")
        until(lambda: set("bcdefghi") <= set(function.seen))
