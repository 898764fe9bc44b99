"""Images of the node: a name that a pod asks for in, the folders and the interpreter that stand for it out.

There is no registry: what is not in the table cannot be pulled, and its pods stay in ImagePullBackOff.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.sandbox import Mount, python_mounts

_BIN = "/opt/image/bin"
_PATH = f"{_BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """`mounts` and `env` are added to every container of the image, in which `python3` runs `python`."""

    name: str
    mounts: tuple[Mount, ...]
    env: Mapping[str, str]
    python: Path

    @property
    def all_mounts(self) -> tuple[Mount, ...]:
        return (*python_mounts(self.python), *self.mounts)

    @property
    def symlinks(self) -> tuple[tuple[str, str], ...]:
        target = str(self.python.resolve())
        return (target, f"{_BIN}/python3"), (target, f"{_BIN}/python")

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": _PATH, **self.env}


def shell_image(name: str) -> Image:
    """An image with nothing but the system's programs and its own python3, for tries and tests."""
    return Image(name, (), {}, Path(shutil.which("python3", path="/usr/bin:/usr/local/bin") or "/usr/bin/python3"))
