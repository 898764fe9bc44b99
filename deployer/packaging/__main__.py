"""`python -m deployer.packaging [PROJECT]`: build every package of serverless.yml and print the sizes.

It reads only where functions and layers are, so it needs no stage: set-up uses it to have the packages ready. The exit
code is 1 when a package is larger than the project allows, 2 when something can't be packed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deployer.packaging import Package, PackagingError, build_for
from deployer.packaging.build import TARGET
from deployer.packaging.limits import MB, OUR_FUNCTION_ZIP_BYTES, OUR_LAYERS_BYTES, over_budget


@dataclass(frozen=True)
class Folder:
    """Where a function or a layer is, relative to the project."""

    path: str


@dataclass(frozen=True)
class Folders:
    """The part of serverless.yml that packaging reads."""

    project: Path
    functions: Mapping[str, Folder]
    layers: Mapping[str, Folder]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deployer.packaging", description="Build all packages; print sizes."
    )
    parser.add_argument(
        "project", nargs="?", type=Path, default=Path(), help="the folder of serverless.yml (default: .)"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument(
        "--target", default="", help="what they are made for, like 3.11-aarch64 (default: the platform)"
    )
    options = parser.parse_args(arguments)
    try:
        folders = read(options.project.resolve())
        packages = build_for(folders, {TARGET: options.target})
    except PackagingError as error:
        print(f"packaging: {error}", file=sys.stderr)
        return 2
    if not options.quiet:
        print(table(packages.values()))
    broken = over_budget(packages.values())
    for sentence in broken:
        print(f"packaging: {sentence}", file=sys.stderr)
    return 1 if broken else 0


def read(project: Path) -> Folders:
    """The folders of serverless.yml. Raises PackagingError when they are not there to be read."""
    path = project / "serverless.yml"
    try:
        document = yaml.safe_load(path.read_text())
        return Folders(project, _folders(document["functions"]), _folders(document.get("layers") or {}))
    except OSError as error:
        raise PackagingError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise PackagingError(f"{path} has no functions with a `path` each.") from None


def _folders(entries: Mapping[str, Any]) -> dict[str, Folder]:
    return {name: Folder(entry["path"]) for name, entry in entries.items()}


def table(packages: Iterable[Package]) -> str:
    """Sizes of each package, of all layers together, and the notes. Also what `patchmill-deploy package` prints."""
    packages = list(packages)
    lines = [f"{'':<20}{'zipped':>12}{'unpacked':>12}  digest"]
    for package in packages:
        lines.append(
            f"{package.id:<20}{_size(package.zip_bytes)}{_size(package.unpacked_bytes)}  {package.digest[:16]}"
        )
    layers = [package for package in packages if package.kind == "layer"]
    total = _size(sum(layer.zip_bytes for layer in layers)) + _size(sum(layer.unpacked_bytes for layer in layers))
    lines.append(f"{'layers together':<20}{total}")
    limits = f"{OUR_FUNCTION_ZIP_BYTES / 1000:.0f} KB zipped, layers together {OUR_LAYERS_BYTES / MB:.0f} MB unpacked"
    lines.append(f"allowed: each function {limits}")
    for package in packages:
        lines += ["", f"{package.id}:", *(f"  {note}" for note in package.notes)] if package.notes else []
    return "\n".join(lines)


def _size(count: int) -> str:
    return f"{count / MB:9.2f} MB" if count >= MB else f"{count / 1000:9.1f} KB"


if __name__ == "__main__":
    sys.exit(main())
