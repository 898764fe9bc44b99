"""A process that has imported the deployer and forks a child for each command: hundreds of runs, and one start.

Lines of JSON in: {"argv": [...], "environ": {...}}. Lines of JSON out: {"pid": n} when the child is there and waits,
then, after a line "go", {"code": n, "output": "..."} when it has ended (a negative code is the signal that killed it).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    code: int
    output: str


class Zygote:
    """The process, from outside. Use as a context manager."""

    def __enter__(self) -> Zygote:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def run(self, argv: Sequence[str], environ: Mapping[str, str], born: Callable[[int], None] | None = None) -> Ended:
        """One command of the deployer; `born` is told the child's pid before it does anything."""
        self._say(json.dumps({"argv": list(argv), "environ": dict(environ)}))
        pid = self._hear()["pid"]
        if born:
            born(int(str(pid)))
        self._say("go")
        answer = self._hear()
        return Ended(int(str(answer["code"])), str(answer["output"]))

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, object]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the zygote has died"
        answer: dict[str, object] = json.loads(line)
        return answer


def _serve() -> None:
    # What the commands import when they need it.
    import qcloud_cos  # noqa: F401
    import yaml  # noqa: F401
    from tencentcloud.common import common_client  # noqa: F401

    import deployer.advice
    import deployer.cli
    import deployer.cloud
    import deployer.engine
    import deployer.functionlogs
    import deployer.image
    import deployer.operations

    while line := sys.stdin.readline():
        order = json.loads(line)
        reading, writing = os.pipe()
        with tempfile.TemporaryFile("w+") as output:
            pid = os.fork()
            if pid == 0:
                os.close(writing)
                os.read(reading, 1)
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                os.environ.clear()
                os.environ.update(order["environ"])
                _child(deployer.cli.main, order["argv"])
            os.close(reading)
            _tell({"pid": pid})
            sys.stdin.readline()
            os.close(writing)
            _, status = os.waitpid(pid, 0)
            output.seek(0)
            _tell({"code": os.waitstatus_to_exitcode(status), "output": output.read()})


def _child(main: Callable[[], object], argv: list[str]) -> None:
    sys.argv = ["patchmill-deploy", *argv]
    code: object = 1
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _tell(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
