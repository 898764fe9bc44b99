"""`python -m emulator`: up, down, status, logs. Only the standard library here: the heavy part is another process.

`up` starts `up --foreground` as a process of its own and shows what it reports through a pipe, line by line, until it
says that everything answers.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from emulator import control, logs
from emulator.services.process import rotate, tail
from emulator.settings import SettingsError, add_options, read_settings, root_of
from emulator.state import State, StateError, holder

DONE, FAILED = "up", "failed: "
BUSY = 75  # exit code of the process that `up` starts: another one was quicker (sysexits.h, EX_TEMPFAIL)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_S = 60.0
START_S = 180.0
ANSWER_S = 30.0  # whoever has just taken the root answers well before


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is 0 for success, 1 for a failure, 3 for `status` when nothing runs."""
    os.umask(0o077)  # whatever is kept holds keys, or source code that is somebody's own
    options = _parser().parse_args(arguments)
    commands = {"up": up, "down": down, "status": status, "logs": show_logs}
    try:
        return commands[options.command](options)
    except (SettingsError, StateError, PermissionError) as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m emulator", description="Tencent Cloud on one machine")
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", help="folder of all its state (.local)")
    start = commands.add_parser("up", parents=[common], help="start and wait until everything answers")
    start.add_argument("--foreground", action="store_true", help="stay; Ctrl-C stops everything")
    start.add_argument("--report-fd", type=int, help=argparse.SUPPRESS)
    add_options(start)
    commands.add_parser("down", parents=[common], help="stop everything")
    shown = commands.add_parser("status", parents=[common], help="what runs, and where it answers")
    shown.add_argument("--json", action="store_true")
    read = commands.add_parser("logs", parents=[common], help="log lines of everything, or of one function or service")
    read.add_argument("name", nargs="?")
    read.add_argument("-f", "--follow", action="store_true")
    read.add_argument("-n", "--lines", type=int, default=50, help="how many old lines (50)")
    return parser


def up(options: argparse.Namespace) -> int:
    """Start the emulator, or find that it is up."""
    settings = read_settings(options, os.environ)  # a wrong setting is told before anything starts
    code = BUSY
    while code == BUSY:
        if options.report_fd is None and _held(settings.root):
            return _already_up(settings.root)
        if not options.foreground:
            code = _start(options, settings.root)
            continue
        from emulator.run import run  # everything that takes long to import

        code = run(settings, options.report_fd)
        if options.report_fd is not None:
            break
    return code


def _held(root: Path) -> bool:
    """Wait while another emulator starts or stops on this root. False when none has it any more."""
    began, told = time.monotonic(), False
    while holder(root):
        found = _ask(root)
        if found and found["state"] == "up":
            return True
        if time.monotonic() - began > (START_S if found else ANSWER_S):
            return True
        if not told:
            print("emulator: another start or stop is under way; waiting for it", flush=True)
            told = True
        time.sleep(0.1)
    return False


def _already_up(root: Path) -> int:
    found, pid = _ask(root), holder(root)
    if not found or found["state"] != "up":
        print(f"emulator: process {pid} holds {root} but does not answer; `down` ends it", file=sys.stderr)
        return 1
    sys.stdout.write((root / "env").read_text())
    print(f"emulator: is up (process {pid}, since {found['since']}); environment in {_short(root / 'env')}")
    return 0


def _start(options: argparse.Namespace, root: Path) -> int:
    began = time.monotonic()
    log = root / "logs" / "emulator.log"
    rotate(log)
    reading, writing = os.pipe()
    argv = [sys.executable, "-m", "emulator", *sys.argv[1:], "--foreground", "--report-fd", str(writing)]
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # a `nohup make up` stays deaf
            signal.signal(number, _interrupt)
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[writing], start_new_session=True
        )
    os.close(writing)
    try:
        problem = _watch(reading)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        _wait(process)
        print("emulator: stopped before it was up", file=sys.stderr)
        return 1
    if problem is not None:
        if _wait(process) == BUSY:
            return BUSY
        print(f"emulator: did not start: {problem or 'it ended'}\n{tail(log, start=before)}", file=sys.stderr)
        return 1
    sys.stdout.write((root / "env").read_text())
    print(f"emulator: up after {time.monotonic() - began:.1f} s; `. {_short(root / 'env')}` sets your shell up")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)  # impatience must not leave half of it running
    raise KeyboardInterrupt


def _watch(reading: int) -> str | None:
    """Show what the new process reports. None when it is up, else why it is not ("" when it just ended)."""
    with os.fdopen(reading) as report:
        for line in map(str.rstrip, report):
            if line == DONE:
                return None
            if line.startswith(FAILED):
                return "\n".join([line.removeprefix(FAILED), *map(str.rstrip, report)])
            print(f"emulator: {line}", flush=True)
    return ""


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def down(options: argparse.Namespace) -> int:
    """Stop the emulator; one that does not stop is killed, and its processes die with it."""
    root = root_of(options, os.environ)
    pid = holder(root)
    if pid is None:
        print("emulator: nothing runs here")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while _runs(pid):  # longer than it holds the lock
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            print(f"emulator: process {pid} did not stop and was killed", file=sys.stderr)
            return 1
        time.sleep(0.02)
    print("emulator: stopped")
    return 0


def status(options: argparse.Namespace) -> int:
    """Show what runs. Exit code 3 when nothing does."""
    root = root_of(options, os.environ)
    pid = holder(root)
    found = (_ask(root) if pid else None) or {"state": "not answering" if pid else "down", "root": str(root)}
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"{found['state']}  {found['root']}")
        for name, url in found.get("urls", {}).items():
            print(f"  {name:<20} {url}")
        for service in found.get("services", []):
            print(f"  {service['name']:<20} process {service['pid']}, restarted {service['restarts']} times")
    return 0 if found["state"] == "up" else 3 if pid is None else 1


def show_logs(options: argparse.Namespace) -> int:
    """Print the last lines of the logs, and go on with new ones on -f."""
    try:
        logs.show(root_of(options, os.environ) / "logs", options.name, options.lines, follow=options.follow)
    except logs.NoSuchLog as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _ask(root: Path) -> control.Status | None:
    folder = State.load(root).run_folder
    return control.ask(Path(folder, "control.sock")) if folder else None


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
