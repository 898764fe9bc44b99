"""Kafka through kafka-python: one producer per instance, acks=all, confirmed before `send` returns.

The platform freezes an instance between events: the producer's thread stands still and its connections may be dead when
it is thawed. So nothing may be left in a buffer, and a send that fails is tried once more with a new producer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patchmill.errors import Unavailable
from patchmill.settings import Settings

if TYPE_CHECKING:
    from kafka import KafkaProducer

_ANSWER_S = 3.0


class Producer:
    """Connects at the first send."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None

    def send(self, topic: str, key: str, value: str) -> None:
        """Returns when all in-sync replicas have it. Raises Unavailable when nobody answers within a few seconds."""
        from kafka.errors import KafkaError

        problem: Exception | None = None
        for _ in range(2):
            fresh = self._producer is None
            try:
                future = self._connected().send(topic, key=key.encode(), value=value.encode())
                future.get(timeout=_ANSWER_S)
                return
            except (KafkaError, OSError) as error:
                problem = error
                self.close()
                if fresh:
                    break  # only a connection from before a freeze is worth a second try
        raise Unavailable("Kafka does not answer") from problem

    def check(self, topic: str) -> None:
        """By a connection of its own. Raises Unavailable when no broker answers, or when there is no such topic."""
        from kafka import KafkaProducer
        from kafka.errors import KafkaError

        try:
            producer = KafkaProducer(**_options(self._settings))
            try:
                found = producer.partitions_for(topic)
            finally:
                producer.close(timeout=0.2)
        except (KafkaError, OSError) as error:
            raise Unavailable("Kafka does not answer") from error
        if not found:
            raise Unavailable("Kafka has no such topic")

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            from kafka import KafkaProducer

            self._producer = KafkaProducer(**_options(self._settings))
        return self._producer

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=0.2)


def _options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.kafka_bootstrap),
        "client_id": "patchmill",
        "acks": "all",
        # Every message may be repeated, so a producer id buys nothing; a broker that lost its state refuses an old id.
        "enable_idempotence": False,
        "allow_auto_create_topics": False,
        "linger_ms": 0,
        "retries": 3,
        "max_block_ms": int(_ANSWER_S * 1000),
        "request_timeout_ms": int(_ANSWER_S * 1000) - 500,
        "delivery_timeout_ms": int(_ANSWER_S * 1000),
        "bootstrap_timeout_ms": int(_ANSWER_S * 1000),
        "reconnect_backoff_max_ms": 500,
        "metrics_enabled": False,
    }
    if settings.kafka_username:
        # CKafka's user is "<instance id>#<user>" (cloud.tencent.com/document/product/597/57773).
        options |= {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password or "",
        }
    return options
