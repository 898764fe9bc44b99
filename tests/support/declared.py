"""A project to declare things in: the repository's own serverless.yml and stages, in a folder to change."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.declaration import Declaration, DeclarationError, load

REPOSITORY = Path(__file__).resolve().parents[2]
ADDRESSES = {
    "PATCHMILL_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "PATCHMILL_API_ENDPOINT": "127.0.0.1:8080",
    "PATCHMILL_COS_ENDPOINT": "127.0.0.1:8081/{bucket}",
}
FOLDERS = ("layers/vendor", "layers/core/patchmill/migrations", "layers/console", "deployer/cluster")


class Project:
    """What `load` needs of a project, and the files to change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.serverless, self.stages = folder / "serverless.yml", folder / "stages"
        shutil.copy(REPOSITORY / "serverless.yml", self.serverless)
        shutil.copytree(REPOSITORY / "stages", self.stages)
        for name in FOLDERS:
            (folder / name).mkdir(parents=True)
        shutil.copytree(REPOSITORY / "deployer" / "observability", folder / "deployer" / "observability")
        for function in ("submit", "dispatch", "collect"):
            (folder / "functions" / function).mkdir(parents=True)
            (folder / "functions" / function / "index.py").touch()

    def change(self, old: str, new: str, file: str = "serverless.yml") -> None:
        """Replace the first `old`, which must be there, in a file of the project."""
        text = (self.folder / file).read_text("utf-8")
        assert old in text, f"{file} does not hold {old!r}"
        (self.folder / file).write_text(text.replace(old, new, 1), "utf-8")

    def env_file(self, text: str, mode: int = 0o600) -> None:
        """Write what the stage `local` names as its envFile."""
        path = self.folder / ".local" / "deploy.env"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(mode)

    def load(
        self, environ: Mapping[str, str] = ADDRESSES, stage: str = "local", *, addresses: bool = True
    ) -> Declaration:
        return load(self.folder, stage, environ, addresses=addresses)

    def faults(self, environ: Mapping[str, str] = ADDRESSES, stage: str = "local") -> list[str]:
        """The lines of the refusal; the test fails when there is none."""
        with pytest.raises(DeclarationError) as refused:
            self.load(environ, stage)
        return str(refused.value).splitlines()
