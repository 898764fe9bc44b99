"""The virtual environments and package folders, built from the pinned lists."""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path

from deployer.packaging.cache import builder_digest
from deployer.packaging.interpreters import Interpreter
from deployer.packaging.model import PLATFORM, Target
from tools.setup_parts.stamps import build, digest, run, write

PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
NETWORK = "Does this machine reach the package index? Set-up goes on where it stopped when it is run again"


def virtual_environment(root: Path, place: Path, base: Interpreter, *, with_tree: bool) -> Path:
    """Make or renew a virtual environment with everything in requirements/dev.txt; returns its interpreter.

    A virtual environment holds its own path and belongs to one version of Python, so it is built in its place, and anew
    when either has changed; its stamp is written when it is whole.
    """
    lists = [root / "requirements/dev.txt", root / "agent/requirements-nodeps.txt"]
    project = (root / "pyproject.toml").read_text().partition("\n[tool.")[0]  # the settings of tools install nothing
    origin = f"{place} Python {base.version}\n"
    stamp, wanted = place / "setup-stamp", f"{origin}{digest(*lists, project)}\n"
    python, before = place / "bin" / "python", stamp.read_text() if stamp.exists() else ""
    if before == wanted and python.exists():
        return python
    if not before.startswith(origin) or not python.exists():  # half made, or moved here from elsewhere
        shutil.rmtree(place, ignore_errors=True)
        run(f"making {place.name}", [base.python, "-m", "venv", place], "Is python3-venv installed?")
        write(stamp, f"{origin}unfinished\n")
    run(f"installing packages into {place.name} (a minute or two)", [python, *PIP, "-r", lists[0]], NETWORK)
    run("installing mini-swe-agent", [python, *PIP, "--no-deps", "-r", lists[1]], NETWORK)
    if with_tree:
        run("installing Patchmill's commands", [python, *PIP, "--no-deps", "-e", root], NETWORK)
    write(stamp, wanted)
    return python


def toolchain(root: Path, venv_python: Path, runtime: Interpreter) -> None:
    """Build the agent's package folder and write down where everything is.

    Folders of earlier lists stay: an emulator that runs may have them mounted.
    """
    agent_lists = [root / "agent/requirements.txt", root / "agent/requirements-nodeps.txt"]
    local = root / ".local"
    agent = local / f"agent-{digest(*agent_lists, str(venv_python.resolve()))}"
    if not agent.exists():
        build(agent, lambda draft: agent_site(draft, agent_lists, venv_python))
    values = {
        "python": str(venv_python),
        "runtime_python": str(runtime.python),
        "runtime_version": runtime.version,
        "package_target": package_target(runtime),
        "agent_python": str(venv_python.resolve()),
        "agent_site": str(agent.relative_to(root)),
    }
    write(local / "toolchain.json", json.dumps(values, indent=2) + "\n")


def package_target(runtime: Interpreter) -> str:
    """What functions and layers are made for on this machine, like 3.11-aarch64; empty: what the platform has."""
    target = Target(runtime.version, platform.machine())
    return "" if target == PLATFORM else str(target)


def pack(root: Path, venv_python: Path, runtime: Interpreter) -> None:
    """Have the deployer build its packages, so that the first deployment finds the vendor layer ready."""
    vendor, target = root / "layers/vendor", package_target(runtime)
    lists = [path for path in sorted(vendor.glob("*.txt")) if path.is_file()]
    stamp, wanted = root / ".local/packages/setup-stamp", f"{digest(*lists, target, builder_digest())}\n"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if target:
        print(
            f"setup: no Python {PLATFORM.python} for {PLATFORM.machine} here; functions on this machine run on {target}"
        )
    argv: list[str | Path] = [venv_python, "-m", "deployer.packaging", root, "--quiet", f"--target={target}"]
    run("packing the functions and their layers", argv, NETWORK, cwd=root)
    write(stamp, wanted)


def agent_site(draft: Path, lists: list[Path], venv_python: Path) -> None:
    """The agent's packages; their scripts find their Python on PATH, because they run elsewhere."""
    run("installing the agent's packages", [venv_python, *PIP, "--target", draft, "-r", lists[0]], NETWORK)
    run("installing mini-swe-agent for the agent", _without_deps(venv_python, draft, lists[1]), NETWORK)
    for script in (draft / "bin").iterdir():
        body = script.read_bytes()
        if body.startswith(b"#!") and b"python" in body.partition(b"\n")[0]:
            script.write_bytes(b"#!/usr/bin/env python3\n" + body.partition(b"\n")[2])


def _without_deps(venv_python: Path, draft: Path, wanted: Path) -> list[str | Path]:
    return [venv_python, *PIP, "--no-deps", "--target", draft, "-r", wanted]
