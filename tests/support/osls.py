"""Serverless Framework as `npm ci` installs it from the lock file, run in a project that may be a changed copy."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.declared import REPOSITORY, Project

NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
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
    """The osls command. Installed once for a lock file, in .local, where nothing of the working tree is in the way."""
    digest = hashlib.sha256((REPOSITORY / "package-lock.json").read_bytes()).hexdigest()[:12]
    local = REPOSITORY / ".local"
    local.mkdir(exist_ok=True)
    place = local / f"osls-{digest}"
    with (local / "osls.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            folder = Path(tempfile.mkdtemp(dir=local, prefix="osls-half-"))
            for name in NPM_FILES:
                shutil.copy(REPOSITORY / name, folder)
            subprocess.run(["npm", "ci"], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=110)
            folder.rename(place)
    return place / "node_modules" / ".bin" / "osls"


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
        env={**kept, "HOME": str(folder), "SLS_SCHEMA_CACHE_BASE_DIR": str(command.parents[2]), **environ},
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
