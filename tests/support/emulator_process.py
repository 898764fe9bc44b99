"""The whole cloud as `make up` makes it: emulator and deployment in a folder of their own, and surely down again.

A guard process takes it down when this test process ends, however that happens: its stdin is a pipe that only we hold.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from emulator.state import holder, read_env
from tests.support import processes
from tests.support.processes import Process

PROJECT = Path(__file__).resolve().parents[2]
_FOREIGN = ("PATCHMILL_", "COS_", "KAFKA_", "OPENAI_", "KUBECONFIG", "MYSQL_SOCKET", "REDIS_SOCKET", "TENCENTCLOUD_")
_GUARD = """
import shutil, subprocess, sys
sys.stdin.read()
subprocess.run([sys.executable, "-m", "emulator", "down", "--root", sys.argv[1]], stdout=subprocess.DEVNULL)
shutil.rmtree(sys.argv[2], ignore_errors=True)
"""


class EmulatorProcess:
    """One emulator. `environ` is what it is started with beside the plain environment, `options` are those of `up`."""

    def __init__(self, environ: Mapping[str, str], options: tuple[str, ...] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pm-e2e-"))  # short: unix sockets lie below it
        self.root = self.folder / "em"
        self._environ = {**outside(), **environ}
        self._options = options
        guard = [sys.executable, "-c", _GUARD, str(self.root), str(self.folder)]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, cwd=PROJECT, env=outside(), start_new_session=True)

    def up(self) -> str:
        """Start it, or find that it is up, and deploy what has changed; returns what that printed."""
        return self._run("tools/up.py", "--root", str(self.root), *self._options)

    def down(self) -> str:
        return self._run("-m", "emulator", "down", "--root", str(self.root))

    def deployer(self, *arguments: str) -> str:
        """What `patchmill-deploy` prints for the stage `local`."""
        return self._run("-m", "deployer", *arguments, "--stage", "local")

    def kill(self) -> list[Process]:
        """SIGKILL, as a crash; returns every process that ran below it."""
        pid = self.pid
        left = processes.below(pid)
        os.kill(pid, signal.SIGKILL)
        return left

    def close(self) -> None:
        """Take it down and remove its folder."""
        assert self._guard.stdin
        self._guard.stdin.close()
        self._guard.wait(90)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        pid = holder(self.root)
        assert pid is not None, "no emulator runs"
        return pid

    @property
    def values(self) -> dict[str, str]:
        """What its env file exports, but for PATH."""
        return read_env(self.root / "env")

    def _run(self, *arguments: str) -> str:
        environ = {**self._environ, "PATCHMILL_EMULATOR_ROOT": str(self.root)}
        argv = [sys.executable, *arguments]
        done = subprocess.run(argv, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def outside() -> dict[str, str]:
    """The environment without what may lead to another emulator, another cloud or a live model."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
