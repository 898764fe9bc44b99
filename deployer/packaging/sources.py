"""The files of a function or of a layer of our own: a folder in, its content out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from deployer.packaging.model import Content, PackagingError

_NEVER = ("__pycache__",)
_NEVER_ENDINGS = (".pyc", ".pyo", "~")


def collect(folder: Path, shown: str) -> Content:
    """Every file below `folder` but bytecode and what begins with a dot. `shown` is the folder's name for people.

    Raises PackagingError: no such folder, nothing in it, a symbolic link, a file that can't be read.
    """
    if not folder.is_dir():
        raise PackagingError(f"{shown} is no folder. Correct `path` in serverless.yml.")
    try:
        content = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder, shown)}
    except OSError as error:
        raise PackagingError(
            f"{error.filename}: {error.strerror}. It belongs to {shown}, which is to be packed."
        ) from None
    if not content:
        raise PackagingError(f"{shown} has no files. Correct `path` in serverless.yml.")
    return content


def _files(folder: Path, shown: str) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=_fail):
        folders[:] = sorted(name for name in folders if not _left_out(name))
        for name in sorted([*names, *folders]):
            path = Path(parent, name)
            if _left_out(name):
                continue
            if path.is_symlink():
                raise PackagingError(
                    f"{path.relative_to(folder)} in {shown} is a symbolic link, which a zip for the platform can't "
                    "hold. Put the file itself there."
                )
            if path.is_file():
                yield path


def _left_out(name: str) -> bool:
    return name.startswith(".") or name in _NEVER or name.endswith(_NEVER_ENDINGS)


def _fail(error: OSError) -> None:
    raise error
