"""One instance: a sandboxed process that sees its code, its layers and its own /tmp, and answers one event at a time.

Between events it is frozen (SIGSTOP for its whole tree), as the platform freezes it: threads stand still, and a
connection may be dead when it wakes up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator import sandbox
from emulator.cgroups import Group
from emulator.sandbox import Mount, Sandbox
from emulator.scf import limits

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_RUNTIME = "/var/runtime/bootstrap.py"


class InstanceError(Exception):
    """The instance is no more; `status` is the platform's code for why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class Blueprint:
    """What every instance of a function is made from."""

    name: str
    handler: str
    python: Path
    code: Path
    layers: Path | None
    sockets: Path
    environment: dict[str, str]
    memory_mb: int
    group: str
    """Name of the control group, without the instance's number."""


class Instance:
    """Make one with `start`; after an InstanceError only `close` is left."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket, output: int, group: Group) -> None:
        self._process, self._group, self._output = process, group, output
        self._channel = channel
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._text = bytearray()
        self.init_ms = 0.0
        self.idle_since = time.monotonic()

    @classmethod
    async def start(cls, blueprint: Blueprint, number: int) -> Instance:
        """Start the process and import the handler. Raises InstanceError (430 when the import fails)."""
        box = _sandbox(blueprint)
        group = Group.create(f"{blueprint.group}-{number}", blueprint.memory_mb << 20, limits.PROCESSES_AND_THREADS)
        ours, theirs = socket.socketpair()
        output, theirs_output = os.pipe()
        os.set_blocking(output, False)
        ours.setblocking(False)
        argv = [str(blueprint.python), "-S", _RUNTIME, str(theirs.fileno()), blueprint.handler]
        try:
            process = await asyncio.create_subprocess_exec(
                *group.wrap(sandbox.command(box, argv)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs_output,
                stderr=theirs_output,
                pass_fds=[theirs.fileno()],
                env=sandbox.environment(box),
            )
        finally:
            theirs.close()
            os.close(theirs_output)
        instance = cls(process, ours, output, group)
        await instance._init()
        return instance

    async def _init(self) -> None:
        asyncio.get_running_loop().add_reader(self._output, self._drain)
        self._reader, self._writer = await asyncio.open_connection(
            sock=self._channel, limit=2 * limits.SYNC_EVENT_BYTES
        )
        started = time.monotonic()
        try:
            answer = await asyncio.wait_for(self._receive(), limits.INIT_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise InstanceError(433, f"the handler was not imported within {limits.INIT_TIMEOUT_S} s") from None
        self.init_ms = (time.monotonic() - started) * 1000
        if "failed" in answer:
            raise InstanceError(430, answer["failed"])

    async def call(self, event: Any, context: dict[str, object], timeout_s: float) -> dict[str, Any]:
        """{"result": …} or {"error": …}. Raises InstanceError: 433 time-out, 434 memory, 405 the process ended."""
        self._signal(signal.SIGCONT)
        data = json.dumps({"event": event, "context": context}).encode()
        self._writer.write(struct.pack(">I", len(data)) + data)
        try:
            answer = await asyncio.wait_for(self._receive(), timeout_s)
        except asyncio.TimeoutError:
            raise InstanceError(433, f"Task timed out after {timeout_s:g} seconds") from None
        self._signal(signal.SIGSTOP)
        self.idle_since = time.monotonic()
        return answer

    def output(self) -> str:
        """What the handler printed since the last call of this."""
        self._drain()
        text, self._text = self._text.decode("utf-8", "replace"), bytearray()
        return text if not text or text.endswith("\n") else text + "\n"

    @property
    def memory_bytes(self) -> int:
        """The most it has used so far."""
        return self._group.peak_bytes() or _resident(_tree(self._process.pid))

    async def close(self) -> None:
        """Kill the whole tree, whatever it is doing."""
        asyncio.get_running_loop().remove_reader(self._output)
        self._drain()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._group.kill()
        await self._process.wait()
        if hasattr(self, "_writer"):
            self._writer.close()
        else:
            self._channel.close()
        os.close(self._output)
        self._group.remove()

    async def _receive(self) -> dict[str, Any]:
        try:
            size = struct.unpack(">I", await self._reader.readexactly(4))[0]
            answer: dict[str, Any] = json.loads(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._ended() from None
        return answer

    async def _ended(self) -> InstanceError:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), 2)
        if self._group.oom_kills():
            return InstanceError(434, "Memory limit reached: the process was killed")
        return InstanceError(405, f"The process ended with code {self._process.returncode}")

    def _drain(self) -> None:
        """Read what there is: the handler's output stands in the pipe before its answer comes."""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self._output, 1 << 16):
                if len(self._text) < limits.SYNC_EVENT_BYTES:
                    self._text += part

    def _signal(self, number: signal.Signals) -> None:
        for pid in _tree(self._process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _sandbox(blueprint: Blueprint) -> Sandbox:
    mounts = [
        *sandbox.python_mounts(blueprint.python),
        Mount(_BOOTSTRAP, _RUNTIME),
        Mount(blueprint.code, "/var/user"),
        Mount(blueprint.sockets, "/run/services"),
    ]
    if blueprint.layers:
        mounts.append(Mount(blueprint.layers, "/opt"))
    return Sandbox(
        mounts=tuple(mounts),
        env=blueprint.environment,
        workdir="/var/user",
        hostname=f"scf-{blueprint.name}",
        tmpfs=(("/tmp", limits.TMP_BYTES),),  # noqa: S108 the instance's own
    )


def _tree(pid: int) -> list[int]:
    """The children first: bubblewrap itself need not run while they do."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += _tree(int(child))
    return [*found, pid]


def _resident(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total
