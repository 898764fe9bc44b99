"""Where a Python of a given version is, like 3.10, the platform's newest: on PATH, among pyenv's, or uv's."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_QUESTION = "import json, sys; print(json.dumps([sys.executable, sys.base_prefix, '%d.%d' % sys.version_info[:2]]))"


@dataclass(frozen=True)
class Interpreter:
    """A base interpreter (not a virtual environment's) and its version, like 3.10."""

    python: Path
    version: str


def find_python(project: Path, version: str = "3.10") -> Path | None:
    """The one that set-up found (<project>/.local/toolchain.json), else the first that runs; None if there is none."""
    found = remembered(project / ".local" / "toolchain.json", version) or search(version)
    return found.python if found else None


def remembered(toolchain: Path, version: str) -> Interpreter | None:
    """The one found by an earlier set-up, if it is still there: looking for one takes a while."""
    try:
        values = json.loads(toolchain.read_text())
        python, known = Path(values["runtime_python"]), values["runtime_version"]
    except (OSError, ValueError, KeyError, TypeError):  # none, or of no use: set-up writes it anew
        return None
    return Interpreter(python, version) if known == version and python.exists() else None


def search(version: str) -> Interpreter | None:
    """The first of that version on this machine that truly runs."""
    for candidate in candidates(version):
        found = examine(candidate)
        if found and found.version == version:
            return found
    return None


def candidates(version: str) -> Iterator[str]:
    """Where one may be, the likeliest first."""
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    yield from sorted(map(str, (Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python")), reverse=True)
    if uv := shutil.which("uv"):
        answer = subprocess.run([uv, "python", "find", "--offline", version], capture_output=True, text=True)
        if answer.returncode == 0:
            yield answer.stdout.strip()


def examine(python: str) -> Interpreter | None:
    """The base interpreter behind a name; None when it does not run (a pyenv shim without a version, say)."""
    try:
        answer = subprocess.run([python, "-I", "-c", _QUESTION], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return None
    executable, base, version = json.loads(answer.stdout)
    inside = Path(base) / "bin" / f"python{version}"
    return Interpreter(inside if inside.exists() else Path(executable).resolve(), version)
