"""SCF in one object: a platform that functions are deployed to through its API, and that runs them and their triggers.

API (emulator/api/scf) ─▶ Registry (what there is), Packages (code) ─▶ Triggers (what calls) ─▶ Runtime (what runs)
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator import cgroups
from emulator.api.action import Service
from emulator.api.scf import service as api
from emulator.documents import Documents
from emulator.events import ObjectEvent
from emulator.scf.environment import Site
from emulator.scf.invocation import Invocation
from emulator.scf.packages import Packages
from emulator.scf.platform import Platform, ReadObject
from emulator.scf.queue import AsyncQueue, Target
from emulator.scf.registry import Registry
from emulator.scf.rolekeys import Account, RoleKeys
from emulator.scf.runtime import LogSink, Machine, Runtime
from emulator.scf.triggers import Triggers, Urls

_SWEEP_S = 30.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScfSettings:
    """The platform's times, which a test need not wait for."""

    activation_s: float = 0.0
    """How long a function or a layer is Creating, Updating, Publishing or Deleting."""
    role_keys_s: float = 7200.0
    """How long the keys of a role are valid that a function gets; they are renewed at half of it."""
    retry_delay_s: float = 60.0
    ckafka_retry_delay_s: float = 60.0
    ckafka_wait_s: float | None = None
    """None: what the trigger declares."""
    init_timeout_s: float | None = None
    """None: what the function declares."""
    idle_s: float = 300.0
    """After this time without an event a function's last instance ends; the others after a tenth of it."""
    max_instances: int = 8
    control_groups: bool = True
    """False: memory is only looked at ten times a second, as where control groups cannot be made."""
    weights_seed: int | None = None
    """Makes the choice between the versions of an alias repeatable."""


class Scf:
    """Everything runs in one loop; every method is to be called there."""

    def __init__(
        self,
        *,
        documents: Documents,
        root: Path,
        python: Path,
        account: Account,
        kafka: Mapping[str, str],
        sockets: Path,
        settings: ScfSettings,
        region: str,
        app_id: str,
        uin: str,
        urls: Urls,
        read_object: ReadObject,
        log_sink: LogSink,
    ) -> None:
        """`kafka`: the address of each CKafka instance by its id. `sockets` is what functions see at /run/services."""
        self._root, self._settings, self._began = root, settings, time.time()
        # Other emulators may run on this machine: what one sweeps up after a crash must be its own.
        self._prefix = f"scf-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]}-"
        site, keys = Site(region, app_id, uin), RoleKeys(account, settings.role_keys_s)
        registry, packages = Registry(documents), Packages(root)
        machine = Machine(
            site=site,
            python=python.resolve(),
            sockets=sockets,
            logs=root.parent / "logs" / "functions",
            group=self._prefix if settings.control_groups else None,
            init_timeout_s=settings.init_timeout_s,
            max_instances=settings.max_instances,
            weights_seed=settings.weights_seed,
        )
        self._runtime = Runtime(registry, packages, keys, machine, log_sink)
        triggers = Triggers(
            self._runtime.invoke,
            kafka=kafka,
            urls=urls,
            region=region,
            ckafka_wait_s=settings.ckafka_wait_s,
            ckafka_retry_delay_s=settings.ckafka_retry_delay_s,
        )
        self._platform = Platform(
            registry, packages, self._runtime, triggers, keys, site, kafka, settings.activation_s, read_object
        )
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def service(self) -> Service:
        """The API's actions."""
        return api.ScfService(self._platform)

    async def start(self) -> None:
        """What was deployed before runs again; instances are made by the first events."""
        await asyncio.to_thread(cgroups.sweep, self._prefix)
        self._platform.finish_deletions()
        # What a crash has left; not what somebody uploads right now: the API answers before this is through.
        await self._platform.sweep(grace_s=time.time() - self._began)
        owner = (self._platform.site.app_id, self._platform.site.uin)
        dead, delay = self._root / "dead-letters.jsonl", self._settings.retry_delay_s
        queue = AsyncQueue(self._root / "events.sqlite", dead, self._runtime, delay, owner)
        self._platform.queue = queue
        queue.start()
        await self._platform.triggers.start(queue, self._platform.registry.triggers())
        self._tasks.append(asyncio.create_task(_again(self._reap, min(5.0, self._settings.idle_s / 10))))
        self._tasks.append(asyncio.create_task(_again(self._platform.sweep, _SWEEP_S)))

    async def stop(self) -> None:
        """End everything; events under way are cut off, and those of a trigger come again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._platform.triggers.stop(self._stop_running)
        await self._platform.downloads.stop()

    async def invoke(self, namespace: str, function: str, qualifier: str, event: Any) -> Invocation:
        """One synchronous call; 435 when there is no such function, version or alias."""
        return await self._runtime.invoke(Target(namespace, function, qualifier), event)

    def on_object_event(self, change: ObjectEvent) -> None:
        """Keep the event for every trigger whose rule it meets; durable when this returns.

        Raises RuntimeError before the start.
        """
        self._platform.triggers.on_object_event(change)

    async def _stop_running(self) -> None:
        if queue := self._platform.queue:
            self._platform.queue = None
            await queue.stop()
        await self._runtime.close()

    async def _reap(self) -> None:
        await self._runtime.reap(self._settings.idle_s)


async def _again(work: Callable[[], Awaitable[None]], pause_s: float) -> None:
    """A fault of one time, such as a full disk, must not be the end of it."""
    while True:
        await asyncio.sleep(pause_s)
        try:
            await work()
        except Exception:
            log.exception("%s failed; it is tried again", getattr(work, "__qualname__", work))
