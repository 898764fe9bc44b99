"""The web console's build: console/ in, the files that `submit` serves out.

in   console/ (Vite project) and its node_modules, which set-up or this script installs
out  layers/console/patchmill_console/: index.html, favicon.svg, assets/; text files, names with a hash of their content

The build is committed, so that deploying needs no Node. tests/tools/test_console_build.py compares it with a new one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.setup_parts import nodemodules, stamps

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "console"
PACKAGE = ROOT / "layers/console/patchmill_console"


class BuildError(Exception):
    """The console does not build; the text is what its tools said."""


def main() -> None:
    """Install what is pinned, build, and put the result in place of the committed one."""
    try:
        nodemodules.install(SOURCE)
        with tempfile.TemporaryDirectory(prefix="console-") as folder:
            print(build(SOURCE, Path(folder)), end="")
            replace(PACKAGE, Path(folder))
    except (BuildError, stamps.SetupError) as error:
        sys.exit(f"console: {error}")


def build(source: Path, out: Path) -> str:
    """Type-check and build into `out`; returns the list of files with their sizes. Raises BuildError."""
    environment = {**os.environ, "PATCHMILL_CONSOLE_OUT": str(out), "NODE_ENV": "production", "NO_COLOR": "1"}
    tools = source / "node_modules/.bin"
    npm(source, [str(tools / "tsc"), "--noEmit"], environment)
    said = npm(source, [str(tools / "vite"), "build", "--logLevel", "warn"], environment)
    for path in out.rglob("*"):
        if path.is_file():
            path.read_text("utf-8")  # a Function URL carries text
    return said


def npm(source: Path, argv: list[str], environment: dict[str, str]) -> str:
    """What a tool of the project prints. Raises BuildError."""
    done = subprocess.run(argv, cwd=source, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{Path(argv[0]).name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def replace(package: Path, built: Path) -> None:
    """Everything but the Python module in `package` becomes what is in `built`."""
    shutil.rmtree(package / "assets", ignore_errors=True)
    for path in package.glob("*"):
        if path.is_file() and path.suffix != ".py":
            path.unlink()
    shutil.copytree(built, package, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
