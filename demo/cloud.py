"""The emulator as the demo needs it: up in a folder of its own, and down again however the demo ends."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
ROOT = PROJECT / ".local" / "demo"
UP = "up"  # what the emulator reports last, when everything answers
START_S, STOP_S = 180.0, 60.0


sys.path[:0] = [str(PROJECT)]

from emulator.state import read_env  # noqa: E402  (found by the line above)


class DemoError(Exception):
    """Something did not hold; the text says what."""


@contextmanager
def emulator() -> Iterator[dict[str, str]]:
    """A running emulator in a fresh `.local/demo`; gives the environment that talks to it.

    Raises DemoError when it does not start or does not stop by itself.
    """
    with _alone():
        yield from _run()


@contextmanager
def _alone() -> Iterator[None]:
    """The claim on the folder; the kernel frees it at death. Raises DemoError when another demo has it."""
    ROOT.parent.mkdir(exist_ok=True)
    with (ROOT.parent / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError("another demo is running in this folder; wait until it has ended") from None
        yield


def _run() -> Iterator[dict[str, str]]:
    outside = _outside()
    environment = outside | {"PATCHMILL_EMULATOR_ROOT": str(ROOT)}
    _clear(environment)
    ROOT.mkdir(mode=0o700)  # it holds keys
    (ROOT / "logs").mkdir()
    # In a session of its own a terminal's Ctrl-C does not reach it: it has to live until the demo takes it down. Should
    # the demo be killed, the kernel tells it (prctl(2), PR_SET_PDEATHSIG).
    tie = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    began = time.monotonic()
    with (ROOT / "logs" / "emulator.log").open("ab") as log:
        process = subprocess.Popen(
            [*tie, sys.executable, "-m", "emulator", "up", "--foreground"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        _wait(process)
        _deploy(environment)
        values = outside | read_env(ROOT / "env")
        print(f"  up after {time.monotonic() - began:.1f} s at {values['PATCHMILL_URL']}", flush=True)
        yield values
    finally:
        _stop(process)


def _outside() -> dict[str, str]:
    """The caller's environment without what `make up` gives a shell: that leads to another emulator."""
    theirs = ("PATCHMILL_", "COS_", "KAFKA_", "KUBECONFIG", "MYSQL_SOCKET", "REDIS_SOCKET")
    kept = "PATCHMILL_MODEL_NAME"
    return {name: value for name, value in os.environ.items() if name == kept or not name.startswith(theirs)}


def _clear(environment: dict[str, str]) -> None:
    """Away with an earlier demo's folder, and its emulator should that one have been killed."""
    if not ROOT.exists():
        return
    command = [sys.executable, "-m", "emulator", "down"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=90)
    if done.returncode != 0:
        raise DemoError(f"an earlier demo's emulator could not be stopped: {done.stderr.strip()}")
    shutil.rmtree(ROOT)


def _wait(process: subprocess.Popen[str]) -> None:
    """Show what the emulator reports until everything answers."""
    too_long = threading.Timer(START_S, process.terminate)
    too_long.start()
    try:
        for line in process.stdout or ():
            text = line.strip().removeprefix("emulator: ")
            if text == UP:
                return
            if not text.startswith("export "):  # the addresses and keys of this one are gone with it
                print(f"  {text}", flush=True)
    finally:
        too_long.cancel()
    log = (ROOT / "logs" / "emulator.log").read_text(errors="replace").splitlines()
    raise DemoError("the emulator did not start:\n" + "\n".join(log[-20:]))


def _deploy(environment: dict[str, str]) -> None:
    """serverless.yml, applied to the empty cloud."""
    began = time.monotonic()
    command = [sys.executable, "-m", "deployer", "apply", "--stage", "local", "--yes"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=START_S)
    if done.returncode:
        raise DemoError(f"serverless.yml could not be deployed to it:\n{done.stdout}{done.stderr}")
    steps = len(re.findall(r"^\[\d+/\d+\] .* s\)$", done.stdout + done.stderr, re.MULTILINE))
    print(f"  deployed: {steps} steps of `patchmill-deploy apply` in {time.monotonic() - began:.1f} s", flush=True)


def _stop(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # impatience must not leave half of it running
    process.terminate()
    try:
        code = process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()  # its own children die with it
        process.wait()
        raise DemoError("the emulator did not stop and was killed") from None
    finally:
        if process.stdout:
            process.stdout.close()
    if code != 0 and sys.exc_info()[0] is None:
        raise DemoError(f"the emulator ended with {code}")
