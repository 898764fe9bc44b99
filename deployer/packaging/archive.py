"""Zips that depend on nothing but their content: sorted names, one time, one mode, forward slashes."""

from __future__ import annotations

import zipfile
from pathlib import Path

from deployer.packaging.model import Content

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell; the bytecode in it does not look at times
_MODE = 0o100644  # a plain file that the platform's user may read


def write(path: Path, content: Content) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = 3  # Unix, whatever system writes it
            entry.external_attr = _MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content[name], compresslevel=9)
