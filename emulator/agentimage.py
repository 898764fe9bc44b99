"""The agent's image on this machine: what `agent/Dockerfile` builds for a cluster, as folders for the sandboxes."""

from __future__ import annotations

from pathlib import Path

from emulator.kube.images import Image
from emulator.sandbox import Mount
from emulator.toolchain import Toolchain

NAME = "patchmill-agent:local"
_SITE, _PROGRAM = "/opt/patchmill/site", "/opt/patchmill/app"
_BIN = f"{_SITE}/bin"


def agent_image(tools: Toolchain, repository: Path) -> Image:
    """The packages that set-up installed and the agent's own code as it stands in the working tree."""
    mounts = (
        Mount(tools.agent_site, _SITE),
        Mount(repository / "agent" / "patchmill_agent", f"{_PROGRAM}/patchmill_agent"),
    )
    env = {"PYTHONPATH": f"{_PROGRAM}:{_SITE}", "LANG": "C.UTF-8"}
    return Image(NAME, mounts, env, tools.agent_python)
