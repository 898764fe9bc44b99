"""What a version's instances are made from, and the making of one process in its sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from emulator import sandbox
from emulator.cgroups import Group
from emulator.sandbox import Mount, Sandbox
from emulator.scf import limits

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_RUNTIME = "/var/runtime/bootstrap.py"
_UTC = Path("/usr/share/zoneinfo/UTC")


@dataclass(frozen=True)
class Blueprint:
    """What every instance of one version of a function is made from."""

    name: str
    handler: str
    python: Path
    code: Path
    layers: Path
    sockets: Path
    memory_mb: int
    group: str | None
    """Name of the control group, without the instance's number; None: run without one."""
    environment: dict[str, str] = field(default_factory=dict, repr=False)


async def spawn(blueprint: Blueprint, group: Group, channel: int, output: int) -> asyncio.subprocess.Process:
    """Start the bootstrap with a socket for its frames and a pipe for what it prints. Raises OSError."""
    box = _sandbox(blueprint)
    # -S: only the standard library, as on the platform; utf8: its locale is not installed everywhere.
    argv = [str(blueprint.python), "-S", "-X", "utf8", _RUNTIME, str(channel), blueprint.handler]
    return await asyncio.create_subprocess_exec(
        *group.wrap(sandbox.command(box, argv)),
        stdin=asyncio.subprocess.DEVNULL,
        umask=sandbox.UMASK,
        stdout=output,
        stderr=output,
        pass_fds=[channel],
        env=sandbox.environment(box),
    )


def _sandbox(blueprint: Blueprint) -> Sandbox:
    mounts = [
        *sandbox.python_mounts(blueprint.python),
        Mount(_BOOTSTRAP, _RUNTIME),
        Mount(blueprint.code, "/var/user"),
        Mount(blueprint.layers, "/opt"),
        Mount(blueprint.sockets, "/run/services"),
    ]
    if _UTC.exists():
        mounts.append(Mount(_UTC, "/etc/localtime"))  # the platform's clock, not this machine's
    return Sandbox(
        mounts=tuple(mounts),
        env=blueprint.environment,
        workdir="/var/user",
        hostname=f"scf-{blueprint.name}",
        tmpfs=(("/tmp", limits.TMP_BYTES),),  # noqa: S108 the instance's own
    )
