"""Set-up of a working tree: `tools/setup run` for what runs Patchmill, `tools/setup test` for what tests it.

in   requirements/, agent/, layers/vendor/, package-lock.json, console/package-lock.json: the pinned lists;
     the machine's programs and interpreters
out  .venv/                      everything a developer needs, Patchmill's commands installed from the tree
     .local/packages/            functions and layers as the deployer uploads them
     .local/agent-…/             the agent's packages
     .local/toolchain.json       where all that is (read by the emulator and the deployer)
     node_modules/               for tests: the Serverless Framework
     console/node_modules/       for tests: what builds the console, and its unit tests

Standard library only: it runs before anything is installed. Every product is built beside its place and renamed, and
carries a hash of what it was made from, so an interrupted set-up does not count and a second one does nothing.
"""

from __future__ import annotations

import fcntl
import signal
import sys
from pathlib import Path

from deployer.packaging.interpreters import Interpreter
from tools.setup_parts import interpreters, nodemodules, packages, programs, stamps

ROOT = Path(__file__).resolve().parents[1]


def main(purpose: str) -> None:
    """Bring everything to the state that `purpose` (run, test) needs. Exits with 1 and a reason if it can't."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that what is half done is tidied up
    try:
        (ROOT / ".local").mkdir(exist_ok=True)
        with (ROOT / ".local" / "setup.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second one waits and finds it done
            programs.ensure(purpose)
            set_up(purpose)
    except KeyboardInterrupt:
        print("setup: stopped; it goes on where it was when it is run again", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except stamps.SetupError as error:
        sys.exit(f"setup: {error}")


def set_up(purpose: str) -> None:
    """The virtual environment first: its pip builds the rest."""
    python = packages.virtual_environment(ROOT, ROOT / ".venv", base(), with_tree=True)
    runtime = interpreters.for_functions(ROOT, python)
    packages.toolchain(ROOT, python, runtime)
    packages.pack(ROOT, python, runtime)
    if purpose == "test":
        nodemodules.install(ROOT)
        nodemodules.install(ROOT / "console")
        if runtime.version == "3.10" and interpreters.makes_environments(runtime):
            packages.virtual_environment(ROOT, ROOT / ".venv-3.10", runtime, with_tree=False)


def base() -> Interpreter:
    """The interpreter behind this one, which may be the virtual environment's own."""
    python = Path(getattr(sys, "_base_executable", sys.executable))
    return Interpreter(python, f"{sys.version_info[0]}.{sys.version_info[1]}")


if __name__ == "__main__":
    if sys.argv[1:] not in (["run"], ["test"]):
        sys.exit("usage: tools/setup run|test")
    main(sys.argv[1])
