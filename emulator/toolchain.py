"""What `tools/setup` has built, read from toolchain.json: interpreters and the folders of installed packages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


class ToolchainError(Exception):
    """The set-up has not been run; the text says so."""


@dataclass(frozen=True)
class Toolchain:
    """Interpreters and package folders, absolute."""

    python: Path
    """The virtual environment's interpreter."""
    runtime_python: Path
    """Runs the functions: Python 3.10, the platform's newest, where one was found."""
    runtime_version: str
    package_target: str
    """For what packages have to be built here, when that is not the platform's Python 3.10 on x86-64; else empty."""
    agent_python: Path
    """Runs the containers of the agent's image."""
    agent_site: Path
    """The agent's third-party packages."""


def load(project: Path) -> Toolchain:
    """Read <project>/.local/toolchain.json. Raises ToolchainError when `make` has not set up everything it names."""
    path = project / ".local" / "toolchain.json"
    try:
        values = json.loads(path.read_text())
        version = values.pop("runtime_version")
        target = values.pop("package_target")
        folders = {name: (project / values[name]) for name in Toolchain.__annotations__ if name in values}
        toolchain = Toolchain(runtime_version=version, package_target=target, **folders)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolchainError(f"{path} is missing or unreadable: run `make up`, which sets everything up") from error
    for name, place in folders.items():
        if not place.exists():
            raise ToolchainError(f"{name} is gone ({place}): run `tools/setup` again")
    return toolchain
