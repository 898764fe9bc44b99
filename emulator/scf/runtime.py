"""What runs: an event for a qualifier in, the version that is meant, its pool of instances, an Invocation out."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from emulator.scf.blueprint import Blueprint
from emulator.scf.environment import Site
from emulator.scf.functionlog import FunctionLog, Told, records
from emulator.scf.gate import Gate
from emulator.scf.invocation import Call, Invocation
from emulator.scf.packages import Packages
from emulator.scf.pool import Pool, Recipe
from emulator.scf.queue import Patience, Target
from emulator.scf.records import Alias, Function, Version
from emulator.scf.registry import Registry
from emulator.scf.rolekeys import RoleKeys

LogSink = Callable[[str, dict[str, Any]], None]
"""A CLS topic and a record for it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """Where instances run, and this machine's limits for them."""

    site: Site
    python: Path
    sockets: Path
    logs: Path
    group: str | None
    """What the names of control groups begin with; None: run without them."""
    init_timeout_s: float | None
    max_instances: int
    weights_seed: int | None


class Runtime:
    """One pool for each version that had an event. Use from the loop's thread."""

    def __init__(
        self, registry: Registry, packages: Packages, keys: RoleKeys, machine: Machine, log_sink: LogSink
    ) -> None:
        self._registry, self._packages, self._keys = registry, packages, keys
        self._machine, self._log_sink = machine, log_sink
        self._pools: dict[tuple[str, str, str], tuple[Version, Pool]] = {}
        self._gates: dict[tuple[str, str], Gate] = {}
        self._leaving: dict[Pool, tuple[Version, asyncio.Task[None]]] = {}
        self._numbers = itertools.count(1)
        self._random = random.Random(machine.weights_seed)  # noqa: S311 nothing secret
        self._closed = False

    async def invoke(self, target: Target, event: Any) -> Invocation:
        """One synchronous event."""
        return await self.run_event(target, event, str(uuid.uuid4()), 0)

    async def run_event(self, target: Target, event: Any, request_id: str, retries: int) -> Invocation:
        """One event; `retries`: how often it was tried before. 435 when what it is for is not there."""
        if self._closed:
            return Invocation(500, request_id, error="InternalError: the emulator is stopping")
        function = self._registry.function(target.namespace, target.function)
        alias = self._registry.alias(*target)
        version = self._registry.version(target.namespace, target.function, self._choose(alias, target.qualifier))
        if function is None or version is None or version.state == "Deleting":
            return Invocation(435, request_id, error=f"FunctionNotFound: {':'.join(target)}")
        pool = self._pool(function, version)
        call = Call(request_id, version.version, alias.name if alias else "", function.reserved_mb, retries)
        return await pool.invoke(event, call)

    def patience(self, target: Target) -> Patience:
        """How long the queue tries an event of this function."""
        function = self._registry.function(target.namespace, target.function)
        return Patience(function.retries, function.max_age_s) if function else Patience()

    def retire_old(self) -> None:
        """After versions were changed or removed: what runs of them finishes, nothing new begins."""
        for key, (version, pool) in list(self._pools.items()):
            now = self._registry.version(*key)
            if now is None or now.revision != version.revision or now.state == "Deleting":
                del self._pools[key]
                self._leave(version, pool)

    def used(self) -> list[Version]:
        """The versions that have instances, also those that only finish."""
        return [version for version, _ in [*self._pools.values(), *self._leaving.values()]]

    async def reap(self, idle_s: float) -> None:
        for _, pool in list(self._pools.values()):
            await pool.reap(idle_s)

    async def close(self) -> None:
        """End every instance, also in the middle of an event."""
        self._closed = True
        pools = [*(pool for _, pool in self._pools.values()), *self._leaving]
        await asyncio.gather(*(pool.close() for pool in pools))
        await asyncio.gather(*(task for _, task in self._leaving.values()))

    def _choose(self, alias: Alias | None, qualifier: str) -> str:
        """By chance, each event anew, in the proportion of an alias's weights."""
        if alias is None:
            return qualifier
        drawn = self._random.random()
        for version, weight in alias.weights.items():
            if drawn < weight:
                return version
            drawn -= weight
        return alias.version

    def _pool(self, function: Function, version: Version) -> Pool:
        key = (version.namespace, version.function, version.version)
        known = self._pools.get(key)
        if known and known[0].revision == version.revision:
            return known[1]
        if known:
            self._leave(*known)
        gate = self._gates.setdefault(key[:2], Gate(self._machine.max_instances))
        pool = Pool(
            self._recipe(function, version), gate, partial(next, self._numbers), partial(self._written, version)
        )
        self._pools[key] = (version, pool)
        return pool

    def _recipe(self, function: Function, version: Version) -> Recipe:
        machine, digests = self._machine, [use.package for use in version.layers]
        layers = self._packages.layers(digests)
        if not layers.exists():  # somebody has tidied up; else they were merged when they were bound
            self._packages.merge(digests)
        blueprint = Blueprint(
            name=function.name,
            handler=version.handler,
            python=machine.python,
            code=self._packages.code(version.package),
            layers=layers,
            sockets=machine.sockets,
            memory_mb=version.memory_mb,
            group=f"{machine.group}{function.name}" if machine.group else None,
        )
        init_timeout = machine.init_timeout_s or version.init_timeout_s
        return Recipe(function, version, machine.site, self._keys, blueprint, init_timeout)

    def _leave(self, version: Version, pool: Pool) -> None:
        task = asyncio.create_task(pool.retire())
        self._leaving[pool] = (version, task)
        task.add_done_callback(lambda _: self._leaving.pop(pool, None))

    def _written(self, version: Version, call: Call, ended: Invocation) -> None:
        """To the file that `emulator logs` shows, one for all functions of a name, and to the function's CLS topic."""
        FunctionLog(self._machine.logs / f"{version.function}.log").write(ended.log)
        if not version.cls_topic:
            return
        told = Told(
            namespace=version.namespace,
            function=version.function,
            qualifier=version.version,
            alias=call.alias or version.version,
            request_id=call.request_id,
            status=ended.status,
            began=time.time() - ended.duration_ms / 1000,
            duration_ms=ended.duration_ms,
            used_bytes=ended.memory_bytes,
            retries=call.retries,
        )
        try:
            for record in records(told, ended.log):
                self._log_sink(version.cls_topic, record)
        except Exception:  # a topic that is gone must not make the event fail
            log.exception("log records of %s", version.function)
