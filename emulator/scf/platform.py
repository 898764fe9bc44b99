"""What the API's actions work on: the parts of SCF, and the few steps that several actions share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.scf.downloads import Downloads
from emulator.scf.environment import Site
from emulator.scf.packages import Packages
from emulator.scf.queue import AsyncQueue
from emulator.scf.records import LATEST
from emulator.scf.registry import Registry
from emulator.scf.rolekeys import RoleKeys
from emulator.scf.runtime import Runtime
from emulator.scf.triggers import Triggers

ReadObject = Callable[[str, str], Path | None]
"""A bucket (with its appid) and a key; where the object's bytes lie, or None. Blocks; called from any thread."""


@dataclass
class Platform:
    """`queue` is there while SCF runs."""

    registry: Registry
    packages: Packages
    runtime: Runtime
    triggers: Triggers
    keys: RoleKeys
    site: Site
    kafka: Mapping[str, str]
    activation_s: float
    read_object: ReadObject = field(repr=False)
    queue: AsyncQueue | None = None

    def __post_init__(self) -> None:
        self.downloads = Downloads(self.packages)

    def due(self) -> float:
        """When what is begun now becomes Active."""
        return time.time() + self.activation_s

    def finish_deletions(self) -> None:
        """After a kill: a function that is being deleted has no triggers."""
        for trigger in self.registry.triggers():
            latest = self.registry.version(trigger.namespace, trigger.function, LATEST)
            if latest is None or latest.state == "Deleting":
                self.registry.remove(trigger)

    async def sweep(self, grace_s: float = 60.0) -> None:
        """Remove code that no version refers to and no instance runs."""
        used = [*self.registry.all_versions(), *self.runtime.used()]
        packages = self.registry.packages(used)
        layers = [[use.package for use in version.layers] for version in used]
        await asyncio.to_thread(self.packages.sweep, packages, layers, grace_s)
