"""Building: the functions and layers of a declaration in, a `Package` of each out; from the cache what is unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.packaging import archive, bytecode, sources, vendor
from deployer.packaging.cache import Cache, builder_digest
from deployer.packaging.interpreters import find_python
from deployer.packaging.model import (
    PLATFORM,
    Content,
    Declared,
    Package,
    PackageKind,
    PackagingError,
    Target,
    content_digest,
)

TARGET = "PATCHMILL_PACKAGE_TARGET"
"""What a stage runs, like 3.11-aarch64, where that is not PLATFORM: an emulator that has no Python 3.10."""
_MOUNTED: dict[PackageKind, str] = {"function": "/var/user", "layer": "/opt"}  # the platform's places (583/40159)
Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Source:
    """One function or layer to pack. `shown` is its folder as serverless.yml writes it."""

    kind: PackageKind
    name: str
    folder: Path
    shown: str

    @property
    def from_list(self) -> bool:
        """Whether it is a layer of wheels: what lies in the folder is a list of them."""
        return self.kind == "layer" and vendor.is_vendor(self.folder)

    def inputs(self) -> Content:
        """All that its package is made from. Raises PackagingError."""
        return vendor.inputs(self.folder) if self.from_list else sources.collect(self.folder, self.shown)


def build_for(
    declared: Declared, environ: Mapping[str, str], progress: Progress = lambda text: None
) -> dict[str, Package]:
    """As `build`, for the stage whose environment this is, with the interpreter that is found on this machine."""
    target = Target.parse(environ.get(TARGET, ""))
    return build(declared, python310=find_python(declared.project, target.python), progress=progress, target=target)


def build(
    declared: Declared,
    out: Path | None = None,
    python310: Path | None = None,
    progress: Progress = lambda text: None,
    target: Target = PLATFORM,
) -> dict[str, Package]:
    """Package by its id, like function/submit or layer/vendor: every function and layer of `declared`.

    `out` is where packages are kept (None: <project>/.local/packages); the zips lie in it. `python310` makes the
    bytecode (None: there is none; see find_python). Raises PackagingError.
    """
    builder = _Builder(Cache(out or declared.project / ".local" / "packages"), python310, target, progress)
    layers: list[tuple[PackageKind, str, str]] = [
        ("layer", name, layer.path) for name, layer in declared.layers.items()
    ]
    functions: list[tuple[PackageKind, str, str]] = [
        ("function", name, function.path) for name, function in declared.functions.items()
    ]
    built = [
        builder.pack(_Source(kind, name, declared.project / path, path)) for kind, name, path in [*layers, *functions]
    ]
    return {package.id: package for package in built}


@dataclass(frozen=True)
class _Builder:
    """What all packages of one build share. `python` is an interpreter of the target's version, if there is one."""

    cache: Cache
    python: Path | None
    target: Target
    progress: Progress

    @property
    def _form(self) -> str:
        """What else decides the content of a package."""
        return f"{self.target} {'with' if self.python else 'without'} bytecode"

    def pack(self, source: _Source) -> Package:
        """The package out of the cache, or made."""
        inputs = source.inputs()
        key = content_digest(inputs, f"{builder_digest()} {source.kind} {source.from_list} {self._form}")
        if found := self.cache.get(source.kind, source.name, key):
            return found
        with self.cache.alone():
            if found := self.cache.get(source.kind, source.name, key):  # another builder has just made it
                return found
            self.progress(f"packing {source.kind} {source.name}")
            self.cache.clean()
            notes: list[str] = []
            if source.from_list:
                inputs, notes = vendor.collect(source.folder, source.shown, self.target)
            return self.cache.put(
                source.kind, source.name, key, lambda draft: self._write(source, inputs, notes, draft)
            )

    def _write(self, source: _Source, content: Content, notes: list[str], folder: Path) -> Package:
        """Compile and zip. A source of ours that does not compile is a mistake and is told; wheels may hold such."""
        digest = content_digest(content, self._form)
        if self.python is not None:
            content = {**content, **self._bytecode(self.python, source, content)}
        else:
            notes = [
                *notes,
                f"without bytecode, so every cold start compiles: no Python {self.target.python} was found",
            ]
        if self.target != PLATFORM:
            notes = [*notes, f"made for {self.target}, not for the platform's {PLATFORM}"]
        place = folder / f"{source.name}.zip"
        archive.write(place, content)
        unpacked = sum(map(len, content.values()))
        return Package(source.name, source.kind, place, digest, place.stat().st_size, unpacked, tuple(notes))

    def _bytecode(self, python: Path, source: _Source, content: Content) -> Content:
        """Raises PackagingError, with the folder: many have an index.py."""
        mounted, strict = _MOUNTED[source.kind], not source.from_list
        try:
            return bytecode.compile_all(python, self.target, content, mounted, strict=strict)
        except PackagingError as error:
            raise PackagingError(f"{source.shown}: {error}") from None
