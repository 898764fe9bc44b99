"""mypy over the whole tree, part by part: the three functions each have a module `index`, which one run can't hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOGETHER = (
    "tools",
    "layers/core/patchmill",
    "agent/patchmill_agent",
    "client/patchmill_client",
    "emulator",
    "deployer",
    "tests",
    "bench/*.py",
    "demo/*.py",  # demo/repo is the patient, not the house
)
FUNCTIONS = ("submit", "dispatch", "collect")


def main() -> int:
    """0 when every part is clean."""
    together = [place for pattern in TOGETHER for place in sorted(ROOT.glob(pattern))]
    return max(check(part) for part in (together, *([ROOT / "functions" / name] for name in FUNCTIONS)))


def check(part: list[Path]) -> int:
    """mypy's exit code over some files and folders."""
    argv = [sys.executable, "-m", "mypy", "--no-error-summary", *map(str, part)]
    return subprocess.run(argv, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
