"""Which Python runs the functions: the platform's newest is 3.10, so a 3.10 of this machine if one truly runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from deployer.packaging.interpreters import Interpreter, examine, remembered, search
from tools.setup_parts.stamps import SetupError

WANTED = "3.10"


def for_functions(root: Path, venv_python: Path) -> Interpreter:
    """A Python 3.10, else the one that the virtual environment was made from."""
    found = remembered(root / ".local" / "toolchain.json", WANTED) or search(WANTED)
    if found is None:
        found = examine(str(venv_python.resolve()))
    if found is None:
        raise SetupError(f"{venv_python} does not run; remove {venv_python.parent.parent} and try again")
    return found


def makes_environments(runtime: Interpreter) -> bool:
    """Whether it can make a virtual environment: Debian's may come without that part."""
    return subprocess.run([runtime.python, "-I", "-c", "import ensurepip"], capture_output=True).returncode == 0
