"""Container registries for tests: Debian's docker-registry, and one of our own for answers that it doesn't give.

The real one takes anonymous pushes, or is for one name and password; ours asks for a bearer token, or fails on request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from emulator.services.kafka import free_port

NAME, PASSWORD = "puller", "of the tests"
# bcrypt of PASSWORD: what docker-registry compares with.
_HTPASSWD = f"{NAME}:$2b$04$AO35tBHznXZ0xf3LuTD0guv6rgyl1efMH4IoDhGOhYQdVWPL3qaZ6\n".replace("$2b$", "$2y$")
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
BASIC = "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()


@contextmanager
def real(folder: Path, *, private: bool = False) -> Iterator[str]:
    """host:port of a docker-registry that answers."""
    port = free_port()
    (folder / "htpasswd").write_text(_HTPASSWD)
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if private:
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    (folder / "registry.yml").write_text(json.dumps(config))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.yml")], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait(f"http://127.0.0.1:{port}/v2/")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            httpx.get(url, timeout=5, trust_env=False)
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the registry did not start"
            time.sleep(0.05)


def push(registry: str, repository: str, tag: str, authorization: str | None = None) -> str:
    """Put the smallest image there; returns the manifest's digest."""
    headers = {"Authorization": authorization} if authorization else {}
    with httpx.Client(base_url=f"http://{registry}", headers=headers, trust_env=False, timeout=10) as client:
        config = b"{}"
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        place = client.post(f"/v2/{repository}/blobs/uploads/").headers["location"]
        client.put(f"{place}&digest={digest}", content=config).raise_for_status()
        part = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config), "digest": digest}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST_TYPE, "config": part, "layers": []}).encode()
        answer = client.put(
            f"/v2/{repository}/manifests/{tag}", content=manifest, headers={"Content-Type": _MANIFEST_TYPE}
        )
        answer.raise_for_status()
        return answer.headers["docker-content-digest"]


@dataclass
class Tokens:
    """A registry that wants a bearer token. `grants` are the logins it makes one for (None: nobody's)."""

    grants: tuple[str | None, ...] = (None,)
    realm: str = "/token"
    status: int = 200
    """Of a manifest, once the token is right."""
    pause_s: float = 0.0
    address: str = ""
    asked: list[str] = field(default_factory=list)
    """What was asked for a token, with its query."""


@contextmanager
def ours(tokens: Tokens) -> Iterator[str]:
    """host:port of a running one; fills in `tokens.address`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            time.sleep(tokens.pause_s)
            if self.headers["Authorization"] == "Bearer made-by-the-tests":
                self._answer(tokens.status)
            else:
                realm = tokens.realm if "://" in tokens.realm else f"http://{tokens.address}{tokens.realm}"
                self._answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="tests"'})

        def do_GET(self) -> None:
            tokens.asked.append(self.path)
            granted = self.headers["Authorization"] in tokens.grants
            self._answer(200 if granted else 401, {}, json.dumps({"token": "made-by-the-tests"}).encode())

        def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # the client has given up
                self.wfile.write(body if self.command == "GET" else b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        tokens.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield tokens.address
        finally:
            server.shutdown()
            thread.join()
