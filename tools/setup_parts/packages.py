"""The virtual environments and package folders, built from the pinned lists."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from tools.setup_parts.interpreters import Interpreter
from tools.setup_parts.stamps import build, digest, run, write

PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
NETWORK = "Does this machine reach the package index? Set-up goes on where it stopped when it is run again"
TEST_FOLDERS = ("tests", "test", "SelfTest")  # SelfTest: pycryptodome's, 8 MB


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
        run("installing the client", [python, *PIP, "--no-deps", "-e", root], NETWORK)
    write(stamp, wanted)
    return python


def toolchain(root: Path, venv_python: Path, runtime: Interpreter) -> None:
    """Build the functions' and the agent's package folders and write down where everything is.

    Folders of earlier lists stay: an emulator that runs may have them mounted.
    """
    vendor_list = root / "layers/vendor/requirements.txt"
    agent_lists = [root / "agent/requirements.txt", root / "agent/requirements-nodeps.txt"]
    local = root / ".local"
    vendor = local / "layers" / f"vendor-{runtime.version}-{digest(vendor_list, str(runtime.python))}"
    agent = local / f"agent-{digest(*agent_lists, str(venv_python.resolve()))}"
    if not vendor.exists():
        if runtime.version != "3.10":
            print(f"setup: no Python 3.10 found; the functions run on Python {runtime.version}")
        build(vendor, lambda draft: vendor_layer(draft, vendor_list, runtime))
    if not agent.exists():
        build(agent, lambda draft: agent_site(draft, agent_lists, venv_python))
    values = {
        "python": str(venv_python),
        "runtime_python": str(runtime.python),
        "runtime_version": runtime.version,
        "vendor_layer": str(vendor.relative_to(root)),
        "agent_python": str(venv_python.resolve()),
        "agent_site": str(agent.relative_to(root)),
    }
    write(local / "toolchain.json", json.dumps(values, indent=2) + "\n")


def vendor_layer(draft: Path, wanted: Path, runtime: Interpreter) -> None:
    """The functions' packages, installed by and for their interpreter, without test suites."""
    with tempfile.TemporaryDirectory() as folder:  # the interpreter itself may lack pip; a virtual environment has one
        hint = f"{runtime.python} cannot make a virtual environment; is its venv package installed?"
        run(f"preparing Python {runtime.version}", [runtime.python, "-m", "venv", folder], hint)
        argv: list[str | Path] = [Path(folder, "bin", "python"), *PIP, "--target", draft, "-r", wanted]
        run(f"building the functions' vendor layer for Python {runtime.version}", argv, NETWORK)
    for name in TEST_FOLDERS:
        for found in list(draft.rglob(name)):
            if found.is_dir():
                shutil.rmtree(found)
    shutil.rmtree(draft / "bin", ignore_errors=True)


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
