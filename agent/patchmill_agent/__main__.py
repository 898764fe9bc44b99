"""Entry of the three containers: `python3 -m patchmill_agent fetch|run|deliver`.

in   environment variables only (each module lists its own)
out  the stage's exit code: `fetch` and `run` always 0, `deliver` non-zero when the manifest could not be delivered
"""

from __future__ import annotations

import os
import signal
import sys

USAGE = "usage: python3 -m patchmill_agent fetch|run|deliver"


def main(arguments: list[str]) -> int:
    # Each stage imports only what it needs: start-up time is paid three times on every task's road.
    # A process that is PID 1 of its container ignores SIGTERM unless it says otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    match arguments:
        case ["fetch"]:
            from patchmill_agent import fetch

            return fetch.main(os.environ)
        case ["run"]:
            from patchmill_agent import run

            return run.main(os.environ)
        case ["deliver"]:
            from patchmill_agent import deliver

            return deliver.main(os.environ)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
