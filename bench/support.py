"""What the benchmarks share: an emulator of their own, medians, and one JSON document on stdout."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from emulator.state import read_env
from patchmill_client.api import Client

PROJECT = Path(__file__).resolve().parents[1]
START_S, STOP_S = 120.0, 60.0
_FOREIGN = ("PATCHMILL_", "COS_", "KAFKA_", "OPENAI_", "KUBECONFIG", "MYSQL_SOCKET", "REDIS_SOCKET", "TENCENTCLOUD_")


class Emulator:
    """A running emulator: its state folder and the values that its `env` file exports."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.values = read_env(root / "env")

    def client(self) -> Client:
        return Client(self.values["PATCHMILL_URL"], self.values["PATCHMILL_API_KEY"], patience_s=10)

    def log(self, function: str) -> str:
        """What a function has logged, with the platform's lines around it."""
        return (self.root / "logs" / "functions" / f"{function}.log").read_text()


@contextmanager
def emulator(**settings: str) -> Iterator[Emulator]:
    """An emulator in a new folder below /tmp, up, and down again however this ends.

    `settings` are PATCHMILL_EMULATOR_* values. Raises SystemExit when it does not start. Should this process be killed,
    the kernel ends the emulator (prctl(2), PR_SET_PDEATHSIG).
    """
    folder = Path(tempfile.mkdtemp(prefix="pm-bench-"))
    root = folder / "em"
    tie = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    command = [*tie, sys.executable, "-m", "emulator", "up", "--foreground", f"--root={root}"]
    environ = {**outside(), **{f"PATCHMILL_EMULATOR_{name.upper()}": value for name, value in settings.items()}}
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(process, root / "env", folder / "emulator.log")
        _deploy(root, environ)
        yield Emulator(root)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], env: Path, log: Path) -> None:
    """The env file of a new root is the last thing that a start writes."""
    deadline = time.monotonic() + START_S
    while not env.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("the emulator did not start:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:]))
        time.sleep(0.05)


def _deploy(root: Path, environ: Mapping[str, str]) -> None:
    """serverless.yml, applied to the empty emulator; its progress goes to stderr."""
    command = [sys.executable, "-m", "deployer", "apply", "--stage", "local", "--yes"]
    environ = {**environ, "PATCHMILL_EMULATOR_ROOT": str(root)}
    if subprocess.run(command, cwd=PROJECT, env=environ, stdout=sys.stderr).returncode:
        sys.exit("serverless.yml could not be deployed to the emulator")


def outside() -> dict[str, str]:
    """The environment without what leads to another emulator or a live model."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


def upload(client: Client, files: Mapping[str, str]) -> str:
    """The id of an upload that holds these files; any number of tasks may use it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    size = buffer.tell()
    place = client.create_upload(size)
    client.send_upload(place, buffer, size, lambda sent: None)
    return place.id


def spread(seconds: Sequence[float]) -> dict[str, float | int]:
    """Median, 95th percentile and number of some times, in milliseconds."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {"median_ms": ms(statistics.median(ordered)), "p95_ms": ms(p95), "n": len(ordered)}


def ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def within(value: float, limit: float) -> dict[str, float | bool]:
    """A figure beside its aim."""
    return {"value": round(value, 3), "aim_under": limit, "met": value < limit}


def by_hand(files: Mapping[str, str], command: str) -> None:
    """What a task comes to without a cloud: files, a repository of them, the command, the patch."""
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    with tempfile.TemporaryDirectory(prefix="pm-bench-") as folder:
        for name, content in files.items():
            Path(folder, name).write_text(content)
        steps = (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=source"])
        for argv in (*([*git, *step] for step in steps), ["sh", "-c", command], [*git, "diff", "--binary"]):
            subprocess.run(argv, cwd=folder, env=outside(), stdout=subprocess.DEVNULL, check=True, timeout=30)


def say(text: str) -> None:
    """Progress goes to stderr: stdout holds the result and nothing else."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def quick(description: str) -> bool:
    """Read the command line; True for `--quick`. Also makes a SIGTERM unwind, so that emulators are taken down."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="few repetitions: shows that it works, not how fast it is")
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    return bool(parser.parse_args().quick)


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def show(result: Mapping[str, Any]) -> None:
    print(json.dumps(result, indent=2, ensure_ascii=False))
