"""`make up`: the emulator started, serverless.yml deployed to it as the stage `local`, and one request that it answers.

Arguments are those of `python -m emulator up`. The second time only what changed in the source is deployed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT)]

from emulator.health import Unhealthy, wait_for_answer  # noqa: E402  (found by the line above)
from emulator.state import read_env  # noqa: E402

HEALTH = "/healthz"


def main(arguments: Sequence[str]) -> int:
    """The exit code of the first step that fails, else 0."""
    began = time.monotonic()
    root = root_of(arguments, os.environ.get("PATCHMILL_EMULATOR_ROOT") or ".local")
    try:
        code = subprocess.run([sys.executable, "-m", "emulator", "up", *arguments], cwd=PROJECT).returncode
        if code == 0:
            code = deploy(root)
        if code == 0:
            wait_for_answer(read_env(root / "env")["PATCHMILL_URL"] + HEALTH)
            print(
                f"up: it answers, {time.monotonic() - began:.1f} s in all; `. {short(root / 'env')}` sets your shell up"
            )
    except Unhealthy as error:
        print(f"up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def deploy(root: Path) -> int:
    """Apply the stage `local` to the emulator that keeps its state in `root`; the deployer's exit code."""
    argv = [sys.executable, "-m", "deployer", "apply", "--stage", "local", "--yes"]
    environ = {**os.environ, "PATCHMILL_EMULATOR_ROOT": str(root)}
    return subprocess.run(argv, cwd=PROJECT, env=environ).returncode


def root_of(arguments: Sequence[str], default: str) -> Path:
    """The folder after --root, as the emulator reads it."""
    for place, word in enumerate(arguments):
        if word == "--root" and place + 1 < len(arguments):
            default = arguments[place + 1]
        elif word.startswith("--root="):
            default = word.partition("=")[2]
    return Path(default).resolve()


def short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
