"""Programs of the system that Patchmill needs: looked for, installed with apt as root, else named to the user."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.setup_parts.stamps import SetupError, run

RUN = {
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "redis-server": "redis-server",
    "bwrap": "bubblewrap",
    "git": "git",
    "setpriv": "util-linux",
}
TEST = {
    "kubectl": "kubernetes-client",
    "docker-registry": "docker-registry",
    "node": "nodejs",
    "npm": "npm",
}
SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# made by Patchmill's set-up while it installs packages, and removed again\nexit 101\n"


def ensure(purpose: str, path: str = SEARCH_PATH, may_install: bool | None = None) -> None:
    """Return when every program is on `path`. Raises SetupError with the packages to install.

    `may_install` None: as root where there is apt.
    """
    remove_policy()
    wanted = RUN | (TEST if purpose == "test" else {})
    packages = missing(wanted, path)
    if not packages:
        return
    command = f"apt-get install {' '.join(packages)}"
    if may_install is None:
        may_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if not may_install:
        raise SetupError(f"these packages are missing: {' '.join(packages)}. Install them: sudo {command}")
    install(packages)
    if still := missing(wanted, path):
        raise SetupError(f"still missing after the installation: {' '.join(still)}. Try: {command}")


def missing(wanted: dict[str, str], path: str) -> list[str]:
    """The Debian packages of the programs that are not found, and python3-venv where the interpreter lacks it."""
    absent = {package for program, package in wanted.items() if not shutil.which(program, path=path)}
    if not Path(os.__file__).with_name("ensurepip").is_dir():  # Debian's python3 comes without it
        absent.add("python3-venv")
    return sorted(absent)


def install(packages: list[str]) -> None:
    """Install with apt, without questions and without starting system services."""
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    hint = "Is there a network? Set-up goes on where it stopped when it is run again"
    run("apt-get update", ["apt-get", "update", "-q"], hint)
    with no_services():
        argv = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        run(f"installing {' '.join(packages)}", argv, hint)


@contextmanager
def no_services(policy: Path = POLICY) -> Iterator[None]:
    """Packages start their services unless this file forbids it (invoke-rc.d); an administrator's own one stays."""
    if policy.exists():
        yield
        return
    try:
        policy.write_text(POLICY_TEXT)
        policy.chmod(0o755)
        yield
    finally:
        remove_policy(policy)


def remove_policy(policy: Path = POLICY) -> None:
    """Away with our own file, also one that a killed set-up has left."""
    with suppress(OSError):  # none there, or not ours to read or remove
        if policy.read_text() == POLICY_TEXT:
            policy.unlink()
