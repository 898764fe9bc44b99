"""The shell of the `mini` agent: mini-swe-agent's Environment protocol over our own process runner.

mini-swe-agent's LocalEnvironment hands its whole environment to every command, the model's key included, keeps all
output in memory and lets processes that leave their group live on.
"""

from __future__ import annotations

import time
from typing import Any

from minisweagent.exceptions import Submitted

from patchmill_agent.kinds import Job, command_environment
from patchmill_agent.process import Ended, Limits, run_command

SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
KEPT_BYTES = 64 << 10  # of each end of an output; the model is shown less


class Shell:
    """Runs the model's commands one after the other, each at most `timeout_s` and never past `until` (monotonic)."""

    config: Any = None

    def __init__(self, job: Job, until: float, timeout_s: int) -> None:
        self._job, self._until, self._timeout_s = job, until, timeout_s

    def execute(self, action: dict[str, Any], cwd: str = "") -> dict[str, Any]:
        """Run one command; its output goes to the log as it comes. Raises Submitted when it is the final one."""
        command, kept = str(action.get("command", "")), _Ends()
        self._job.log.write(f"$ {command}\n".encode("utf-8", "replace"))

        def sink(data: bytes) -> None:
            kept.add(data)
            self._job.log.write(data)

        limits = Limits(
            max(1.0, min(self._timeout_s, self._until - time.monotonic())), self._job.settings.max_processes
        )
        try:
            ended = run_command(command, cwd=self._job.code, env=command_environment(), limits=limits, sink=sink)
        except (OSError, ValueError) as error:  # too long for the kernel, or a NUL in it
            return {"output": "", "returncode": -1, "exception_info": f"the command cannot be started: {error}"}
        output = self._job.redactor.text(kept.text())
        if ended.exit_code == 0:
            _check_submitted(output)
        return {"output": output, "returncode": ended.exit_code, "exception_info": _killed(ended, limits)}

    def get_template_vars(self, **values: Any) -> dict[str, Any]:
        return values

    def serialize(self) -> dict[str, Any]:
        return {}


def _check_submitted(output: str) -> None:
    """mini-swe-agent's convention: the first line of a command's output says that the task is done."""
    first, _, rest = output.lstrip().partition("\n")
    if first.strip() == SUBMIT:
        extra = {"exit_status": "Submitted", "submission": rest}
        raise Submitted({"role": "exit", "content": rest, "extra": extra})


def _killed(ended: Ended, limits: Limits) -> str:
    if ended.killed_for == "timeout":
        return f"the command was killed after {limits.timeout_s:.0f} seconds"
    if ended.killed_for == "processes":
        return f"the command was killed: it had more than {limits.max_processes} processes"
    if ended.killed_from_outside:
        return "a process was killed, most likely because the memory limit was reached"
    return ""


class _Ends:
    """Both ends of an output, in bounded memory."""

    def __init__(self) -> None:
        self._head, self._tail, self._size = b"", b"", 0

    def add(self, data: bytes) -> None:
        self._size += len(data)
        room = KEPT_BYTES - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[room:])[-KEPT_BYTES:]

    def text(self) -> str:
        left_out = self._size - len(self._head) - len(self._tail)
        middle = b"\n[%d bytes left out]\n" % left_out if left_out else b""
        return (self._head + middle + self._tail).decode("utf-8", "replace")
