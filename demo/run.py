"""`make demo`: the whole road of one task, watched from a newcomer's chair.

in   demo/repo, a package with a failing test; OPENAI_API_KEY, OPENAI_BASE_URL, PATCHMILL_MODEL_NAME for a live model
out  the states with times, the agent's log, the patch, the package's tests passing; exit code 0 only if all of it held

The set-up (tools/setup) is done before. The emulator runs in `.local/demo`, beside any that `make up` has started, and
is taken down again however this ends.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "client")]

from demo.cloud import DemoError, emulator  # noqa: E402  (found by the line above)
from patchmill_client.model import Task  # noqa: E402
from patchmill_client.output import age_s, outcome, state_words  # noqa: E402
from patchmill_client.text import Cleaner  # noqa: E402

SAMPLE = PROJECT / "demo" / "repo"
PROMPT = "A test of this package fails. Find out why, fix the code (not the test), and run all the tests."
SCRIPTED = "scripted/demo"
LIVE_DEFAULT = "gpt-5-mini"
LOG_LINES, LOG_WIDTH = 60, 110
PATCHMILL = [sys.executable, "-c", "from patchmill_client.cli import main; main()"]


class Ended(BaseException):
    """A signal asks to stop."""


def main() -> int:
    began = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        with tempfile.TemporaryDirectory(prefix="patchmill-demo-") as folder:
            demo(Path(folder) / "durations")
    except DemoError as error:
        print(f"\nThe demo did not work: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Ended:
        return 128 + signal.SIGTERM
    say(
        f"\nAll of it held, in {time.monotonic() - began:.1f} s, and nothing is left running. Now with your own code:\n"
    )
    say("    make up                    # the same cloud, and it stays")
    say("    . .local/env               # its address and your key")
    say('    patchmill submit --repo YOUR/FOLDER --agent command "ruff check --fix ." --follow')
    say("    patchmill diff ID --apply --repo YOUR/FOLDER")
    return 0


def demo(copy: Path) -> None:
    """The steps in their order. Raises DemoError at the first that does not hold."""
    title("The sample: a small package with a failing test")
    check_out(copy)
    if run_tests(copy):
        raise DemoError("the sample's tests pass already")

    live = bool(os.environ.get("OPENAI_API_KEY"))
    model = os.environ.get("PATCHMILL_MODEL_NAME") or LIVE_DEFAULT if live else SCRIPTED
    title("A cloud on this machine: functions, broker, database, object store, cluster")
    with emulator() as environment:
        title("The task")
        if live:
            say(f"  OPENAI_API_KEY is set: the agent asks a live model, {model}.")
        else:
            say("  OPENAI_API_KEY is not set: the agent is genuine, but what it is told comes from a scripted model.")
        task = submit(copy, model, environment)
        if task.scripted is live:
            raise DemoError(f"the result says scripted={task.scripted}")

        title("The patch")
        patch = fetch_patch(task, environment)
    apply(patch, copy)
    title("The sample's tests with the patch applied")
    if not run_tests(copy):
        raise DemoError("the sample's tests still fail with the patch applied")


def check_out(copy: Path) -> None:
    """A Git checkout of the sample, outside of this project."""
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    settings = ["user.name=demo", "user.email=demo@example.com", "commit.gpgsign=false", "core.hooksPath=/dev/null"]
    git = ["git", *(word for setting in settings for word in ("-c", setting)), "-C", str(copy)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "The sample"]):
        finish([*git, *command])


def run_tests(copy: Path) -> bool:
    """Run the package's own tests and show how they end; True when all pass."""
    say("  $ python3 -m unittest")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=copy, env=environment, capture_output=True, text=True, timeout=60
    )
    for line in done.stderr.splitlines():
        if line.startswith(("FAIL:", "ERROR:", "AssertionError", "Ran ", "OK", "FAILED")):
            say(f"  {line}")
    return done.returncode == 0


def submit(copy: Path, model: str, environment: dict[str, str]) -> Task:
    """Submit and follow with the real command; shows its states and the log. Raises DemoError unless COMPLETED."""
    arguments = ["submit", "--repo", str(copy), "--agent", "mini", "--model", model, "--follow", PROMPT]
    say(f"  $ patchmill {shlex.join(arguments)}\n")
    environment = environment | {"PYTHONPATH": str(PROJECT / "client")}
    log, task, state = ShortLog(), None, ""
    with subprocess.Popen([*PATCHMILL, *arguments, "--json"], env=environment, stdout=subprocess.PIPE) as command:
        try:
            for line in command.stdout or ():
                event = json.loads(line)
                if "log" in event:
                    log.show(event["log"])
                    continue
                task = Task.from_json(event)
                if task.state != state:
                    say(f"  {age_s(task):6.2f} s  {outcome(task) if task.ended else state_words(task)}")
                state = task.state
        finally:
            command.terminate()
    if task is None or task.status != "COMPLETED":
        raise DemoError("the task did not complete" if task else "the task was not accepted")
    log.end()
    return task


class ShortLog:
    """The first lines of the agent's log as they come, each cut to the screen's width; then how many there were."""

    def __init__(self) -> None:
        self._cleaner, self._rest, self._lines = Cleaner(), "", 0

    def show(self, text: str) -> None:
        *lines, self._rest = (self._rest + self._cleaner.feed(text.encode())).split("\n")
        for line in lines:
            self._lines += 1
            if self._lines <= LOG_LINES:
                say(f"            | {line[:LOG_WIDTH]}")

    def end(self) -> None:
        if self._lines > LOG_LINES:
            say(f"  ({self._lines - LOG_LINES} more lines of the log: patchmill logs ID)")


def fetch_patch(task: Task, environment: dict[str, str]) -> bytes:
    """The patch, printed. Raises DemoError when it is empty."""
    say(f"  $ patchmill diff {task.id}\n")
    environment = environment | {"PYTHONPATH": str(PROJECT / "client")}
    patch = finish([*PATCHMILL, "diff", task.id], environment)
    for line in patch.decode(errors="replace").splitlines():
        say(f"  {line}")
    if not patch.strip():
        raise DemoError("the patch is empty")
    return patch


def apply(patch: bytes, copy: Path) -> None:
    say("\n  $ git apply")
    for option in ([], ["--check"])[::-1]:
        done = subprocess.run(["git", "-C", str(copy), "apply", *option, "-"], input=patch, capture_output=True)
        if done.returncode != 0:
            raise DemoError(f"the patch does not apply: {done.stderr.decode(errors='replace').strip()}")


def finish(command: list[str], environment: dict[str, str] | None = None) -> bytes:
    """Run to the end; its output. Raises DemoError with what it says when it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise DemoError(done.stderr.decode(errors="replace").strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def title(text: str) -> None:
    say(f"\n== {text}")


def say(text: str) -> None:
    print(text, flush=True)


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended


if __name__ == "__main__":
    sys.exit(main())
