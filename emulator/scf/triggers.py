"""The triggers that run: each stored trigger in; a timer's task, a consumer's thread, an address or a COS rule out.

A trigger is started when it is created and at every start of the emulator, and started anew when it is changed; a
Function URL only exchanges the app behind its address. What is called is looked up at every event: an alias may move.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, Protocol

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.events import ObjectEvent
from emulator.scf import cos, timer, url
from emulator.scf.ckafka import CkafkaTrigger
from emulator.scf.invocation import Invocation
from emulator.scf.queue import AsyncQueue, EventTooLarge, Target
from emulator.scf.records import Trigger
from emulator.scf.triggerdesc import CosRule, ckafka, cos_rule

log = logging.getLogger(__name__)

Invoke = Callable[[Target, Any], Awaitable[Invocation]]


class Urls(Protocol):
    """Where Function URLs answer (emulator/urls.py)."""

    async def open(self, url_id: str, app: ASGIApp) -> str:
        """The address without a path, like http://127.0.0.1:PORT; the same one for the same `url_id`."""

    async def close(self, url_id: str) -> None:
        """For ever: the address is given up."""

    async def keep(self, url_ids: Collection[str]) -> None:
        """The same for all but these."""


class Triggers:
    """Use from the loop's thread."""

    def __init__(
        self,
        invoke: Invoke,
        *,
        kafka: Mapping[str, str],
        urls: Urls,
        region: str,
        ckafka_wait_s: float | None,
        ckafka_retry_delay_s: float,
    ) -> None:
        self._invoke, self._kafka, self._urls, self._region = invoke, kafka, urls, region
        self._wait, self._retry_delay = ckafka_wait_s, ckafka_retry_delay_s
        self._queue: AsyncQueue | None = None
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._consumers: dict[str, CkafkaTrigger] = {}
        self._rules: dict[str, tuple[CosRule, Target]] = {}
        self._apps: dict[str, ASGIApp] = {}
        # One change of a trigger after the other: else one that is ended while it is started would run for ever.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.addresses: dict[str, str] = {}
        """Of each Function URL that is open, by its trigger's id."""

    async def start(self, queue: AsyncQueue, known: list[Trigger]) -> None:
        for trigger in known:
            if trigger.type == "cos":  # all of them before the first change of an object is taken
                self._begin(trigger)
        self._queue = queue
        await self._urls.keep([trigger.id for trigger in known if trigger.type == "http"])
        for trigger in known:
            await self.run(trigger)

    async def run(self, trigger: Trigger) -> None:
        """Start it, or have it go on as it now is. Returns when a Function URL can be called."""
        async with self._locks[trigger.id]:
            if trigger.type == "http":
                await self._listen(trigger)
            else:
                await self._halt(trigger.id)
                self._begin(trigger)

    def _begin(self, trigger: Trigger) -> None:
        if not trigger.enabled:
            return
        if trigger.type == "timer":
            put = partial(self._put_timer, target(trigger))
            work = timer.run(trigger.name, trigger.desc["cron"], trigger.argument, put)
            self._timers[trigger.id] = asyncio.create_task(work)
        elif trigger.type == "cos":
            self._rules[trigger.id] = (cos_rule(trigger.name, trigger.desc), target(trigger))
        elif trigger.type == "ckafka":
            self._consume(trigger)

    async def end(self, trigger: Trigger) -> None:
        """For ever. A request to a Function URL that is under way is cut off, the event goes on."""
        async with self._locks[trigger.id]:
            await self._halt(trigger.id)
            self._apps.pop(trigger.id, None)
            if self.addresses.pop(trigger.id, None) is not None:
                await self._urls.close(trigger.id)
        self._locks.pop(trigger.id, None)

    async def stop(self, close_pools: Callable[[], Awaitable[None]]) -> None:
        """End all of them until the next start. `close_pools` ends the events that consumers wait for."""
        for consumer in self._consumers.values():
            consumer.halt()
        for task in self._timers.values():
            task.cancel()
        await asyncio.gather(*self._timers.values(), return_exceptions=True)
        await close_pools()
        await asyncio.gather(*(asyncio.to_thread(consumer.stop) for consumer in self._consumers.values()))
        self._timers.clear()
        self._consumers.clear()

    def on_object_event(self, change: ObjectEvent) -> None:
        """Keep the event for every trigger whose rule it meets; durable when this returns.

        Raises RuntimeError before the start, when no rule is known yet: then the change must not be answered for.
        """
        if self._queue is None:
            raise RuntimeError("SCF has not started yet")
        for rule, meant in self._rules.values():
            if rule.matches(change.bucket, change.key, change.name):
                try:
                    self._queue.put(meant, cos.event(change, self._region, meant), "TRIGGER_COS")
                except EventTooLarge as error:  # the platform refuses it, and the object stays all the same
                    log.warning("no event for %s: %s", meant.function, error)

    def _put_timer(self, meant: Target, event: dict[str, Any]) -> None:
        if self._queue is not None:
            self._queue.put(meant, event, "TRIGGER_TIMER")

    def _consume(self, trigger: Trigger) -> None:
        settings = ckafka(trigger.name, trigger.desc, self._kafka, f"scf-{trigger.id}")
        if settings is None:
            log.warning("trigger %s of %s: no such CKafka instance", trigger.name, trigger.function)
            return
        loop, meant = asyncio.get_running_loop(), target(trigger)

        def invoke(event: dict[str, Any]) -> Invocation:
            return asyncio.run_coroutine_threadsafe(_awaited(self._invoke(meant, event)), loop).result()

        consumer = CkafkaTrigger(
            settings, self._kafka[settings.instance], invoke, wait_s=self._wait, retry_delay_s=self._retry_delay
        )
        self._consumers[trigger.id] = consumer
        consumer.start()

    async def _listen(self, trigger: Trigger) -> None:
        open_to = trigger.desc["NetConfig"]
        wanted = open_to["EnableExtranet"] or open_to["EnableIntranet"]
        if wanted and trigger.enabled:
            self._apps[trigger.id] = url.app(partial(self._invoke, target(trigger)), trigger.desc)
        else:
            self._apps.pop(trigger.id, None)
        if trigger.id not in self.addresses:

            async def app(scope: Scope, receive: Receive, send: Send) -> None:
                await self._answer(trigger.id, scope, receive, send)

            self.addresses[trigger.id] = await self._urls.open(trigger.id, app)

    async def _answer(self, url_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """What a closed URL answers is not documented."""
        app = self._apps.get(url_id) or PlainTextResponse("this Function URL is closed", 404)
        await app(scope, receive, send)

    async def _halt(self, trigger_id: str) -> None:
        """A consumer lets a batch under way finish: it was given to the function already."""
        self._rules.pop(trigger_id, None)
        if task := self._timers.pop(trigger_id, None):
            task.cancel()
        if consumer := self._consumers.pop(trigger_id, None):
            consumer.halt()
            await asyncio.to_thread(consumer.stop)


async def _awaited(invocation: Awaitable[Invocation]) -> Invocation:
    return await invocation


def target(trigger: Trigger) -> Target:
    return Target(trigger.namespace, trigger.function, trigger.qualifier)
