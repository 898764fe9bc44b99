"""Records of one topic in, the batches of a CKafka trigger out: by count, by wait, and by the size of an event.

Every partition is assigned by hand: no group has to be joined, which would take seconds, and nobody else consumes.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from emulator.scf import limits
from emulator.scf.triggerdesc import Ckafka

_FETCH_WAIT_MS = 40  # the broker does not wake a waiting fetch, so this is the latency of a record
_LOOK_S = 1.0  # how often the topic is looked at: a broker that was started anew may have lost it
_STOP_S = 0.2  # how soon a stop is seen
_EVENT_OVERHEAD = 100


@dataclass(frozen=True)
class Record:
    """A record as the function sees it, and where it came from."""

    partition: int
    offset: int
    entry: dict[str, Any]
    size: int
    """bytes of the entry as JSON"""


class Batches:
    """Use from one thread. After an exception only `close` is left."""

    def __init__(self, trigger: Ckafka, bootstrap: str, wait_s: float, stopping: threading.Event) -> None:
        self._trigger, self._wait, self._stopping = trigger, wait_s, stopping
        self._left: deque[Record] = deque()  # fetched, but not in a batch yet
        self._partitions: set[int] = set()
        self._looked = 0.0
        self._identity: Any = None
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=trigger.consumer_group_name,
            enable_auto_commit=False,
            auto_offset_reset="latest" if trigger.offset == "latest" else "earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_poll_records=trigger.max_msg_num,
            metadata_max_age_ms=int(_LOOK_S * 1000),
            reconnect_backoff_max_ms=500,
            bootstrap_timeout_ms=3000,
            metrics_enabled=False,
        )

    def next(self) -> list[Record]:
        """The next batch; empty when there is nothing for a second, or on a stop."""
        self._look()
        batch: list[Record] = []
        size, end = _EVENT_OVERHEAD, time.monotonic() + _LOOK_S
        while not self._stopping.is_set() and len(batch) < self._trigger.max_msg_num:
            while self._left and len(batch) < self._trigger.max_msg_num:
                if batch and size + self._left[0].size > limits.SYNC_EVENT_BYTES:
                    return batch
                if not batch:
                    end = time.monotonic() + self._wait
                size += self._left[0].size
                batch.append(self._left.popleft())
            left = end - time.monotonic()
            if left <= 0:
                break
            self._fetch(min(left, _STOP_S), self._trigger.max_msg_num - len(batch))
        return batch

    def commit(self, batch: list[Record]) -> None:
        """The function is through with these."""
        done = {self._place(record.partition): OffsetAndMetadata(record.offset + 1, "", -1) for record in batch}
        self._consumer.commit(done)

    def close(self) -> None:
        self._consumer.close()

    def _fetch(self, seconds: float, count: int) -> None:
        if count > 0:
            polled = self._consumer.poll(max(1, int(seconds * 1000)), count)
            self._left.extend(_record(record) for records in polled.values() for record in records)

    def _look(self) -> None:
        """Assign the topic's partitions, as soon as there are any and whenever they change."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        found = self._consumer.partitions_for_topic(self._trigger.topic) or set()
        if not found and not self._partitions:
            self._stopping.wait(_LOOK_S / 4)
            return
        self._looked = time.monotonic()
        if new := found - self._partitions:
            self._partitions |= new
            self._consumer.assign([self._place(number) for number in sorted(self._partitions)])
            self._begin([self._place(number) for number in sorted(new)])
        self._notice_new_topic()

    def _begin(self, new: list[Any]) -> None:
        """Where nothing is committed yet, a number as `offset` is a time in ms.

        What was committed may lie behind the end, on a broker that has forgotten the records, but not the number; it
        would then give nothing, and no error either.
        """
        committed = {place: self._consumer.committed(place) for place in new}
        ends = self._consumer.end_offsets(new)
        for place in new:
            if (committed[place] or 0) > ends[place]:
                self._consumer.seek_to_beginning(place)
        times = {place: self._trigger.offset for place in new if committed[place] is None}
        if isinstance(self._trigger.offset, int) and times:
            for place, found in self._consumer.offsets_for_times(times).items():
                if found:
                    self._consumer.seek(place, found.offset)

    def _notice_new_topic(self) -> None:
        """A topic that was made anew (a broker without a disk was restarted) is read from its beginning.

        The client library sees it, but keeps its position, and the broker answers a position behind the end with
        nothing. The identity has no public accessor.
        """
        identity = self._consumer._cluster.topic_id(self._trigger.topic)
        if self._identity is not None and identity not in (None, self._identity):
            self._left.clear()
            self._consumer.seek_to_beginning()
        self._identity = identity or self._identity

    def _place(self, partition: int) -> Any:
        return TopicPartition(self._trigger.topic, partition)


def _record(raw: Any) -> Record:
    """cloud.tencent.com/document/product/583/17530; a null key is the text "None". What is no UTF-8 is replaced."""
    fields = {
        "topic": raw.topic,
        "Partition": raw.partition,
        "offset": raw.offset,
        "msgKey": "None" if raw.key is None else raw.key.decode("utf-8", "replace"),
        "msgBody": "" if raw.value is None else raw.value.decode("utf-8", "replace"),
    }
    entry = {"Ckafka": fields}
    return Record(raw.partition, raw.offset, entry, len(json.dumps(entry, ensure_ascii=False).encode()) + 2)
