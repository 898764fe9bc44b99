"""The kinds of agent, one file each: `run(job) -> Ending`. This file holds what they share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from patchmill_agent.log import Log
    from patchmill_agent.redact import Redactor
    from patchmill_agent.run import Settings

# What a command may know of this container. Everything else stays behind, above all PATCHMILL_* and OPENAI_*.
_PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "TRACEPARENT",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
)
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# An emptyDir belongs to root and the agent is uid 1000, which git takes for somebody else's repository.
_GIT_CONFIG = {"safe.directory": "*", "user.name": "Patchmill agent", "user.email": "agent@localhost"}


class Usage(NamedTuple):
    """What the model's answers cost; all zero for agents without one."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Ending(NamedTuple):
    """How a run ended: `reason` None is success, else one of the task's failure reasons."""

    reason: str | None
    message: str
    exit_code: int | None = None
    summary: str = ""
    usage: Usage = Usage()


class Stopped(BaseException):
    """The run must end now. A BaseException, so that no library between takes it for an error of its own."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.message)
        self.ending = ending


class Job(NamedTuple):
    """One run: where it works, what it may, where it writes."""

    settings: Settings
    code: Path
    output: Path
    log: Log
    redactor: Redactor


def command_environment() -> dict[str, str]:
    """The whole environment of a command that a stranger or a model wrote."""
    env = {"PATH": _DEFAULT_PATH, "HOME": "/tmp", "LANG": "C.UTF-8", "PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}  # noqa: S108 - the container's own
    env |= {name: os.environ[name] for name in _PASSED if os.environ.get(name)}
    env["GIT_CONFIG_COUNT"] = str(len(_GIT_CONFIG))
    for number, (key, value) in enumerate(_GIT_CONFIG.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env
