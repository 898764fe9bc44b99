"""For tests of the CKafka trigger: a function that keeps its events, a running trigger, a producer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaProducer

from emulator.scf import Invocation
from emulator.scf.ckafka import CkafkaTrigger
from emulator.scf.triggerdesc import ckafka, ckafka_desc

Event = dict[str, Any]


class Function:
    """Keeps what it is called with; `answer` gives the status for a batch."""

    def __init__(self, answer: Callable[[list[str]], int] = lambda bodies: 200) -> None:
        self.answer = answer
        self.events: list[Event] = []
        self.times: list[float] = []

    def __call__(self, event: Event) -> Invocation:
        self.events.append(event)
        self.times.append(time.monotonic())
        return Invocation(self.answer(bodies(event)), "")

    @property
    def batches(self) -> list[list[str]]:
        return [bodies(event) for event in self.events]

    @property
    def seen(self) -> list[str]:
        return [body for batch in self.batches for body in batch]


def bodies(event: Event) -> list[str]:
    return [record["Ckafka"]["msgBody"] for record in event["Records"]]


@contextmanager
def trigger(
    bootstrap: str, topic: str, function: Callable[[Event], Invocation], wait_s: float = 0.1, **settings: Any
) -> Iterator[CkafkaTrigger]:
    instances, name = {"one": bootstrap}, f"one-{topic}"
    desc = ckafka_desc(name, json.dumps({"offset": "earliest", **settings}), instances=instances)
    known = ckafka(name, desc, instances, f"group-{topic}")
    assert known
    made = CkafkaTrigger(known, bootstrap, function, wait_s=wait_s, retry_delay_s=0.05)
    made.start()
    yield made
    made.stop()
    assert not made._thread.is_alive()


def send(bootstrap: str, topic: str, *values: str, key: str | None = "k", partition: int | None = 0) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=False, max_request_size=8 << 20)
    sent = [
        producer.send(topic, value.encode(), key=key.encode() if key else None, partition=partition) for value in values
    ]
    for one in sent:
        one.get(10)
    producer.close()
