"""A pod without a cluster: the three programs as processes over folders of the test, and a bucket for their PUTs."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.git_http import GitServer, git_server

AGENT = Path(__file__).parents[2] / "agent"
ARTIFACTS = ("diff.patch", "agent.log", "prompt.txt", "result.json", "output.tar.gz", "manifest.json")


class Bucket(ThreadingHTTPServer):
    """Objects by path. `faults[path]` is a list of status codes (or 0: cut the connection) to give first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _BucketHandler)
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.faults: dict[str, list[int]] = {}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}?q-signature=0123456789abcdef"


class _BucketHandler(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self._fault() or (200 if self._name in self.server.objects else 404))

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self._fault() or 200
        if status == 200:
            self.server.objects[self._name] = body
            self.server.order.append(self._name)
        self._answer(status)

    @property
    def _name(self) -> str:
        return self.path[1:].partition("?")[0]

    def _fault(self) -> int | None:
        faults = self.server.faults.get(self._name)
        status = faults.pop(0) if faults else None
        if status == 0:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # a reset, not an end
            self.connection.close()
            raise ConnectionResetError
        return status

    def _answer(self, status: int) -> None:
        content = self.server.objects[self._name] if (self.command, status) == ("GET", 200) else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True


@dataclass
class Pod:
    """One task's pod. `env` goes to every stage."""

    root: Path
    bucket: Bucket
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        urls = {name: self.bucket.url(f"logs/{name}") for name in ARTIFACTS}
        phases = {
            name: self.bucket.url(f"phases/{name}") for name in ("DOWNLOADING_CODE", "RUNNING_AGENT", "UPLOADING")
        }
        self.env |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(AGENT),
            "HOME": str(self.root),
            "TMPDIR": str(self.root / "tmp"),
            "PATCHMILL_APP_ROOT": str(self.root / "app"),
            "PATCHMILL_TASK_ID": "01JD0000000000000000000000",
            "PATCHMILL_ATTEMPT": "1",
            "PATCHMILL_GIT_SCHEMES": "https,http",
            "PATCHMILL_CODE_URL": self.bucket.url("code.tar.gz"),
            "PATCHMILL_UPLOADS": json.dumps(urls),
            "PATCHMILL_PHASE_URLS": json.dumps(phases),
            "PATCHMILL_AGENT": "command",
            "PATCHMILL_TIMEOUT_S": "20",
        }
        (self.root / "tmp").mkdir()
        for folder in ("code", "output", "base"):
            (self.root / "app" / folder).mkdir(parents=True)

    @property
    def code(self) -> Path:
        return self.root / "app" / "code"

    @property
    def output(self) -> Path:
        return self.root / "app" / "output"

    @property
    def base(self) -> Path:
        return self.root / "app" / "base"

    def stage(self, name: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        """Run fetch, run or deliver to its end."""
        command = [sys.executable, "-m", "patchmill_agent", name]
        return subprocess.run(command, env=self.env | env, capture_output=True, timeout=60, check=False)

    def fetch_git(self, url: str, ref: str | None = None, **env: str) -> dict[str, Any]:
        return self._fetch({"kind": "git", "url": url, "ref": ref}, **env)

    def fetch_zip(self, content: bytes, **env: str) -> dict[str, Any]:
        self.bucket.objects["code.zip"] = content
        return self._fetch({"kind": "zip"}, PATCHMILL_SOURCE_URL=self.bucket.url("code.zip"), **env)

    def _fetch(self, source: dict[str, Any], **env: str) -> dict[str, Any]:
        done = self.stage("fetch", PATCHMILL_SOURCE=json.dumps(source), **env)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads((self.base / "fetch.json").read_bytes())
        return report

    def run(self, prompt: str, **env: str) -> dict[str, Any]:
        """The agent's result; its log is checked against its stdout on the way."""
        done = self.stage("run", PATCHMILL_PROMPT=prompt, **env)
        assert done.returncode == 0, done.stderr
        assert done.stdout == self.log
        result: dict[str, Any] = json.loads((self.output / "result.json").read_bytes())
        return result

    def deliver(self, **env: str) -> dict[str, Any]:
        done = self.stage("deliver", **env)
        assert done.returncode == 0, done.stdout
        manifest: dict[str, Any] = json.loads(self.bucket.objects["logs/manifest.json"])
        return manifest

    @property
    def log(self) -> bytes:
        return (self.output / "agent.log").read_bytes()


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Bucket() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def pod(tmp_path: Path, bucket: Bucket) -> Pod:
    root = tmp_path / "pod"
    root.mkdir()
    return Pod(root, bucket)


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[GitServer]:
    """A Git server over an empty folder; put repositories into `.root`."""
    root = tmp_path / "repositories"
    root.mkdir()
    with git_server(root) as server:
        yield server
