"""The data of packaging: what is packed, and what comes of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from deployer.context import DeployError

PackageKind = Literal["function", "layer"]
Content = dict[str, bytes]
"""Name in the zip, with forward slashes → bytes."""


class PackagingError(DeployError):
    """Something cannot be packed, or is too large; the text says what to do."""


@dataclass(frozen=True)
class Target:
    """Which Python packages are made for, like 3.10, on which machine, like x86_64."""

    python: str
    machine: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Of a text like 3.11-aarch64; empty: the platform's. Raises PackagingError for anything else."""
        found = re.fullmatch(r"(3\.\d+)-(x86_64|aarch64)", text or str(PLATFORM))
        if found is None:
            raise PackagingError(f"PATCHMILL_PACKAGE_TARGET is {text!r}; it is to be like {PLATFORM}.")
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return f"{self.python}-{self.machine}"

    @property
    def tag(self) -> str:
        """As in the names of wheels and of bytecode: 310."""
        return self.python.replace(".", "")


PLATFORM = Target("3.10", "x86_64")
"""The newest Python that the platform has, on the only machine it names (CreateFunctionRequest.Runtime in the SDK)."""


class HasPath(Protocol):
    """A declared function or layer: where its files are, relative to the project."""

    @property
    def path(self) -> str: ...


class Declared(Protocol):
    """What packaging reads of a declaration."""

    @property
    def project(self) -> Path: ...

    @property
    def functions(self) -> Mapping[str, HasPath]: ...

    @property
    def layers(self) -> Mapping[str, HasPath]: ...


@dataclass(frozen=True)
class Package:
    """A zip that is ready to be uploaded. `name` is the key in serverless.yml.

    `digest` is of the content: names and bytes of what is packed without bytecode, and whether bytecode is with it. So
    it is the same on every machine that finds a Python 3.10, whichever zlib and patch version of Python that has.
    """

    name: str
    kind: PackageKind
    zip: Path
    digest: str
    zip_bytes: int
    unpacked_bytes: int
    notes: tuple[str, ...] = ()
    """For people: what was left out and what that saved, what is missing."""

    @property
    def id(self) -> str:
        """Like function/submit."""
        return f"{self.kind}/{self.name}"


def content_digest(content: Mapping[str, bytes], extra: str = "") -> str:
    """SHA-256 in hex over names, sizes and bytes, in the order of the names."""
    total = hashlib.sha256(extra.encode())
    for name in sorted(content):
        total.update(f"\0{name}\0{len(content[name])}\0".encode())
        total.update(content[name])
    return total.hexdigest()
