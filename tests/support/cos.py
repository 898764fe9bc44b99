"""The COS stand-in for tests: in this process, or in one of its own that can be killed; and a small account for it.

`python -m tests.support.cos FOLDER` serves FOLDER, prints its port and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from qcloud_cos import CosConfig, CosS3Client
from starlette.types import ASGIApp

from emulator.cos.server import create_app
from emulator.cos.store import Store
from emulator.credentials import Credential, Credentials
from emulator.events import ObjectEvent
from emulator.listen import LoopThread, serve

REGION = "ap-guangzhou"
BUCKET = "code-1250000000"


class SmallAccount:
    """An account of an owner, who may everything, and a role, which may everything until `may` says less.

    `may` holds (action, resource) patterns in which `*` stands for anything.
    """

    def __init__(self, path: Path) -> None:
        self.user = Credentials(path).user
        self.role = Credential("AKIDrole" + "r" * 28, "s" * 32, "t" * 120)
        self.reset()

    def reset(self) -> None:
        self.may: list[tuple[str, str]] = [("*", "*")]
        self.role_expired = False

    def find(self, secret_id: str) -> Credential | None:
        known = [self.user] if self.role_expired else [self.user, self.role]
        return next((found for found in known if found.secret_id == secret_id), None)

    def expired(self, secret_id: str) -> bool:
        return self.role_expired and secret_id == self.role.secret_id

    def allows(self, secret_id: str, action: str, resource: str) -> bool:
        if secret_id == self.user.secret_id:
            return True
        return any(fnmatchcase(action, act) and fnmatchcase(resource, what) for act, what in self.may)


class Clients:
    """SDK clients for one server. They share one session, which `close` closes (the SDK's own one never is)."""

    def __init__(self, port: int, credential: Credential) -> None:
        self.port, self.credential = port, credential
        self.session = requests.Session()

    def path_style(self, bucket: str = BUCKET, credential: Credential | None = None) -> CosS3Client:
        """As the functions and the pods are given it: the bucket is in the path."""
        return self._client(credential, Domain=f"127.0.0.1:{self.port}/{bucket}")

    def host_style(self, credential: Credential | None = None) -> CosS3Client:
        """As on the platform: the bucket is in the host name, reached through an HTTP proxy setting."""
        return self._client(credential, Proxies={"http": f"http://127.0.0.1:{self.port}"})

    def by_address(self) -> CosS3Client:
        """The bucket is in the Host header of a connection to an address (no presigned URLs in this mode)."""
        return self._client(None, IP="127.0.0.1", Port=self.port)

    def _client(self, credential: Credential | None, **where: object) -> CosS3Client:
        who = credential or self.credential
        config = CosConfig(
            Region=REGION, SecretId=who.secret_id, SecretKey=who.secret_key, Token=who.token, Scheme="http", **where
        )
        return CosS3Client(config, retry=0, session=self.session)

    def close(self) -> None:
        self.session.close()


class CosServer:
    """A server in this process."""

    def __init__(self, root: Path) -> None:
        self.events: list[ObjectEvent] = []
        self.root = root
        self.credentials = SmallAccount(root / "credentials.json")
        self._loop = LoopThread()
        self.start()

    def start(self) -> None:
        self.store = Store(self.root / "cos")
        app = create_app(self.store, self.credentials, self.events.append, REGION)
        self._listener = self._loop.run(serve(app, http="h11"))
        self.port = self._listener.port
        self.clients = Clients(self.port, self.credentials.user)

    def stop(self) -> None:
        self.clients.close()
        self._loop.run(self._listener.close())
        self.store.close()

    def close(self) -> None:
        self.stop()
        self._loop.close()

    def presigned(self, method: str, key: str, **how: Any) -> str:
        url: str = self.clients.path_style().get_presigned_url(Bucket=BUCKET, Key=key, Method=method, **how)
        return url

    def reset(self) -> None:
        """Back to one empty bucket: starting anew for every test would take most of its time."""
        with self.store.index.change() as db:
            for table in ("objects", "uploads", "buckets"):
                db.execute(f"DELETE FROM {table}")
        self.store.bodies.sweep(self.store.index.bodies())
        self.store.create_bucket(BUCKET)
        self.events.clear()
        self.credentials.reset()

    @contextmanager
    def serving(self, app: ASGIApp) -> Iterator[Clients]:
        """Clients of another app beside this one."""
        listener = self._loop.run(serve(app, http="h11"))
        clients = Clients(listener.port, self.credentials.user)
        yield clients
        clients.close()
        self._loop.run(listener.close())

    def body_files(self) -> int:
        return sum(1 for _ in (self.root / "cos" / "bodies").iterdir())


class CosProcess:
    """A server in a process of its own."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.cos", str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout
        self.pid, self.port = self._process.pid, int(self._process.stdout.readline())
        self.clients = Clients(self.port, Credentials(root / "credentials.json").user)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()
        self.clients.close()

    def peak_memory(self) -> int:
        """The most it ever had resident, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def sign(
    credential: Credential,
    method: str,
    path: str,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    window: tuple[int, int] | None = None,
) -> dict[str, str]:
    """The fields of a signature, by the vendor's description: for what the SDK can't be made to do."""
    start, end = window or (int(time.time()) - 60, int(time.time()) + 60)
    lists, texts = [], []
    for given in (params or {}, headers):
        pairs = sorted((quote(k, safe="-_.~").lower(), quote(v, safe="-_.~")) for k, v in given.items())
        lists.append(";".join(k for k, _ in pairs))
        texts.append("&".join(f"{k}={v}" for k, v in pairs))
    digest = hashlib.sha1(f"{method.lower()}\n{path}\n{texts[0]}\n{texts[1]}\n".encode()).hexdigest()
    key = _hmac(credential.secret_key, f"{start};{end}")
    return {
        "q-sign-algorithm": "sha1",
        "q-ak": credential.secret_id,
        "q-sign-time": f"{start};{end}",
        "q-key-time": f"{start};{end}",
        "q-header-list": lists[1],
        "q-url-param-list": lists[0],
        "q-signature": _hmac(key, f"sha1\n{start};{end}\n{digest}\n"),
    }


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()


async def _serve(root: Path) -> None:
    app = create_app(Store(root / "cos"), SmallAccount(root / "credentials.json"), lambda event: None, REGION)
    listener = await serve(app, http="h11")
    print(listener.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await listener.close()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
