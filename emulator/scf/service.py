"""SCF in one object: a declaration in, running functions and their triggers out."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from emulator import cgroups
from emulator.credentials import Credential
from emulator.events import ObjectEvent
from emulator.scf import code, cos, limits, timer, url
from emulator.scf.blueprint import Blueprint
from emulator.scf.ckafka import CkafkaTrigger
from emulator.scf.declaration import Declaration, Function
from emulator.scf.environment import environment
from emulator.scf.functionlog import FunctionLog
from emulator.scf.invocation import Invocation
from emulator.scf.pool import Pool
from emulator.scf.queue import AsyncQueue, EventTooLarge

log = logging.getLogger(__name__)


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
    init_timeout_s: float = limits.INIT_TIMEOUT_S
    idle_s: float = 300.0
    """After this time without an event a function's last instance ends; the others after a tenth of it."""
    max_instances: int = 8
    control_groups: bool = True
    """False: memory is only looked at ten times a second, as where control groups cannot be made."""


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
        merged: dict[tuple[str, ...], Path] = {}
        for function in self.declaration.functions.values():
            if function.layers not in merged:
                merged[function.layers] = await asyncio.to_thread(self._merge, function.layers)
            self._pools[function.name] = await self._pool(function, merged[function.layers])
        dead = self._root / "dead-letters.jsonl"
        self._queue = AsyncQueue(self._root / "queue.sqlite", dead, self._invoke_later, self._settings.retry_delay_s)
        self._queue.start()
        for function in self.declaration.functions.values():
            self._start_triggers(function, self._queue)
        self._tasks.append(asyncio.create_task(self._reap()))

    async def stop(self) -> None:
        """End everything; events under way are cut off, and those of a trigger come again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for consumer in self._consumers:
            consumer.halt()
        if self._queue:
            await self._queue.stop()
            self._queue = None
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        await asyncio.gather(*(asyncio.to_thread(consumer.stop) for consumer in self._consumers))

    async def invoke(self, function: str, event: Any) -> Invocation:
        """One synchronous call. Raises KeyError for a function that is not declared."""
        return await self._pools[function].invoke(event)

    async def url_app(self, function: str) -> ASGIApp:
        """The app behind a function's URL."""
        http = self.declaration.functions[function].http
        return url.app(self._pools[function].invoke, http.auth_type if http else "NONE")

    def on_object_event(self, change: ObjectEvent) -> None:
        """Keep the event for every function whose rule it meets; durable when this returns."""
        for function in self.declaration.functions.values():
            if any(rule.matches(change.bucket, change.key, change.name) for rule in function.cos):
                if self._queue is None:
                    raise RuntimeError("SCF does not run")
                try:
                    self._queue.put(function.name, cos.event(change, self.declaration.region, function.name))
                except EventTooLarge as error:  # the platform refuses it, and the object stays all the same
                    log.warning("no event for %s: %s", function.name, error)

    def _merge(self, layers: tuple[str, ...]) -> Path:
        sources = [self._runtime.layers[name] for name in layers]
        return code.stage(sources, self._root / "layers" / ("+".join(layers) or "none"), self._runtime.python)

    async def _pool(self, function: Function, layers: Path) -> Pool:
        python, folder = self._runtime.python, self._project / function.path
        blueprint = Blueprint(
            name=function.name,
            handler=function.handler,
            python=python.resolve(),
            code=await asyncio.to_thread(code.stage, [folder], self._root / "code" / function.name, python),
            layers=layers,
            sockets=self._sockets,
            environment=environment(function, self.declaration, self._role, str(python.resolve())),
            memory_mb=function.memory_mb,
            group=f"{self._prefix}{function.name}" if self._settings.control_groups else None,
        )
        return Pool(
            function,
            self.declaration,
            blueprint,
            FunctionLog(self._root.parent / "logs" / "functions" / f"{function.name}.log"),
            max_instances=self._settings.max_instances,
            init_timeout_s=self._settings.init_timeout_s,
        )

    async def _invoke_later(self, function: str, event: Any) -> Invocation:
        """For the queue, which may hold events of a function that is no more declared."""
        if function not in self._pools:
            return Invocation(435, "", error=f"FunctionNotFound: {function}")
        return await self.invoke(function, event)

    def _start_triggers(self, function: Function, queue: AsyncQueue) -> None:
        for number, one in enumerate(function.timers):
            name = f"{function.name}-timer-{number}"
            self._tasks.append(asyncio.create_task(timer.run(one, name, partial(queue.put, function.name))))
        for trigger in function.ckafka:
            consumer = CkafkaTrigger(
                trigger,
                f"scf-{function.name}-{trigger.topic}",
                self._kafka,
                self._from_thread(function.name),
                wait_s=self._settings.ckafka_wait_s,
                retry_delay_s=self._settings.ckafka_retry_delay_s,
            )
            consumer.start()
            self._consumers.append(consumer)

    def _from_thread(self, function: str) -> Callable[[dict[str, Any]], Invocation]:
        loop = asyncio.get_running_loop()
        return lambda event: asyncio.run_coroutine_threadsafe(self.invoke(function, event), loop).result()

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(5.0, self._settings.idle_s / 10))
            for pool in self._pools.values():
                await pool.reap(self._settings.idle_s)
