"""One container's life: a `Launch` in, a process in a sandbox and a control group, an `Ending` out.

The process tree is: emulator → bubblewrap (outside, waits) → the program as pid 1 of its own pid namespace. When pid 1
ends, the kernel ends everything else in there; when the emulator dies, bubblewrap is killed and with it pid 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from concurrent.futures import Executor
from dataclasses import dataclass

from emulator import sandbox
from emulator.cgroups import Group
from emulator.kube.launch import Launch
from emulator.kube.logwriter import pump
from emulator.kube.store import now

START_ERROR = 128  # containerd's exit code for a program that could not be started


@dataclass(frozen=True)
class Ending:
    """How a container ended: its exit code (128 + n for signal n) and the reason the kubelet gives."""

    exit_code: int
    reason: str  # Completed, Error, OOMKilled, StartError
    message: str
    started_at: str
    finished_at: str


class Container:
    """A container that has been started. `name` is unique on the machine: it names the control group."""

    def __init__(self, process: Process, group: Group, log: asyncio.Future[None], status: asyncio.StreamReader) -> None:
        self._process, self._group, self._log, self._status = process, group, log, status
        self._pid: int | None = None
        self._launch: Launch
        self.started_at = now()

    @classmethod
    async def start(cls, name: str, launch: Launch, *, pids: int, log_limit: int, pumps: Executor) -> Container:
        """Start the program; it runs, or is about to fail to, when this returns.

        `pids` limits its processes and threads, `log_limit` its log in bytes; `pumps` lends one thread per container.
        """
        # Two of the group's processes are not the program's: bubblewrap outside, and the moment before it is replaced.
        group = Group.create(name, launch.memory_bytes, pids + 2)
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        launch.log.write_bytes(b"")  # it is there when the container is seen to run
        (out_r, out_w), (err_r, err_w), (status_r, status_w) = os.pipe(), os.pipe(), os.pipe()
        try:
            bwrap, *options = sandbox.command(launch.sandbox, launch.argv)
            argv = group.wrap([bwrap, "--json-status-fd", str(status_w), *options])
            env = sandbox.environment(launch.sandbox)
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=env,
                stdin=DEVNULL,
                stdout=out_w,
                stderr=err_w,
                pass_fds=(status_w,),
                umask=sandbox.UMASK,
            )
        except BaseException:
            for fd in (out_r, err_r, status_r):
                os.close(fd)
            group.remove()
            raise
        finally:
            for fd in (out_w, err_w, status_w):
                os.close(fd)
        loop = asyncio.get_running_loop()
        log = loop.run_in_executor(pumps, pump, out_r, err_r, launch.log, log_limit)
        container = cls(process, group, log, await _reader(status_r))
        container._launch = launch
        await container._read_pid()
        return container

    def terminate(self) -> None:
        """Ask pid 1 to end; as in any container, one that has no handler for SIGTERM does not notice."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the container now: with pid 1 the kernel ends the others."""
        self._signal(signal.SIGKILL)

    async def wait(self) -> Ending:
        """Wait for the end; afterwards no process of it is left and its log is complete."""
        code = await self._process.wait()
        finished_at = now()
        with contextlib.suppress(OSError):  # finds nothing, unless bubblewrap was killed while it set things up
            self._group.kill()
        await self._log
        ran = b'"exit-code"' in await self._status.read()
        oom = self._group.oom_kills() > 0
        self._group.remove()
        reason, message = "Completed" if code == 0 else "Error", ""
        if oom and abs(code) in (signal.SIGKILL, 128 + signal.SIGKILL):
            code, reason = 128 + signal.SIGKILL, "OOMKilled"
        elif code < 0:
            code = 128 - code
        elif not ran:
            code, reason, message = START_ERROR, "StartError", await asyncio.to_thread(self._last_words)
        return Ending(code, reason, message, self.started_at, finished_at)

    async def _read_pid(self) -> None:
        line = await self._status.readline()
        if line:  # else bubblewrap could not make the sandbox and has ended
            self._pid = json.loads(line)["child-pid"]

    def _signal(self, number: signal.Signals) -> None:
        # As long as bubblewrap lives it has not reaped pid 1, or has only just: the number is not another process's.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid or self._process.pid, number)

    def _last_words(self) -> str:
        """What bubblewrap said on stderr before it gave up."""
        lines = self._launch.log.read_text(errors="replace").splitlines()
        return lines[-1].split(" ", 3)[-1].removeprefix("bwrap: ") if lines else "the sandbox could not be made"


async def _reader(fd: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0))
    return reader
