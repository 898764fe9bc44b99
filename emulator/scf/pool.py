"""The instances of one function: an event in, an Invocation out. Cold start, reuse, time-out, memory, size limits."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

from emulator.scf import functionlog, limits
from emulator.scf.blueprint import Blueprint
from emulator.scf.declaration import Declaration, Function
from emulator.scf.environment import context
from emulator.scf.functionlog import FunctionLog
from emulator.scf.instance import Instance, InstanceError
from emulator.scf.invocation import Invocation

_STOPPING = "InternalError: the emulator is stopping"


@dataclass
class _Run:
    """One event on its way through an instance."""

    request_id: str
    log: str
    cold: bool = False
    instance: Instance | None = None
    began: float = 0.0


class Pool:
    """`concurrency` of the declaration answers 432 when it is used up; beyond `max_instances` an event just waits."""

    def __init__(
        self,
        function: Function,
        declaration: Declaration,
        blueprint: Blueprint,
        log: FunctionLog,
        *,
        max_instances: int,
        init_timeout_s: float,
    ) -> None:
        self._function, self._declaration, self._blueprint, self._log = function, declaration, blueprint, log
        self._init_timeout = init_timeout_s
        self._slots = asyncio.Semaphore(max_instances)
        self._idle: list[Instance] = []
        self._instances: set[Instance] = set()
        self._ends: set[asyncio.Task[None]] = set()
        self._busy = self._made = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closed = False

    async def invoke(self, event: Any) -> Invocation:
        """Never raises for what a handler does, nor when an instance cannot be made."""
        request_id = str(uuid.uuid4())
        data = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
        if len(data) > limits.SYNC_EVENT_BYTES:
            return Invocation(406, request_id, error="RequestTooLarge: the event is larger than 6 MB")
        if self._function.concurrency and self._busy >= self._function.concurrency:
            return Invocation(432, request_id, error="ResourceLimitReached: the function's concurrency is used up")
        self._busy += 1
        self._quiet.clear()
        try:
            async with self._slots:
                if self._closed:
                    return Invocation(500, request_id, error=_STOPPING)
                return await self._run(self._frame(event, data, request_id), request_id)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def reap(self, idle_s: float) -> None:
        """End the instances that have died, or had nothing to do for `idle_s`.

        The next event will use the last in the list; the others are what a peak has left, and have a tenth of that.
        """
        now, last = time.monotonic(), self._idle[-1:]
        limits_s = [(one, idle_s if one in last else idle_s / 10) for one in self._idle]
        old = [one for one, limit_s in limits_s if not one.alive or now - one.idle_since > limit_s]
        self._idle = [one for one in self._idle if one not in old]
        await asyncio.gather(*map(self._end, old))

    async def close(self) -> None:
        """End every instance, also in the middle of an event, which is then answered with 500. None is made later."""
        self._closed = True
        self._idle.clear()
        await asyncio.gather(*map(self._end, list(self._instances)))
        await self._quiet.wait()
        await asyncio.gather(*self._ends, *map(self._end, list(self._instances)))

    def _frame(self, event: Any, data: bytes, request_id: str) -> bytes:
        """What the instance gets. TRIGGER_SRC is known for timers only."""
        timer = isinstance(event, dict) and event.get("Type") == "Timer" and "TriggerName" in event
        arguments = json.dumps(context(self._function, self._declaration, self._blueprint.environment, request_id))
        return b'{"event":%b,"context":%b,"trigger":"%b"}' % (data, arguments.encode(), b"timer" if timer else b"")

    async def _run(self, frame: bytes, request_id: str) -> Invocation:
        run = _Run(request_id, functionlog.begin(request_id))
        try:
            kind, text = await self._answer(run, frame)
        except InstanceError as error:
            ended = Invocation(error.status, request_id, error=error.message, trace=error.trace)
            await self._end_of(run)
        except OSError as error:
            ended = Invocation(500, request_id, error=f"InternalError: no instance can be started: {error}")
        except BaseException:
            self._forget(self._end_of(run))
            raise
        else:
            ended = _judge(request_id, kind, text)
        if self._closed and not ended.ok:
            ended = Invocation(500, request_id, error=_STOPPING)
        done = self._report(run, ended, text.decode() if ended.ok else ended.failure(with_trace=True))
        if run.instance and run.instance.alive:
            self._idle.append(run.instance)
        return done

    async def _answer(self, run: _Run, frame: bytes) -> tuple[bytes, bytes]:
        began = time.monotonic()
        run.instance = self._reuse()
        if run.instance is None:
            run.cold = True
            self._made += 1
            run.instance = await Instance.start(self._blueprint, self._made)
            self._instances.add(run.instance)
            if self._closed:
                raise InstanceError(500, _STOPPING)
            started = time.monotonic()
            await run.instance.init(self._init_timeout)
            ready = time.monotonic()
            run.log += functionlog.init_report(run.request_id, (started - began) * 1000, (ready - started) * 1000)
        run.began = time.monotonic()
        return await run.instance.call(frame, self._function.timeout_s)

    def _reuse(self) -> Instance | None:
        while self._idle:
            instance = self._idle.pop()
            if instance.alive:
                return instance
            self._forget(self._end(instance))
        return None

    def _report(self, run: _Run, ended: Invocation, shown: str) -> Invocation:
        duration = (time.monotonic() - run.began) * 1000 if run.began else 0.0
        used = run.instance.memory_bytes if run.instance else 0
        log = run.log + (run.instance.output() if run.instance else "")
        log += functionlog.end(run.request_id, shown, duration, self._function.memory_mb, used)
        self._log.write(log)
        return replace(ended, log=log, duration_ms=duration, cold=run.cold)

    async def _end_of(self, run: _Run) -> None:
        if run.instance:
            await self._end(run.instance)

    async def _end(self, instance: Instance) -> None:
        await instance.close()
        self._instances.discard(instance)

    def _forget(self, end: Coroutine[Any, Any, None]) -> None:
        """Let an instance end by itself; `close` waits for it."""
        task = asyncio.create_task(end)
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)


def _judge(request_id: str, kind: bytes, text: bytes) -> Invocation:
    if kind == b"A":
        return Invocation(200, request_id, json.loads(text))
    if kind == b"L":
        return Invocation(
            407, request_id, error=f"The size of response exceeds the upper limit (6MB): {int(text)} bytes"
        )
    return Invocation(430, request_id, error="user code exception caught", trace=text.decode("utf-8", "replace"))
