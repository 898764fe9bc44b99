"""A layer of wheels: a folder with a pinned requirements.txt in, the packages' files for the platform out.

The wheels are for the target's CPython on manylinux, whatever machine and Python build this. Beside the list may lie
prune.txt (see prune.py) and sdists.txt: packages without a wheel, and the folder of the source archive that is taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.packaging import prune
from deployer.packaging.model import Content, PackagingError, Target

if TYPE_CHECKING:
    from deployer.packaging.requirements import Pin

LIST, PRUNE, SDISTS = "requirements.txt", "prune.txt", "sdists.txt"
# In pip's order of preference. Which glibc the platform has is not documented, so the oldest that today's wheels are
# made for comes first; a newer one is only taken for a package that offers nothing older.
_MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
_PIP_S = 600.0


def is_vendor(folder: Path) -> bool:
    """Whether a layer's folder is a list of packages, not the packages themselves."""
    return (folder / LIST).is_file()


def inputs(folder: Path) -> Content:
    """What the layer is made from."""
    names = (LIST, PRUNE, SDISTS)
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def collect(folder: Path, shown: str, target: Target) -> tuple[Content, list[str]]:
    """The layer's content and what there is to say of it. Raises PackagingError when pip does not get the packages."""
    from deployer.packaging import requirements  # needs the library `packaging`

    sdists = _sdists(folder / SDISTS)
    pins = requirements.read(folder / LIST, target)
    with tempfile.TemporaryDirectory(prefix="pm-wheels-") as place:
        site = Path(place, "site")
        _install_wheels([pin for pin in pins if pin.name not in sdists], site, target, shown)
        content = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
        for pin in pins:
            if pin.name in sdists:
                content |= _from_sdist(pin, sdists[pin.name], Path(place, pin.name), shown)
    if not (folder / PRUNE).is_file():
        return content, []
    return prune.prune(content, prune.parse((folder / PRUNE).read_text(), f"{shown}/{PRUNE}"))


def _install_wheels(pins: Sequence[Pin], site: Path, target: Target, shown: str) -> None:
    wanted = site.with_name("wheels.txt")
    wanted.write_text("".join(f"{pin.line()}\n" for pin in pins))
    chosen = ["--only-binary=:all:", "--implementation=cp", f"--python-version={target.python}"]
    chosen += [f"--abi={abi}" for abi in (f"cp{target.tag}", "abi3", "none")]
    chosen += [f"--platform={system}_{target.machine}" for system in _MANYLINUX]
    _pip(["install", "--no-compile", "--no-deps", f"--target={site}", *chosen, f"--requirement={wanted}"], shown)


def _from_sdist(pin: Pin, inside: str, place: Path, shown: str) -> Content:
    """The files below the folder `inside` of a source archive, named from where the package's own folder begins."""
    place.mkdir()
    wanted = place / "list.txt"
    wanted.write_text(pin.line() + "\n")
    _pip(["download", "--no-deps", f"--no-binary={pin.name}", f"--dest={place}", f"--requirement={wanted}"], shown)
    (archive,) = place.glob("*.tar.gz")
    content = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            file = tar.extractfile(member) if member.isfile() and name.startswith(f"{inside}/") else None
            if file is not None:
                content[name.removeprefix(inside.rpartition("/")[0] + "/")] = file.read()
    if not content:
        raise PackagingError(f"{pin.name} {pin.version} has no folder {inside}. Correct {shown}/{SDISTS}.")
    return content


def _sdists(path: Path) -> dict[str, str]:
    """Package → folder in its source archive that ends with the package's own folder."""
    if not path.is_file():
        return {}
    lines = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    if wrong := [words for words in lines if len(words) != 2]:
        raise PackagingError(f"{path}: {' '.join(wrong[0])!r} is not a package and a folder.")
    return {words[0]: words[1].strip("/") for words in lines}


def _pip(arguments: list[str], shown: str) -> None:
    """Run this Python's pip, with the machine's own settings for where packages come from."""
    argv = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", "--no-input"]
    environ = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}  # both speak against a folder of its own
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environ, timeout=_PIP_S
        )
    except subprocess.TimeoutExpired:
        raise PackagingError(f"pip was not done with {shown}/{LIST} after {_PIP_S:g} s. Is there a network?") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        said = "\n  ".join(errors[-5:])
        raise PackagingError(f"pip does not get the packages of {shown}/{LIST}. It says:\n  {said}")
