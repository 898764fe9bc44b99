"""The producer against a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer, TopicPartition

from patchmill.adapters.kafka import Producer
from tests.support.engines import Kafka
from tests.support.samples import settings_with


@pytest.fixture
def producer(kafka_broker: Kafka) -> Iterator[Producer]:
    producer = Producer(settings_with(PATCHMILL_KAFKA_BOOTSTRAP=kafka_broker.bootstrap))
    yield producer
    producer.close()


def read(kafka_broker: Kafka, topic: str, count: int) -> list[tuple[str, str]]:
    consumer = KafkaConsumer(bootstrap_servers=kafka_broker.bootstrap, fetch_max_wait_ms=50, enable_auto_commit=False)
    partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or [])]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    found: list[tuple[str, str]] = []
    end = time.monotonic() + 10
    while len(found) < count and time.monotonic() < end:
        for records in consumer.poll(timeout_ms=200).values():
            found += [(r.key.decode(), r.value.decode()) for r in records]
    consumer.close()
    return found


def test_message_is_on_the_topic_when_send_returns(kafka_broker: Kafka, producer: Producer) -> None:
    topic = kafka_broker.topic()
    producer.send(topic, "k", "value 项")
    assert read(kafka_broker, topic, 1) == [("k", "value 项")]


def test_producer_survives_its_connections_being_cut(kafka_broker: Kafka, producer: Producer) -> None:
    topic = kafka_broker.topic()
    producer.send(topic, "a", "1")
    assert producer._producer is not None
    producer._producer.close(timeout=1)  # as dead as after a long freeze
    producer.send(topic, "b", "2")
    assert sorted(read(kafka_broker, topic, 2)) == [("a", "1"), ("b", "2")]


def test_unreachable_broker_is_unavailable_in_bounded_time() -> None:
    # In a process of its own: kafka-python leaves sockets to the garbage collector when its first connection fails.
    probe = (
        "from patchmill import errors; from patchmill.adapters.kafka import Producer\n"
        "from tests.support.samples import settings_with\n"
        "try: Producer(settings_with()).send('codex-tasks', 'k', 'v')\n"
        "except errors.Unavailable: print('unavailable')"
    )
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "unavailable", done.stderr
    assert time.monotonic() - started < 15


def test_user_and_password_are_given_as_sasl_plain() -> None:
    from patchmill.adapters.kafka import _options

    options = _options(settings_with(PATCHMILL_KAFKA_USERNAME="ckafka-1#u", PATCHMILL_KAFKA_PASSWORD="p"))
    assert options["security_protocol"] == "SASL_PLAINTEXT"
    assert options["sasl_plain_username"] == "ckafka-1#u"
    assert options["acks"] == "all"
