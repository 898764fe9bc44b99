"""The pinned list of a layer of wheels, read for a target: CPython of one version on Linux.

pip judges environment markers by the Python that it runs on, not by the one it downloads for (pip's documentation of
`--python-version`), so they are judged here and taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from deployer.packaging.model import PackagingError, Target


@dataclass(frozen=True)
class Pin:
    """One package at one version; `hashes` as pip writes them, like sha256:…"""

    name: str
    version: str
    hashes: tuple[str, ...] = ()

    def line(self) -> str:
        """As pip reads it in a list."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={digest}" for digest in self.hashes)])


def read(path: Path, target: Target) -> list[Pin]:
    """The pins that hold for the target. Raises PackagingError for a line that pins no version."""
    markers = _markers(target)
    return [pin for line in _lines(path.read_text()) if (pin := _pin(line, path, markers))]


def _markers(target: Target) -> dict[str, str]:
    """The environment of PEP 508. The last number of the version is taken as a middling one: lists don't ask for it."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{target.python}.5",
        "os_name": "posix",
        "platform_machine": target.machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{target.python}.5",
        "python_version": target.python,
        "sys_platform": "linux",
    }


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        if line := re.sub(r"(^|\s)#.*", "", line).strip():
            yield line


def _pin(line: str, path: Path, markers: Mapping[str, str]) -> Pin | None:
    words, *hashes = re.split(r"\s--hash[= ]", line)
    try:
        wanted = Requirement(words)
    except InvalidRequirement:
        raise PackagingError(f"{path}: {line!r} is no requirement. Write it anew: make lock") from None
    if wanted.marker is not None and not wanted.marker.evaluate(dict(markers)):
        return None
    exact = re.fullmatch(r"==\s*([^*,\s]+)", str(wanted.specifier))
    if exact is None or wanted.url:
        raise PackagingError(f"{path}: {line!r} does not pin one version. Write it anew: make lock")
    return Pin(canonicalize_name(wanted.name), exact[1], tuple(digest.strip() for digest in hashes))
