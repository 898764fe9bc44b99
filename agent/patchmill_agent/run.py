"""Stage 2 of the pod: run the chosen agent on /app/code. The only stage where strangers' commands run.

in   PATCHMILL_AGENT command|mini, PATCHMILL_PROMPT, PATCHMILL_MODEL, PATCHMILL_TIMEOUT_S, PATCHMILL_STEP_LIMIT,
     PATCHMILL_MAX_PROCESSES, PATCHMILL_MAX_LOG_BYTES; for mini OPENAI_API_KEY, OPENAI_BASE_URL and PATCHMILL_RECORD,
     a path to record a cassette to
out  /app/output/{agent.log,prompt.txt,result.json} and whatever the agent leaves there; the log live on stdout.
     The exit code is always 0: the real outcome is in result.json.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from patchmill_agent import jsonfile, proctree
from patchmill_agent.events import now
from patchmill_agent.folders import Folders
from patchmill_agent.kinds import Ending, Job, Stopped
from patchmill_agent.log import Log
from patchmill_agent.redact import Redactor

RESERVED_BYTES = 64 << 10  # room on the disk for the result, held by a provisional one
SUMMARY_LIMIT, MESSAGE_LIMIT = 4000, 1000
_SECRETS = ("OPENAI_API_KEY",)
_SECRETS_FD = "PATCHMILL_SECRETS_FD"


class Settings(NamedTuple):
    """Times in seconds, sizes in bytes. `secrets` never reach a command's environment."""

    agent: str
    prompt: str
    model: str | None
    timeout_s: int
    step_limit: int
    max_processes: int
    max_log_bytes: int
    base_url: str
    record: str
    secrets: dict[str, str]

    @classmethod
    def of(cls, env: Mapping[str, str], secrets: dict[str, str]) -> Settings:
        return cls(
            agent=env.get("PATCHMILL_AGENT", ""),
            prompt=env.get("PATCHMILL_PROMPT", ""),
            model=env.get("PATCHMILL_MODEL") or None,
            timeout_s=int(env.get("PATCHMILL_TIMEOUT_S") or 1800),
            step_limit=int(env.get("PATCHMILL_STEP_LIMIT") or 100),
            max_processes=int(env.get("PATCHMILL_MAX_PROCESSES") or 256),
            max_log_bytes=int(env.get("PATCHMILL_MAX_LOG_BYTES") or 64 << 20),
            base_url=env.get("OPENAI_BASE_URL") or "https://api.openai.com/v1",
            record=env.get("PATCHMILL_RECORD", ""),
            secrets=secrets,
        )

    @property
    def scripted(self) -> bool:
        """Whether a cassette written in advance answers instead of a model."""
        return self.agent == "mini" and (self.model or "").startswith("scripted/")


def main(env: Mapping[str, str]) -> int:
    secrets = _take_secrets(env)
    folders = Folders.of(env)
    folders.output.mkdir(parents=True, exist_ok=True)
    if folders.fetch_failed.exists():
        return _not_started(folders)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    proctree.own_orphans()
    started = now()
    redactor = Redactor(secrets.values())
    settings: Settings | None = None
    try:
        settings = Settings.of(env, secrets)
        provisional = Ending("INTERNAL", "the agent's container was killed before it could report")
        _write_result(folders, settings, redactor, provisional, started, pad_to=RESERVED_BYTES)
        (folders.output / "prompt.txt").write_text(redactor.text(settings.prompt))
        ending = _run(settings, folders, redactor)
    except Stopped as stopped:
        ending = stopped.ending
    except BaseException as error:
        ending = Ending("INTERNAL", f"the runner failed: {type(error).__name__}: {error}")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the result is on its way; a second signal must not cut it off
    proctree.kill_all()
    _write_result(folders, settings, redactor, ending, started)
    return 0


def _run(settings: Settings, folders: Folders, redactor: Redactor) -> Ending:
    """Run the agent between a log's head and foot."""
    log = Log(folders.output / "agent.log", settings.max_log_bytes, redactor)
    ending = Ending("INTERNAL", "the runner failed")
    try:
        job = Job(settings, folders.code, folders.output, log, redactor)
        log.note(
            f"limits: {settings.timeout_s} s, {settings.max_processes} processes, {settings.max_log_bytes} bytes of log"
        )
        ending = _agent(job)
        return ending
    except Stopped as stopped:
        ending = stopped.ending
        raise
    except Exception as error:
        ending = Ending("INTERNAL", f"the runner failed: {type(error).__name__}: {error}")
        return ending
    finally:
        proctree.kill_all()
        log.note(f"{ending.reason}: {ending.message}" if ending.reason else f"done: {ending.message}")
        log.close()


def _agent(job: Job) -> Ending:
    # Imported here: mini-swe-agent takes 0.2 s, which a plain command need not wait for.
    match job.settings.agent:
        case "command":
            from patchmill_agent.kinds import command

            return command.run(job)
        case "mini":
            from patchmill_agent.kinds import mini

            return mini.run(job)
        case other:
            return Ending("INTERNAL", f"unknown agent {other!r}: this image knows command and mini")


def _not_started(folders: Folders) -> int:
    """The source is missing: say so where the task's log will be looked for, and leave the outcome to `deliver`."""
    with jsonfile.open_regular(folders.fetch_failed) as file:
        why = file.read(2000).decode("utf-8", "replace")
    log = Log(folders.output / "agent.log", 1 << 20, Redactor(()))
    log.note(f"the agent was not started: {why}")
    log.close()
    return 0


def _write_result(
    folders: Folders, settings: Settings | None, redactor: Redactor, ending: Ending, started: str, pad_to: int = 0
) -> None:
    report: dict[str, Any] = {
        "v": 1,
        "ok": ending.reason is None,
        "reason": ending.reason,
        "message": redactor.text(ending.message)[:MESSAGE_LIMIT],
        "exit_code": ending.exit_code,
        "agent": settings.agent if settings else "",
        "model": settings.model if settings else None,
        "scripted": bool(settings and settings.scripted),
        "started_at": started,
        "finished_at": None if pad_to else now(),  # a provisional result is of a run that has not ended
        "usage": ending.usage._asdict(),
        "summary": redactor.text(ending.summary)[:SUMMARY_LIMIT],
    }
    try:
        jsonfile.write(folders.output / "result.json", report, pad_to=pad_to)
    except OSError as error:  # `deliver` turns a missing result into a failure; more cannot be done here
        print(f"[patchmill] result.json could not be written: {error.strerror}", file=sys.stderr)


def _take_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """The secrets of this process, which starts itself anew without them where they are in its environment.

    A command of the same user could read /proc/<pid>/environ, which stays as it was at exec whatever os.environ says.
    """
    if descriptor := env.get(_SECRETS_FD):
        with os.fdopen(int(descriptor), "rb") as pipe:
            found: dict[str, str] = json.loads(pipe.read())
        return found
    secrets = {name: env[name] for name in _SECRETS if env.get(name)}
    if secrets:
        reader, writer = os.pipe()
        os.write(writer, json.dumps(secrets).encode())  # far below a pipe's 64 KiB
        os.close(writer)
        os.set_inheritable(reader, True)
        rest = {name: value for name, value in env.items() if name not in secrets}
        os.execve(sys.executable, sys.orig_argv, rest | {_SECRETS_FD: str(reader)})  # noqa: S606 - no shell is meant
    return secrets


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)
    raise Stopped(Ending("INTERNAL", f"the run was stopped from outside ({signal.Signals(number).name})"))
