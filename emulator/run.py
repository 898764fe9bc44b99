"""The emulator's own process: settings in, a Supervisor that runs until SIGINT, SIGTERM or SIGHUP out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from emulator import cli
from emulator.credentials import CredentialsError
from emulator.sandbox import SandboxError
from emulator.services.process import ServiceError
from emulator.settings import Settings, SettingsError
from emulator.state import Lock, StateError
from emulator.supervisor import Supervisor
from emulator.toolchain import ToolchainError

# Their text says all there is to say; anything else is a fault of ours and leaves its traceback in the log.
EXPLAINED = (
    CredentialsError,
    PermissionError,
    SandboxError,
    ServiceError,
    SettingsError,
    StateError,
    ToolchainError,
)
log = logging.getLogger(__name__)


def run(settings: Settings, report_fd: int | None) -> int:
    """Start everything, stay until a signal, stop everything. `report_fd`: where `up` reads the progress.

    The exit code; cli.BUSY when another emulator has the root.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for talkative in ("kafka", "uvicorn.error"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    lock = Lock(settings.root)
    report = _reporter(report_fd)
    if not lock.acquire():
        return cli.BUSY
    try:
        return asyncio.run(_live(settings, report, foreground=report_fd is None))
    finally:
        lock.release()


async def _live(settings: Settings, report: Callable[[str], None], *, foreground: bool) -> int:
    stopping = asyncio.Event()
    for number in cli.ENDING:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        supervisor = Supervisor(settings, report)
        if not await _unless(stopping, supervisor.start()):
            report(cli.FAILED + "stopped by a signal")
            return 1
    except Exception as error:
        if not isinstance(error, EXPLAINED):
            log.exception("start failed")
        report(cli.FAILED + (str(error) or type(error).__name__))
        return 1
    if foreground:
        sys.stdout.write((settings.root / "env").read_text())
    report(cli.DONE)
    await stopping.wait()
    log.info("stopping")
    await supervisor.stop()
    log.info("stopped")
    return 0


async def _unless(stopping: asyncio.Event, start: Coroutine[Any, Any, None]) -> bool:
    """Run `start`, but give it up when the signal comes first; False then."""
    started, stopped = asyncio.ensure_future(start), asyncio.ensure_future(stopping.wait())
    await asyncio.wait((started, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not started.done():
        started.cancel()
        await asyncio.wait((started,))
        return False
    started.result()
    return True


def _reporter(descriptor: int | None) -> Callable[[str], None]:
    """Progress goes to `up` through its pipe, or to the terminal in the foreground; both may be gone by now."""

    def report(line: str) -> None:
        with contextlib.suppress(OSError):
            if descriptor is None:
                print(f"emulator: {line}", flush=True)
            else:
                os.write(descriptor, f"{line}\n".encode())

    return report
