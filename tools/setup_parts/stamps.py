"""Whether a product of set-up is up to date: the things it was made from in, a short hash out."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

FORMAT = "2"  # changes when set-up itself builds differently


class SetupError(Exception):
    """Set-up cannot go on; the text says what to do."""


def digest(*parts: str | Path) -> str:
    """Twelve hex digits over texts and the contents of files."""
    total = hashlib.sha256(FORMAT.encode())
    for part in parts:
        total.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        total.update(b"\0")
    return total.hexdigest()[:12]


def build(place: Path, make: Callable[[Path], None]) -> None:
    """Make a folder beside its place and rename it, so that `place` exists only when it is whole."""
    draft = place.with_name(f".{place.name}.building")
    shutil.rmtree(draft, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        make(draft)
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def run(what: str, argv: Sequence[str | Path], hint: str = "", cwd: Path | None = None) -> None:
    """Run a step that may take a while: one line before it, its output only when it fails. Raises SetupError."""
    print(f"setup: {what}", flush=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in argv], stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=cwd
    )
    if done.returncode:
        sys.stderr.buffer.write((done.stdout + done.stderr)[-4000:])
        raise SetupError(f"failed: {what}{hint and f'. {hint}'}")


def write(path: Path, text: str) -> None:
    """Write a small file whole or not at all, and not at all when it says so already."""
    if path.exists() and path.read_text() == text:
        return
    draft = path.with_name(path.name + ".new")
    draft.write_text(text)
    draft.replace(path)
