"""One child process kept alive: an argv and a readiness check in, a running, supervised process out.

The child dies with the thread that started it (parent-death signal), has its own session (a Ctrl-C in the terminal
reaches only the emulator, which then stops its services in order) and writes to one log file. If it ends alone it is
started again, after a pause that grows with every early death.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

POLL_S = 0.01  # between two readiness checks
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
HEALTHY_AFTER_S = 30.0  # a process that lived this long starts again without a grown pause
ROTATE_AT_BYTES = 10 * 1024 * 1024
EXTRA_PATH = "/usr/local/sbin:/usr/sbin:/sbin"  # Debian keeps servers there, outside an ordinary user's PATH


class ServiceError(Exception):
    """A service did not start; the text names it, says why and ends with the last lines of its log."""


@dataclass(frozen=True)
class Program:
    """What to run and how to know that it answers."""

    name: str
    argv: Sequence[str]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    """True when the service answers; called until it does, must not raise."""
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the minimal environment (PATH, HOME, LANG) that every service gets."""
    start_timeout_s: float = 60.0
    stop_grace_s: float = 15.0
    """Seconds between SIGTERM and SIGKILL."""
    on_restart: Callable[[], Awaitable[None]] | None = None
    """Awaited each time it runs again after it ended alone, for state that the service lost."""


class Service:
    """A supervised process. Start and stop it on the same event loop."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.restarts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Return when the service answers. Raises ServiceError when it ends or stays silent."""
        rotate(self.program.log)
        await self._launch()
        self._watcher = asyncio.create_task(self._keep_alive())

    async def stop(self) -> None:
        """Ask the process to end, insist after the grace period, return when it is gone."""
        if self._watcher:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        await self._end(self.program.stop_grace_s)

    async def _launch(self) -> None:
        program = self.program
        with program.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *dies_with_parent(program.argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=program.cwd,
                env=minimal_environment() | dict(program.env),
                start_new_session=True,
            )
        try:
            await asyncio.wait_for(self._until_ready(self._process), program.start_timeout_s)
        except (asyncio.TimeoutError, ServiceError) as error:
            await self._end(0)
            reason = str(error) or f"did not answer within {program.start_timeout_s:g} s"
            raise ServiceError(f"{program.name} {reason}\n{tail(program.log)}".rstrip()) from error

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        while not await self.program.ready():
            if process.returncode is not None:
                raise ServiceError(f"ended with exit code {process.returncode} while starting")
            await asyncio.sleep(POLL_S)

    async def _keep_alive(self) -> None:
        pause, began = FIRST_PAUSE_S, time.monotonic()
        while True:
            assert self._process
            code = await self._process.wait()
            pause = FIRST_PAUSE_S if time.monotonic() - began > HEALTHY_AFTER_S else min(pause * 2, LONGEST_PAUSE_S)
            log.warning("%s ended with exit code %s; starting it again in %.1f s", self.program.name, code, pause)
            await asyncio.sleep(pause)
            began = time.monotonic()
            await self._relaunch()

    async def _relaunch(self) -> None:
        try:
            await self._launch()
            if self.program.on_restart:
                await self.program.on_restart()
        except Exception as error:  # whatever it is, the next round tries again
            log.warning("%s did not come back: %s", self.program.name, error)
            await self._end(0)
        else:
            self.restarts += 1
            log.warning("%s is running again", self.program.name)

    async def _end(self, grace_s: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM if grace_s else signal.SIGKILL)
        try:
            await asyncio.wait_for(process.wait(), grace_s or 10)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def dies_with_parent(argv: Sequence[str]) -> list[str]:
    """The argv that runs `argv` so that the kernel kills it when its starter ends (prctl(2) PR_SET_PDEATHSIG)."""
    return ["setpriv", "--pdeathsig", "KILL", "--", find_program(argv[0]), *argv[1:]]


def find_program(name: str) -> str:
    """The path of a program, also where only root's PATH leads. Raises ServiceError when it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{EXTRA_PATH}")
    if found is None:
        raise ServiceError(f"{name} is not installed; `make up` says which package holds it")
    return found


def minimal_environment() -> dict[str, str]:
    """PATH, HOME and LANG only: the emulator's own environment holds keys that no service needs."""
    return {
        "PATH": f"{os.environ.get('PATH', os.defpath)}:{EXTRA_PATH}",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
    }


def rotate(path: Path) -> None:
    """Move a log that has grown past 10 MB aside, to `<name>.1`, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > ROTATE_AT_BYTES:
        path.replace(path.with_name(path.name + ".1"))


def tail(path: Path, lines: int = 15, start: int = 0) -> str:
    """The last lines of a log from byte `start` on, at most 8 KiB of it; empty when there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(start, path.stat().st_size - 8192))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])
