"""The command line of an emulator with one small function: started, deployed to, asked and stopped, as people do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from emulator.state import read_env

REPOSITORY = Path(__file__).resolve().parents[2]
SERVERLESS = """
service: tried
provider:
  name: tencent
  runtime: Python3.10
  stage: ${opt:stage, 'local'}
  region: ${self:custom.stage.region}
custom: {stage: "${file(stages/${self:provider.stage}.yml)}"}
layers:
  words: {path: words}
functions:
  hello:
    handler: index.main_handler
    path: hello
    layers: [words]
    timeout: 10
    permissions:
      - {actions: ['name/cos:GetObject'], resources: ['cos:kept/*']}
    environment: {GREETING: "${env:GREETING, ''}"}
    events:
      - http: {authType: NONE}
resources:
  topics:
    tried: {partitions: 2}
  buckets:
    kept: {name: "tried-${self:custom.stage.account.appId}"}
"""
INDEX = """
import os
import words

def main_handler(event, context):
    print("greeted")
    text = os.environ.get("GREETING") or words.HELLO
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": text}
"""


# Whoever runs the tests may have fixed ports or a root for an emulator of their own.
CALLER = {name: value for name, value in os.environ.items() if not name.startswith("PATCHMILL_")}


@dataclass
class Emulator:
    """The command line of one emulator on a root of its own, and a project to deploy to it."""

    root: Path
    project: Path

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "emulator", arguments[0], "--root", str(self.root), *arguments[1:]]
        environment = {**CALLER, **environ}
        return subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)

    def begin(self) -> subprocess.Popen[str]:
        """An `up` that is not waited for."""
        argv = [sys.executable, "-m", "emulator", "up", "--root", str(self.root)]
        return subprocess.Popen(
            argv, cwd=REPOSITORY, env=CALLER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def up(self, *arguments: str, **environ: str) -> None:
        done = self.run("up", *arguments, **environ)
        assert done.returncode == 0, done.stdout + done.stderr

    def deploy(self) -> None:
        """Bring the project's function to it."""
        argv = [sys.executable, "-m", "deployer", "apply", "--stage", "local", "--yes", "--project", str(self.project)]
        environment = {**CALLER, "PATCHMILL_EMULATOR_ROOT": str(self.root)}
        done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, object]:
        status: dict[str, object] = json.loads(self.run("status", "--json").stdout)
        return status

    def env(self) -> dict[str, str]:
        return read_env(self.root / "env")

    def get(self) -> str:
        with urllib.request.urlopen(self.env()["PATCHMILL_URL"], timeout=20) as answer:
            text: str = answer.read().decode()
            return text

    def pid(self) -> int:
        pid = self.status()["pid"]
        assert isinstance(pid, int)
        return pid

    def processes(self) -> list[str]:
        """Every process whose command line names this root."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(self.root) in command:
                found.append(command)
        return found


def make_emulator(folder: Path, system_tables: Path) -> Emulator:
    project = folder / "project"
    for name in ("hello", "words", "stages"):
        (project / name).mkdir(parents=True)
    (project / "serverless.yml").write_text(SERVERLESS)
    (project / "hello" / "index.py").write_text(INDEX)
    (project / "words" / "words.py").write_text("HELLO = 'hello'\n")
    shutil.copy(REPOSITORY / "stages" / "local.yml", project / "stages" / "local.yml")
    shutil.copytree(system_tables, folder / "root" / "mysql")
    return Emulator(folder / "root", project)
