"""The agent's image on this machine: what `agent/Dockerfile` builds for a cluster, as folders for the sandboxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emulator import staging
from emulator.kube.images import Image
from emulator.sandbox import Mount
from emulator.toolchain import Toolchain

NAME = "patchmill-agent:local"
_SITE, _PROGRAM = "/opt/patchmill/site", "/opt/patchmill/app"


def agent_image(tools: Toolchain, repository: Path, folder: Path) -> Image:
    """The packages that set-up installed, and the agent's own code as it is now, compiled into `folder`.

    Compiled, because a container has nowhere to keep bytecode, and three of them start for every task.
    """
    program = staging.stage(repository / "agent" / "patchmill_agent", folder, tools.agent_python)
    mounts = (Mount(tools.agent_site, _SITE), Mount(program, f"{_PROGRAM}/patchmill_agent"))
    bare = Image(NAME, mounts, {}, tools.agent_python)
    env = {
        "PATH": f"{_SITE}/bin:{bare.environment['PATH']}",
        "PYTHONPATH": f"{_PROGRAM}:{_SITE}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
    }
    return replace(bare, env=env)
