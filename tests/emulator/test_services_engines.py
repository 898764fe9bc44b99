"""The three engines, each driven through the client library that the functions use."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from emulator.listen import LoopThread
from emulator.services import kafka, mariadb
from emulator.services.process import Service, ServiceError
from tests.support.engines import Kafka, MariaDb, Redis, running


def one(server: MariaDb, url: str, sql: str) -> tuple[object, ...]:
    with server.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
        assert row is not None
        return tuple(row)


def test_database_is_strict_utc_and_read_committed(mariadb: MariaDb) -> None:
    sql = "SELECT @@tx_isolation, @@time_zone, @@character_set_database, @@innodb_flush_log_at_trx_commit"
    assert one(mariadb, mariadb.empty(), sql) == ("READ-COMMITTED", "+00:00", "utf8mb4", 1)


def test_database_has_no_tcp_port(mariadb: MariaDb) -> None:
    assert one(mariadb, mariadb.empty(), "SELECT @@skip_networking") == (1,)


@pytest.fixture(scope="module")
def own_database(engine_folder: Path, engine_loop: LoopThread) -> Iterator[tuple[Service, Path]]:
    """A MariaDB of this file's own, to be killed."""
    log, data, socket = engine_folder / "own.log", engine_folder / "own", engine_folder / "own.sock"
    mariadb.install(data, log)
    with running(mariadb.service(data, socket, log), engine_loop) as service:
        yield service, socket


def test_committed_row_survives_sigkill_and_the_server_comes_back(own_database: tuple[Service, Path]) -> None:
    service, socket = own_database
    mariadb.create_database(socket, "kept")
    with mariadb.connect(socket, "kept") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a INT)")
        cursor.execute("INSERT INTO t VALUES (7)")
    assert service.pid
    kill(service)
    with mariadb.connect(socket, "kept") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchone() == (7,)


def kill(service: Service) -> None:
    """SIGKILL it and wait until its supervisor has it running again."""
    before = service.restarts
    assert service.pid
    os.kill(service.pid, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while service.restarts == before:
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.02)


def test_cache_keeps_a_value_and_evicts_when_full(redis_server: Redis) -> None:
    with redis.Redis.from_url(redis_server.fresh()) as client:
        client.set("a", "1")
        assert client.get("a") == b"1"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.config_get("port") == {"port": "0"}


def test_broker_delivers_what_was_produced(kafka_broker: Kafka) -> None:
    topic = kafka_broker.topic("tasks")
    producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap, acks="all")
    producer.send(topic, b"body", key=b"key", partition=3).get(10)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=kafka_broker.bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 3)])
    records = [record for batch in consumer.poll(5000).values() for record in batch]
    consumer.close()
    assert [(record.key, record.value) for record in records] == [(b"key", b"body")]


def partitions(bootstrap: str, *topics: str) -> list[int]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    described = admin.describe_topics(list(topics))
    admin.close()
    return [len(entry["partitions"]) for entry in described]


def test_topics_are_created_once_grow_and_go(kafka_broker: Kafka) -> None:
    kept: dict[str, int] = {}
    topics = kafka.Topics(kafka_broker.bootstrap, kept)
    topics.create("made", 2)
    topics.create("made", 2)
    assert partitions(kafka_broker.bootstrap, "made") == [2]
    assert "made" in topics.names() and kept == {"made": 2}
    topics.grow("made", 5)
    assert partitions(kafka_broker.bootstrap, "made") == [5] and kept == {"made": 5}
    topics.delete("made")
    topics.delete("made")
    assert "made" not in topics.names() and kept == {}


def test_topics_are_there_again_after_the_broker_was_killed(engine_folder: Path, engine_loop: LoopThread) -> None:
    port = kafka.free_port()
    broker = kafka.service(engine_folder / "own-kafka", port, {"kept": 3}, engine_folder / "own-kafka.log")
    with running(broker, engine_loop):
        kill(broker)
        assert partitions(f"127.0.0.1:{port}", "kept") == [3]


def test_creating_a_topic_says_where_no_broker_answers() -> None:
    port = kafka.free_port()
    with pytest.raises(ServiceError, match=f"no Kafka broker answers at 127.0.0.1:{port}"):
        kafka.Topics(f"127.0.0.1:{port}", {}).create("t", 1)
