"""Small projects to pack, and packed ones to look into and to run."""

from __future__ import annotations

import ast
import os
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

from deployer.packaging import Package, build, find_python
from deployer.packaging.__main__ import Folder, Folders, read

PROJECT = Path(__file__).resolve().parents[2]


def project(folder: Path, files: Mapping[str, str], *, layers: Sequence[str] = ("core",)) -> Folders:
    """A project with one function `hello` and these files; returns what packaging reads of it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    functions = {"hello": Folder("functions/hello")}
    return Folders(folder, functions, {name: Folder(f"layers/{name}") for name in layers})


@cache
def python310() -> Path:
    """The machine's Python 3.10; a test that needs one is skipped where there is none."""
    found = find_python(PROJECT)
    if found is None:
        pytest.skip("no Python 3.10 on this machine")
    return found


@cache
def ours() -> dict[str, Package]:
    """Patchmill's own packages, as they are deployed."""
    return build(read(PROJECT), python310=python310())


def names(package: Package) -> list[str]:
    with zipfile.ZipFile(package.zip) as archive:
        return archive.namelist()


def content(package: Package, name: str) -> bytes:
    with zipfile.ZipFile(package.zip) as archive:
        return archive.read(name)


def unpack(packages: Mapping[str, Package], folder: Path, layers: Sequence[str] = ("vendor", "core")) -> None:
    """As the platform does: each function into folder/<function>, the layers over one another into folder/opt."""
    for package in packages.values():
        if package.kind == "function":
            _extract(package, folder / package.name)
    for name in layers:
        _extract(packages[f"layer/{name}"], folder / "opt")


def _extract(package: Package, folder: Path) -> None:
    with zipfile.ZipFile(package.zip) as archive:
        archive.extractall(folder)


def run(
    folder: Path, function: str, script: Path, argument: str, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a script under Python 3.10 with nothing on the path but the unpacked zips; no site-packages."""
    return subprocess.run(
        [python310(), "-S", "-W", "ignore::DeprecationWarning", script, argument],
        cwd=folder / function,
        env={"PYTHONPATH": f"{folder / function}:{folder / 'opt'}", "PYTHONDONTWRITEBYTECODE": "x", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def modules(root: Path) -> set[str]:
    """Every module and package below an unpacked layer."""
    found = set()
    for path in root.rglob("*"):
        place = path.relative_to(root)
        if path.is_dir() or path.suffix == ".py":
            found.add(place.as_posix().removesuffix(".py").replace("/", ".").removesuffix(".__init__"))
        elif path.suffix == ".so":
            found.add((place.parent / place.name.partition(".")[0]).as_posix().replace("/", "."))
    return found


def imports(path: Path, module: str) -> Iterator[str]:
    """Modules that a file imports anywhere, those for type checkers left out. `module` is its dotted name."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and os.path.basename(ast.unparse(node.test)).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            yield ".".join([*above, *([node.module] if node.module else [])])
        waiting += ast.iter_child_nodes(node)
