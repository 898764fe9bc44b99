"""`make bench`: every benchmark, one after the other, as one JSON document on stdout.

Each is a program of its own, so that none inherits another's memory or threads. Progress goes to stderr. The exit code
is 1 when one of them failed, not when an aim was missed: whether a figure is good depends on the machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT)]

from bench.support import quick, say, show  # noqa: E402  (found by the line above)

BENCHMARKS = ("imports", "idle", "submit", "metrics", "road")
LONGEST_S = 1200.0


def main() -> int:
    options = ["--quick"] if quick("all benchmarks; one JSON document on stdout, progress on stderr") else []
    began, conditions = time.monotonic(), machine()
    results = {name: run(name, options) for name in BENCHMARKS}
    show({"run": {**conditions, "quick": bool(options), "took_s": round(time.monotonic() - began, 1)}, **results})
    return 1 if any("error" in result for result in results.values()) else 0


def run(name: str, options: list[str]) -> dict[str, Any]:
    """The benchmark's own document, or {"error"}. A benchmark that is stopped takes its emulator down first."""
    say(name)
    command = [sys.executable, str(PROJECT / "bench" / f"{name}.py"), *options]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            return {"error": f"not done after {LONGEST_S:g} s"}
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        return {"error": f"ended with exit code {process.returncode}"}
    result: dict[str, Any] = json.loads(output)
    return result


def machine() -> dict[str, Any]:
    """What the figures depend on. `load_1min` above the number of cores at the start means that others were at work."""
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
