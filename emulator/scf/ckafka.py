"""CKafka trigger: a consumer of its own, batches by count and wait, one after the other, at least once.

A run error or an overrun (no room for the event) brings the whole batch again, `retry` times; a system error until it
succeeds, with growing pauses (cloud.tencent.com/document/product/583/17530, .../583/41138 of 2025-06-30; a text of 2024
had overruns tried until success, too). Then the trigger goes on. When exactly the vendor commits is not documented:
here after success, or when the retries are used up. The wait begins with a batch's first record.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from emulator.scf import limits
from emulator.scf.batches import Batches, Record
from emulator.scf.invocation import Invocation
from emulator.scf.triggerdesc import Ckafka

_RECONNECT_S = 0.5
_MAX_PAUSE_S = 60.0
log = logging.getLogger(__name__)

Invoke = Callable[[dict[str, Any]], Invocation]


def _listens(bootstrap: str) -> bool:
    """Whether one of the addresses takes connections."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), timeout=2):
            return True
    return False


class CkafkaTrigger:
    """Runs in a thread of its own; `invoke` blocks until the function has answered."""

    def __init__(
        self,
        trigger: Ckafka,
        bootstrap: str,
        invoke: Invoke,
        *,
        wait_s: float | None,
        retry_delay_s: float,
    ) -> None:
        """`wait_s` None: what the trigger says."""
        self._trigger, self._bootstrap, self._invoke = trigger, bootstrap, invoke
        self._wait = float(trigger.timeout) if wait_s is None else wait_s
        self._retry_delay = retry_delay_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"ckafka-{trigger.topic}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def halt(self) -> None:
        """Deliver nothing more; returns at once."""
        self._stopping.set()

    def stop(self) -> None:
        """Return when the thread has ended, for which `invoke` must return."""
        self._stopping.set()
        self._thread.join(10)

    def _live(self) -> None:
        """A broker that goes away, or comes back empty, is waited for; nothing may end the thread but `stop`."""
        while not self._stopping.is_set():
            try:
                self._consume()
            except Exception as error:  # also what the client library did not foresee
                log.info("ckafka %s: %s: %s", self._trigger.topic, type(error).__name__, error)
                self._stopping.wait(_RECONNECT_S)

    def _consume(self) -> None:
        if not _listens(self._bootstrap):  # the client library would try for seconds, and cannot be stopped meanwhile
            self._stopping.wait(_RECONNECT_S)
            return
        batches = Batches(self._trigger, self._bootstrap, self._wait, self._stopping)
        try:
            while not self._stopping.is_set():
                batch = batches.next()
                if batch and self._deliver(batch):
                    batches.commit(batch)
        finally:
            batches.close()

    def _deliver(self, batch: list[Record]) -> bool:
        """True when the trigger may go on: the function has taken the batch, or the batch is given up."""
        tries, pause, event = 0, self._retry_delay, {"Records": [record.entry for record in batch]}
        while not self._stopping.is_set():
            began, invocation = time.monotonic(), self._invoke(event)
            if invocation.ok:
                return True
            log.info("ckafka %s: %d after %.1f s", self._trigger.topic, invocation.status, time.monotonic() - began)
            if invocation.status == limits.SYSTEM_ERROR:
                self._stopping.wait(pause)
                pause = min(pause * 2, _MAX_PAUSE_S)
                continue
            tries += 1
            if invocation.status not in limits.RUN_ERRORS | limits.OVERRUN or tries > self._trigger.retry:
                log.warning("ckafka %s: a batch of %d was given up", self._trigger.topic, len(batch))
                return True
            self._stopping.wait(self._retry_delay)
        return False
