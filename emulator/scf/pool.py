"""The instances of one version of a function: an event in, an Invocation out. Cold start, reuse, limits.

What is written about the event is handed to `written`, whole, when the event is through.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from emulator.scf import limits
from emulator.scf.blueprint import Blueprint
from emulator.scf.environment import Site, context, environment
from emulator.scf.functionlog import Lines
from emulator.scf.gate import Full, Gate
from emulator.scf.instance import Instance, InstanceError
from emulator.scf.invocation import Call, Invocation
from emulator.scf.records import Function, Version
from emulator.scf.rolekeys import RoleKeys

_STOPPING = "InternalError: the emulator is stopping"


@dataclass
class _Run:
    """One event on its way through an instance."""

    call: Call
    lines: Lines
    log: str
    cold: bool = False
    instance: Instance | None = None
    began: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """What every instance of a version is made of; the blueprint's environment is added when one starts."""

    function: Function
    version: Version
    site: Site
    keys: RoleKeys
    blueprint: Blueprint
    init_timeout_s: float

    def start(self) -> Blueprint:
        keys = self.keys.get(self.version.role)
        known = environment(self.function, self.version, self.site, keys, str(self.blueprint.python))
        return replace(self.blueprint, environment=known)

    def context(self, request_id: str) -> dict[str, object]:
        return context(self.function, self.version, self.site, self.keys.get(self.version.role), request_id)


class Pool:
    """`gate` is shared with the pools of the function's other versions; `number` numbers the instances."""

    def __init__(
        self, recipe: Recipe, gate: Gate, number: Callable[[], int], written: Callable[[Call, Invocation], None]
    ) -> None:
        self._recipe, self._gate, self._number, self._written = recipe, gate, number, written
        self._version = recipe.version
        self._idle: list[Instance] = []
        self._instances: set[Instance] = set()
        self._ends: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closed = self._retired = False

    async def invoke(self, event: Any, call: Call) -> Invocation:
        """Never raises for what a handler does, nor when an instance cannot be made."""
        request_id = call.request_id
        data = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
        if len(data) > limits.SYNC_EVENT_BYTES:
            return Invocation(406, request_id, error="RequestTooLarge: the event is larger than 6 MB")
        self._busy += 1
        self._quiet.clear()
        try:
            async with self._gate.enter(self._version.memory_mb, call.reserved_mb):
                if self._closed:
                    return Invocation(500, request_id, error=_STOPPING)
                return await self._run(self._frame(event, data, request_id), call)
        except Full:
            return Invocation(432, request_id, error="ResourceLimitReached: the function's concurrency is used up")
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def retire(self) -> None:
        """For a version that is replaced or deleted: events under way finish; return when all instances are gone."""
        self._retired = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(self._end, idle))
        await self._quiet.wait()
        await self.close()

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
        arguments = json.dumps(self._recipe.context(request_id))
        return b'{"event":%b,"context":%b,"trigger":"%b"}' % (data, arguments.encode(), b"timer" if timer else b"")

    async def _run(self, frame: bytes, call: Call) -> Invocation:
        request_id, lines = call.request_id, Lines(call.request_id, self._version.ignore_sys_log)
        run = _Run(call, lines, lines.begin())
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
            if self._retired:
                self._forget(self._end(run.instance))
            else:
                self._idle.append(run.instance)
        return done

    async def _answer(self, run: _Run, frame: bytes) -> tuple[bytes, bytes]:
        began = time.monotonic()
        run.instance = self._reuse()
        if run.instance is None:
            run.cold = True
            run.instance = await Instance.start(self._recipe.start(), self._number())
            self._instances.add(run.instance)
            if self._closed:
                raise InstanceError(500, _STOPPING)
            started = time.monotonic()
            await run.instance.init(self._recipe.init_timeout_s)
            ready = time.monotonic()
            run.log += run.lines.init_report((started - began) * 1000, (ready - started) * 1000)
        run.began = time.monotonic()
        return await run.instance.call(frame, self._version.timeout_s)

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
        if run.lines.brief:
            log += ended.trace  # without the line of the answer it would be told nowhere
        log += run.lines.end(shown, duration, self._version.memory_mb, used)
        done = replace(ended, log=log, duration_ms=duration, cold=run.cold, memory_bytes=used)
        self._written(run.call, done)
        return done

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
        try:
            return Invocation(200, request_id, json.loads(text))
        except (
            ValueError,
            RecursionError,
        ):  # a child of the handler has written to our socket, or it is nested too deep
            return Invocation(430, request_id, error="the answer of the function cannot be read")
    if kind == b"L":
        return Invocation(
            407, request_id, error=f"The size of response exceeds the upper limit (6MB): {int(text)} bytes"
        )
    return Invocation(430, request_id, error="user code exception caught", trace=text.decode("utf-8", "replace"))
