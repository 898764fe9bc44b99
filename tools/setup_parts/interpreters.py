"""Which Python runs the functions: the platform's newest is 3.10, so a 3.10 of this machine if one truly runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.setup_parts.stamps import SetupError

WANTED = "3.10"
QUESTION = (
    "import ensurepip, json, sys; print(json.dumps([sys.executable, sys.base_prefix, '%d.%d' % sys.version_info[:2]]))"
)


@dataclass(frozen=True)
class Interpreter:
    """A base interpreter (not a virtual environment's) and its version, like 3.10."""

    python: Path
    version: str


def for_functions(root: Path, venv_python: Path) -> Interpreter:
    """A Python 3.10, else the one that the virtual environment was made from."""
    known = remembered(root / ".local" / "toolchain.json")
    if known:
        return known
    for candidate in candidates():
        found = examine(candidate)
        if found and found.version == WANTED:
            return found
    own = examine(str(venv_python.resolve()))
    if own is None:
        raise SetupError(f"{venv_python} does not run; remove {venv_python.parent.parent} and try again")
    return own


def remembered(toolchain: Path) -> Interpreter | None:
    """The 3.10 found by an earlier set-up, if it is still there: looking for one takes a while."""
    if not toolchain.exists():
        return None
    try:
        values = json.loads(toolchain.read_text())
        python, version = Path(values["runtime_python"]), values["runtime_version"]
    except (ValueError, KeyError, TypeError):  # of no use: it is written anew at the end of the set-up
        return None
    return Interpreter(python, WANTED) if version == WANTED and python.exists() else None


def candidates() -> Iterator[str]:
    """Where a 3.10 may be, the likeliest first."""
    if on_path := shutil.which(f"python{WANTED}"):
        yield on_path
    yield from sorted(map(str, (Path.home() / ".pyenv/versions").glob(f"{WANTED}.*/bin/python")), reverse=True)
    if uv := shutil.which("uv"):
        answer = subprocess.run([uv, "python", "find", "--offline", WANTED], capture_output=True, text=True)
        if answer.returncode == 0:
            yield answer.stdout.strip()


def examine(python: str) -> Interpreter | None:
    """The base interpreter behind a name; None when it does not run (a pyenv shim without a version, say)."""
    try:
        answer = subprocess.run([python, "-I", "-c", QUESTION], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return None
    executable, base, version = json.loads(answer.stdout)
    inside = Path(base) / "bin" / f"python{version}"
    return Interpreter(inside if inside.exists() else Path(executable).resolve(), version)
