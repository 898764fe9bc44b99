"""The `command` agent: the prompt is a shell command. Needs no model: codemods, formatters, generators."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from patchmill_agent.kinds import Ending, Job, command_environment
from patchmill_agent.process import Ended, Limits, run_command

TAIL_BYTES = 16 << 10
NEARLY_FULL_BYTES = 64 << 10


def run(job: Job) -> Ending:
    """Run the prompt in bash in the code folder; its exit code decides."""
    settings, tail = job.settings, _Tail()
    job.log.note(f"agent: command, in {job.code}")
    job.log.note(f"$ {settings.prompt}")

    def sink(data: bytes) -> None:
        tail.add(data)
        job.log.write(data)

    ended = run_command(
        settings.prompt,
        cwd=job.code,
        env=command_environment(),
        limits=Limits(settings.timeout_s, settings.max_processes),
        sink=sink,
    )
    return judge(ended, job, tail.text())


def judge(ended: Ended, job: Job, tail: bytes) -> Ending:
    """Why the command failed, as far as can be seen from outside it."""
    code = ended.exit_code if ended.exit_code >= 0 else 128 - ended.exit_code
    if ended.killed_for == "timeout":
        message = f"the command was still running after {job.settings.timeout_s} seconds and was killed"
        return Ending("TIMEOUT", message)
    if ended.killed_for == "processes":
        message = f"the command had more than {job.settings.max_processes} processes and was killed"
        return Ending("PROCESS_LIMIT", message)
    if ended.exit_code == 0:
        return Ending(None, "command exited with 0", 0, "The command exited with 0.")
    if ended.killed_from_outside:
        message = "a process of the command was killed (SIGKILL), most likely because the memory limit was reached"
        return Ending("OUT_OF_MEMORY", message, code)
    if job.log.disk_full or b"No space left on device" in tail or _is_full(job.code, job.output):
        return Ending("OUT_OF_DISK", f"command exited with {code}: no space left on the disk", code)
    if ended.exit_code < 0:
        return Ending("AGENT_ERROR", f"command was ended by signal {-ended.exit_code}", code)
    return Ending("AGENT_ERROR", f"command exited with {code}", code)


class _Tail:
    """The end of the output, in bounded memory."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        while self._size - len(self._pieces[0]) > TAIL_BYTES:
            self._size -= len(self._pieces.popleft())

    def text(self) -> bytes:
        return b"".join(self._pieces)


def _is_full(*folders: Path) -> bool:
    for folder in folders:
        status = os.statvfs(folder)
        if status.f_bavail * status.f_frsize < NEARLY_FULL_BYTES:
            return True
    return False
