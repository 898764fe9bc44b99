"""What a cold start imports: sizes of the packages, and the time of each handler's import from nothing but the zips.

in   functions/ and layers/, packed as the deployer packs them, run by Python 3.10 without site-packages
out  JSON: milliseconds of `import index`, with the bytecode that is shipped and without, beside `python3.10 -c pass`

Each figure is a process of its own, from its start to its end. The files are in the page cache, as they are not on a
new instance of the platform, which has to fetch and unpack them besides.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT)]

from bench.support import quick, say, show, spread, within  # noqa: E402  (found by the line above)
from deployer.packaging import Package, build, find_python  # noqa: E402
from deployer.packaging.__main__ import read  # noqa: E402
from deployer.packaging.limits import MB, OUR_FUNCTION_ZIP_BYTES, OUR_LAYERS_BYTES  # noqa: E402

TIMES, QUICK_TIMES = 20, 3


def main() -> int:
    times = QUICK_TIMES if quick("import of each handler from the zips, in milliseconds") else TIMES
    python = find_python(PROJECT)
    if python is None:
        say("no Python 3.10 on this machine")
        return 1
    packages = build(read(PROJECT), python310=python)
    with tempfile.TemporaryDirectory(prefix="pm-bench-") as folder:
        compiled, plain = Path(folder, "compiled"), Path(folder, "plain")
        unpack(packages, compiled)
        shutil.copytree(compiled, plain, ignore=shutil.ignore_patterns("__pycache__"))
        handlers = [package.name for package in packages.values() if package.kind == "function"]
        result = {name: compare(python, name, compiled, plain, times) for name in handlers}
    floor = spread([start(python, "pass", {}) for _ in range(times)])
    show({"packages": sizes(packages), "python_c_pass": floor, "imports": result})
    return 0


def unpack(packages: Mapping[str, Package], folder: Path) -> None:
    """As the platform does: each function into a folder of its own, the layers over one another into opt."""
    for package in packages.values():
        with zipfile.ZipFile(package.zip) as archive:
            archive.extractall(folder / (package.name if package.kind == "function" else "opt"))


def compare(python: Path, function: str, compiled: Path, plain: Path, times: int) -> dict[str, Any]:
    """The import with and without bytecode, in turn, so that what else the machine does falls on both."""
    say(f"import of {function}")
    with_bytecode, without = [], []
    for _ in range(times):
        with_bytecode.append(start(python, "import index", path_of(compiled, function)))
        without.append(start(python, "import index", path_of(plain, function)))
    return {"with_bytecode": spread(with_bytecode), "without_bytecode": spread(without)}


def path_of(folder: Path, function: str) -> dict[str, str]:
    """What the platform sets of Python's own variables."""
    return {"PYTHONPATH": f"{folder / function}:{folder / 'opt'}", "PYTHONDONTWRITEBYTECODE": "x"}


def start(python: Path, code: str, environ: Mapping[str, str]) -> float:
    """Seconds from the start of a process to its end."""
    began = time.perf_counter()
    subprocess.run([python, "-S", "-c", code], env=environ, check=True, timeout=60)
    return time.perf_counter() - began


def sizes(packages: Mapping[str, Package]) -> dict[str, Any]:
    """Of each package and of the layers together, beside what is allowed."""
    each = {
        package.id: {"zip_kb": round(package.zip_bytes / 1000, 1), "unpacked_mb": round(package.unpacked_bytes / MB, 2)}
        for package in packages.values()
    }
    layers = sum(package.unpacked_bytes for package in packages.values() if package.kind == "layer")
    largest = max(package.zip_bytes for package in packages.values() if package.kind == "function")
    return {
        **each,
        "largest_function_zip_kb": within(largest / 1000, OUR_FUNCTION_ZIP_BYTES / 1000),
        "layers_unpacked_mb": within(layers / MB, OUR_LAYERS_BYTES / MB),
    }


if __name__ == "__main__":
    sys.exit(main())
