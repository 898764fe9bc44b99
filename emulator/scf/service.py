"""SCF in one object: a declaration in, running functions and their triggers out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from emulator import cgroups
from emulator.credentials import Credential
from emulator.events import ObjectEvent
from emulator.scf import code, cos, timer, url
from emulator.scf.ckafka import CkafkaTrigger
from emulator.scf.declaration import Declaration, Function
from emulator.scf.environment import environment
from emulator.scf.functionlog import FunctionLog
from emulator.scf.instance import Blueprint
from emulator.scf.pool import Invocation, Pool
from emulator.scf.queue import AsyncQueue, EventTooLarge


@dataclass(frozen=True)
class Runtime:
    """The interpreter of the instances, and where each layer of the declaration is unpacked."""

    python: Path
    layers: Mapping[str, Path]


@dataclass(frozen=True)
class ScfSettings:
    """The platform's times, which a test need not wait for."""

    retry_delay_s: float = 60.0
    ckafka_retry_delay_s: float = 60.0
    ckafka_wait_s: float | None = None
    """None: what the trigger declares."""
    idle_s: float = 300.0
    max_instances: int = 8


class Scf:
    """Everything runs in one loop; `on_object_event` and `invoke` are to be called there."""

    def __init__(
        self,
        declaration: Declaration,
        *,
        project: Path,
        root: Path,
        runtime: Runtime,
        role: Credential,
        kafka_bootstrap: str,
        sockets: Path,
        settings: ScfSettings,
    ) -> None:
        self.declaration, self._project, self._root, self._runtime = declaration, project, root, runtime
        self._role, self._kafka, self._sockets, self._settings = role, kafka_bootstrap, sockets, settings
        # Other emulators may run on this machine: what one sweeps up after a crash must be its own.
        self._prefix = f"scf-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]}-"
        self._pools: dict[str, Pool] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._consumers: list[CkafkaTrigger] = []
        self._queue: AsyncQueue | None = None

    async def start(self) -> None:
        """Code is staged and the triggers run; instances are made by the first events. Raises CodeError."""
        await asyncio.to_thread(cgroups.sweep, self._prefix)
        for function in self.declaration.functions.values():
            self._pools[function.name] = await self._pool(function)
        self._queue = AsyncQueue(
            self._root / "queue.sqlite", self._root / "dead-letters.jsonl", self.invoke, self._settings.retry_delay_s
        )
        self._queue.start()
        for function in self.declaration.functions.values():
            self._start_triggers(function, self._queue)
        self._tasks.append(asyncio.create_task(self._reap()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        stops = [asyncio.to_thread(consumer.stop) for consumer in self._consumers]
        await asyncio.gather(*stops)
        if self._queue:
            await self._queue.stop()
        for pool in self._pools.values():
            await pool.close()

    async def invoke(self, function: str, event: Any) -> Invocation:
        """One synchronous call. Raises KeyError for a function that is not declared."""
        return await self._pools[function].invoke(event)

    async def url_app(self, function: str) -> ASGIApp:
        """The app behind a function's URL."""
        return url.app(self._pools[function].invoke)

    def on_object_event(self, change: ObjectEvent) -> None:
        """Keep the event for every function whose rule it meets; durable when this returns."""
        for function in self.declaration.functions.values():
            if any(rule.matches(change.bucket, change.key, change.name) for rule in function.cos):
                if self._queue is None:
                    raise RuntimeError("SCF has not been started")
                with contextlib.suppress(EventTooLarge):  # the platform refuses it, and the object stays all the same
                    self._queue.put(function.name, cos.event(change, self.declaration.region, function.name))

    async def _pool(self, function: Function) -> Pool:
        python, layers = self._runtime.python, [self._runtime.layers[name] for name in function.layers]
        folder = self._project / function.path
        staged = await asyncio.to_thread(code.stage, [folder], self._root / "code" / function.name, python)
        merged = await asyncio.to_thread(code.stage, layers, self._root / "layers" / "-".join(function.layers), python)
        blueprint = Blueprint(
            name=function.name,
            handler=function.handler,
            python=python.resolve(),
            code=staged,
            layers=merged if layers else None,
            sockets=self._sockets,
            environment=environment(function, self.declaration, self._role, str(python.resolve())),
            memory_mb=function.memory_mb,
            group=f"{self._prefix}{function.name}",
        )
        log = FunctionLog(self._root.parent / "logs" / "functions" / f"{function.name}.log")
        return Pool(function, self.declaration, blueprint, log, self._settings.max_instances)

    def _start_triggers(self, function: Function, queue: AsyncQueue) -> None:
        for one in function.timers:
            self._tasks.append(asyncio.create_task(timer.run(one, partial(queue.put, function.name))))
        loop = asyncio.get_running_loop()

        def invoke(event: dict[str, Any]) -> Invocation:
            try:
                return asyncio.run_coroutine_threadsafe(self.invoke(function.name, event), loop).result()
            except (asyncio.CancelledError, RuntimeError):
                return Invocation(500, "", error="the emulator is stopping")

        for trigger in function.ckafka:
            settings = self._settings
            consumer = CkafkaTrigger(
                trigger, self._kafka, invoke, settings.ckafka_wait_s, settings.ckafka_retry_delay_s
            )
            consumer.start()
            self._consumers.append(consumer)

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(5.0, self._settings.idle_s))
            for pool in self._pools.values():
                await pool.reap(self._settings.idle_s)
