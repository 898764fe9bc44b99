"""Smart HTTP for real repositories on loopback: `git http-backend` behind Python's own HTTP server.

Beside `/<name>.git` it serves the same below `/private/` (401), `/moved/` (301 to the right place) and `/silent/`
(takes the request and never answers).
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_GIT_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@localhost",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@localhost",
}


def git(*arguments: str, cwd: Path) -> str:
    """Run git in `cwd` without the user's configuration; returns stdout. Raises CalledProcessError."""
    done = subprocess.run(["git", *arguments], cwd=cwd, env=_GIT_ENV, capture_output=True, text=True, check=True)
    return done.stdout


def make_repository(path: Path, files: Mapping[str, str | bytes], branch: str = "main") -> str:
    """Create a repository whose first commit holds `files`; returns the commit's id."""
    path.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", f"--initial-branch={branch}", cwd=path)
    return commit(path, files)


def commit(path: Path, files: Mapping[str, str | bytes] = {}, message: str = "a change") -> str:
    """Write `files`, commit everything that changed, and return the commit's id."""
    for name, content in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    git("add", "--all", "--force", cwd=path)
    git("commit", "--quiet", "--allow-empty", "-m", message, cwd=path)
    return git("rev-parse", "HEAD", cwd=path).strip()


class GitServer(ThreadingHTTPServer):
    """Serves every repository below `root`. Use `git_server`, which also stops it."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.requests: list[str] = []
        self.released = threading.Event()  # ends the `/silent/` requests

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """A server that answers when this returns and is gone afterwards."""
    with GitServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    server: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        self.server.requests.append(f"{self.command} {path}")
        if path.startswith("/private/"):
            self._send(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
        elif path.startswith("/moved/"):
            self._send(301, [("Location", self.path.replace("/moved", "", 1))], b"")
        elif path.startswith("/silent/"):
            self.server.released.wait(60)
            self.close_connection = True
        else:
            self._send(*self._backend(path, query, body))

    def _backend(self, path: str, query: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        env = _GIT_ENV | {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        return status, [(name, value) for name, value in headers if name != "Status"], content

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at `requests`."""
