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
from emulator.migrate import migrate
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


def test_migrations_are_applied_once_and_in_order(mariadb: MariaDb, tmp_path: Path) -> None:
    (tmp_path / "0002_more.sql").write_text("ALTER TABLE t ADD COLUMN b INT;\nINSERT INTO t VALUES (1, 2);\n")
    (tmp_path / "0001_table.sql").write_text("CREATE TABLE IF NOT EXISTS t (a INT);\n")
    url = mariadb.empty()
    assert migrate(url, tmp_path) == ["0001_table", "0002_more"]
    assert migrate(url, tmp_path) == []
    assert one(mariadb, url, "SELECT COUNT(*), MAX(b) FROM t") == (1, 2)


def test_migrations_go_on_after_a_killed_one_left_its_lock(mariadb: MariaDb, tmp_path: Path) -> None:
    (tmp_path / "0001_table.sql").write_text("CREATE TABLE IF NOT EXISTS t (a INT);\n")
    url = mariadb.empty()
    migrate(url, tmp_path)
    with mariadb.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, NOW(), 1)")
    (tmp_path / "0002_more.sql").write_text("ALTER TABLE t ADD COLUMN b INT;\n")
    began = time.monotonic()
    assert migrate(url, tmp_path) == ["0002_more"]
    assert time.monotonic() - began < 5


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


def test_topics_get_six_partitions_and_creating_them_twice_is_no_error(kafka_broker: Kafka) -> None:
    topic = kafka_broker.topic()
    kafka.create_topics(kafka_broker.bootstrap, [topic, topic + "-new"])
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    described = admin.describe_topics([topic, topic + "-new"])
    admin.close()
    assert [len(entry["partitions"]) for entry in described] == [6, 6]


def test_topics_are_there_again_after_the_broker_was_killed(engine_folder: Path, engine_loop: LoopThread) -> None:
    port = kafka.free_port()
    broker = kafka.service(engine_folder / "own-kafka", port, ["kept"], engine_folder / "own-kafka.log")
    with running(broker, engine_loop):
        kill(broker)
        admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}")
        topics = admin.list_topics()
        admin.close()
    assert "kept" in topics


def test_creating_topics_says_where_no_broker_answers() -> None:
    port = kafka.free_port()
    with pytest.raises(ServiceError, match=f"no Kafka broker answers at 127.0.0.1:{port}"):
        kafka.create_topics(f"127.0.0.1:{port}", ["t"])
