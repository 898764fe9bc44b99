"""The small JSON reports that the three containers leave for one another, written whole and read with suspicion."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from patchmill_agent.folders import remove

MAX_REPORT_BYTES = 1 << 20


def write(path: Path, report: dict[str, Any], *, pad_to: int = 0) -> None:
    """Replace `path`, whatever is there, by the report; `pad_to` bytes of blanks reserve room for a later report."""
    body = json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode().ljust(pad_to)
    if path.is_dir() and not path.is_symlink():
        remove(path)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:  # "x": never through a link that someone left there
            file.write(body)
    except OSError:
        # A full disk: what is at `path` now was written to keep this room. Give it up, then try once more.
        temporary.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        temporary.write_bytes(body)
    temporary.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """The report at `path`; None when there is no regular file of at most 1 MiB with a JSON object in it."""
    try:
        with open_regular(path) as file:
            report = json.loads(file.read(MAX_REPORT_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) else None


def open_regular(path: Path) -> BinaryIO:
    """Open a file that the agent may have made: no link is followed, no pipe can block. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path.name} is not a regular file")
    return os.fdopen(descriptor, "rb")
