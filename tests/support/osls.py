"""Serverless Framework (osls) at the version of the lock file, run in a project that may be a changed copy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.declared import REPOSITORY, Project

STAND_IN = """
import os, pathlib, signal, sys, time
print("deployer", *sys.argv[1:], flush=True)
if os.environ.get("STAND_IN_WAITS"):
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    print("waiting", flush=True)
    time.sleep(60)
sys.stderr.write(os.environ.get("STAND_IN_SAYS", ""))
sys.exit(int(os.environ.get("STAND_IN_CODE", "0")))
"""


def installed() -> Path:
    """The osls command, where set-up has installed what the lock file pins."""
    command = REPOSITORY / "node_modules" / ".bin" / "osls"
    assert command.exists(), "run tools/setup test"
    return command


def prepare(project: Project) -> None:
    """Put the plugin, and a stand-in for the deployer that tells how it was called, into the project."""
    deployer = project.folder / "deployer"
    shutil.copytree(REPOSITORY / "deployer" / "serverless-plugin", deployer / "serverless-plugin")
    (deployer / "__init__.py").touch()
    (deployer / "__main__.py").write_text(STAND_IN, "utf-8")


def start(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Run osls there, with nothing of this machine's cloud settings in its environment."""
    command = installed()
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.Popen(
        [str(command), *arguments],
        cwd=folder,
        env={**kept, "HOME": str(folder), "SLS_SCHEMA_CACHE_BASE_DIR": str(REPOSITORY / ".local"), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *arguments: str, **environ: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of osls, which tells its own errors on stdout."""
    process = start(folder, *arguments, **environ)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors
