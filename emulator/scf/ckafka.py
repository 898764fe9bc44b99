"""CKafka trigger: a consumer of its own, batches by count and wait, one after the other, at least once.

A run error brings the whole batch again, `retry` times; an overrun or system error until it succeeds
(cloud.tencent.com/document/product/583/17530, .../583/41138). Then the trigger goes on. When exactly the vendor commits
is not documented: here after success, or when the retries are used up. The wait begins with a batch's first record.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from emulator.scf import limits, schema
from emulator.scf.pool import Invocation

_OVERRUN = (429, 432, 449, 500)
_POLL_MS = 40
_RECONNECT_S = 0.5
_MAX_PAUSE_S = 60.0
log = logging.getLogger(__name__)

Invoke = Callable[[dict[str, Any]], Invocation]


class CkafkaTrigger:
    """Runs in a thread of its own; `invoke` blocks until the function has answered."""

    def __init__(
        self, trigger: schema.Ckafka, bootstrap: str, invoke: Invoke, wait_s: float | None, retry_delay_s: float
    ) -> None:
        self._trigger, self._bootstrap, self._invoke = trigger, bootstrap, invoke
        self._wait = float(trigger.timeout) if wait_s is None else wait_s
        self._retry_delay = retry_delay_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"ckafka-{trigger.topic}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _live(self) -> None:
        """A broker that goes away, or comes back empty, is waited for."""
        while not self._stopping.is_set():
            try:
                self._consume()
            except (KafkaError, OSError, ValueError) as error:
                log.info("ckafka %s: %s", self._trigger.topic, type(error).__name__)
                self._stopping.wait(_RECONNECT_S)

    def _consume(self) -> None:
        earliest = self._trigger.offset == "earliest"
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._trigger.consumer_group_name or f"scf-{self._trigger.topic}",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if earliest else "latest",
            fetch_max_wait_ms=_POLL_MS,
            max_poll_records=self._trigger.max_msg_num,
            bootstrap_timeout_ms=3000,
            metrics_enabled=False,
        )
        try:
            if partitions := self._partitions(consumer):
                consumer.assign(partitions)
                self._seek(consumer, partitions)
                while not self._stopping.is_set():
                    if batch := self._batch(consumer):
                        self._deliver(batch)
                        consumer.commit()
        finally:
            consumer.close()

    def _partitions(self, consumer: Any) -> list[Any]:
        """None while the topic does not exist."""
        while not self._stopping.is_set():
            if found := consumer.partitions_for_topic(self._trigger.topic):
                return [TopicPartition(self._trigger.topic, number) for number in sorted(found)]
            self._stopping.wait(_RECONNECT_S)
        return []

    def _seek(self, consumer: Any, partitions: list[Any]) -> None:
        """A number as `offset` is a time in ms, for partitions of which nothing is committed yet."""
        if not isinstance(self._trigger.offset, int):
            return
        times = {part: self._trigger.offset for part in partitions if consumer.committed(part) is None}
        for part, found in consumer.offsets_for_times(times).items() if times else ():
            if found:
                consumer.seek(part, found.offset)

    def _batch(self, consumer: Any) -> list[dict[str, Any]]:
        batch: list[dict[str, Any]] = []
        size, end = 0, float("inf")
        while not self._stopping.is_set() and len(batch) < self._trigger.max_msg_num and time.monotonic() < end:
            left = min(end - time.monotonic(), 1.0)
            for record in _records(consumer.poll(max(1, int(left * 1000)), self._trigger.max_msg_num - len(batch))):
                entry = _entry(record)
                length = len(json.dumps(entry, ensure_ascii=False).encode()) + 2
                if batch and size + length > limits.SYNC_EVENT_BYTES - 100:
                    consumer.seek(TopicPartition(record.topic, record.partition), record.offset)
                    return batch
                batch.append(entry)
                size += length
                end = min(end, time.monotonic() + self._wait)
        return batch

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        tries, pause = 0, self._retry_delay
        while not self._stopping.is_set():
            invocation = self._invoke({"Records": batch})
            if invocation.ok:
                return
            if invocation.status in _OVERRUN:
                self._stopping.wait(pause)
                pause = min(pause * 2, _MAX_PAUSE_S)
                continue
            tries += 1
            if tries > self._trigger.retry:
                log.warning("ckafka %s: a batch of %d was given up", self._trigger.topic, len(batch))
                return
            self._stopping.wait(self._retry_delay)
        raise OSError("stopping")  # undelivered: nothing may be committed


def _records(polled: dict[Any, list[Any]]) -> list[Any]:
    return [record for records in polled.values() for record in records]


def _entry(record: Any) -> dict[str, Any]:
    return {
        "Ckafka": {
            "topic": record.topic,
            "Partition": record.partition,
            "offset": record.offset,
            "msgKey": "None" if record.key is None else record.key.decode("utf-8", "replace"),
            "msgBody": "" if record.value is None else record.value.decode("utf-8", "replace"),
        }
    }
