"""A whole emulated account for deployments, without engines and without a node: API, SCF, COS and the Kubernetes API.

Everything that a deployer talks to is real but the broker, whose topics are a dictionary here. All requests to it cross
the `boundaries`; `faults` and `recorded` are the API's own; `asked` is what COS has asked the account.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from emulator.account import Account
from emulator.api.faults import FaultRates, Faults
from emulator.api.logstore import LogStore
from emulator.api.server import Hooks, Recorded
from emulator.api.tke import ClusterAccess
from emulator.cos.server import create_app
from emulator.cos.store import Store
from emulator.credentials import Credential
from emulator.documents import Documents
from emulator.kube.cluster import Cluster
from emulator.kube.tls import kubeconfig
from emulator.listen import Listener, LoopThread, serve
from emulator.platform import APP_ID, CLUSTER, KAFKA_INSTANCE, REGION, UIN, Neighbours, api_app
from emulator.scf import Scf, ScfSettings
from tests.support.boundaries import Boundaries

OWNER = Credential("AKIDowner", "owners-secret-key")
PROJECT = Path(__file__).resolve().parents[1] / "deployer" / "project"


class MemoryTopics:
    """The broker's part of CKafka: names and numbers of partitions."""

    def __init__(self) -> None:
        self.partitions: dict[str, int] = {}

    def names(self) -> list[str]:
        return sorted(self.partitions)

    def create(self, name: str, partitions: int) -> None:
        self.partitions.setdefault(name, partitions)

    def grow(self, name: str, partitions: int) -> None:
        self.partitions[name] = partitions

    def delete(self, name: str) -> None:
        self.partitions.pop(name, None)


class MemoryUrls:
    """Function URLs that nobody listens on: an address for each."""

    def __init__(self) -> None:
        self.apps: dict[str, ASGIApp] = {}

    async def open(self, url_id: str, app: ASGIApp) -> str:
        self.apps[url_id] = app
        return f"http://127.0.0.1:1/{url_id}"

    async def close(self, url_id: str) -> None:
        self.apps.pop(url_id, None)

    async def keep(self, url_ids: Collection[str]) -> None:
        self.apps = {url_id: app for url_id, app in self.apps.items() if url_id in url_ids}


@dataclass(frozen=True)
class Asked:
    """One request to COS in the words of CAM: name/cos:PutBucket, qcs::cos:…, and whether it was allowed."""

    secret_id: str
    action: str
    resource: str
    allowed: bool


class AskedAccount:
    """The account as COS sees it; keeps what it was asked."""

    def __init__(self, account: Account, asked: list[Asked]) -> None:
        self._account, self._asked = account, asked

    def find(self, secret_id: str) -> Credential | None:
        return self._account.find(secret_id)

    def expired(self, secret_id: str) -> bool:
        return self._account.expired(secret_id)

    def allows(self, secret_id: str, action: str, resource: str) -> bool:
        allowed = self._account.allows(secret_id, action, resource)
        self._asked.append(Asked(secret_id, action, resource, allowed))
        return allowed


class Cloudlet:
    """A running account in `folder`. Reach its parts through `on_loop`."""

    def __init__(
        self, loop: LoopThread, folder: Path, *, activation_s: float = 0.0, python: Path | None = None
    ) -> None:
        self.loop, self.folder = loop, folder
        self.boundaries, self.faults, self.hooks = Boundaries(), Faults(), Hooks()
        self.recorded: list[Recorded] = []
        self.hooks.record = self.recorded.append
        self.asked: list[Asked] = []
        self._settings = ScfSettings(activation_s=activation_s, retry_delay_s=0.1, ckafka_wait_s=0.05)
        self._python = python or Path(sys.executable).resolve()
        self._listeners: list[Listener] = []
        loop.run(self._start())

    async def _start(self) -> None:
        self.documents = Documents(self.folder / "platform.sqlite")
        self.account = Account(self.documents, OWNER, app_id=APP_ID, uin=UIN)
        self.topics, self.urls = MemoryTopics(), MemoryUrls()
        self.cluster = Cluster(self.folder / "kube", {}, 1, "token")
        kube = await self._serve(self.cluster.app, tls=self.cluster.tls.server)
        server = f"https://127.0.0.1:{kube}"
        admin = kubeconfig(server, self.cluster.tls.ca_pem(), "token")
        self.kubeconfig = admin
        access = ClusterAccess(server, lambda: admin, partial(self.cluster.identity_kubeconfig, server))
        self.store, self.logs = Store(self.folder / "cos"), LogStore(None)
        (self.folder / "sockets").mkdir(exist_ok=True)
        self.scf = Scf(
            documents=self.documents,
            root=self.folder / "scf",
            python=self._python,
            account=self.account,
            kafka={KAFKA_INSTANCE: "127.0.0.1:9"},
            sockets=self.folder / "sockets",
            settings=self._settings,
            region=REGION,
            app_id=APP_ID,
            uin=UIN,
            urls=self.urls,
            read_object=self.store.path,
            log_sink=self.logs.put,
        )
        neighbours = Neighbours("127.0.0.1:9", self.topics, {CLUSTER: access}, self.logs)
        app = api_app(self.documents, self.account, self.scf, neighbours, faults=self.faults, hooks=self.hooks)
        self.api_port = await self._serve(app)
        await self.scf.start()
        asking = AskedAccount(self.account, self.asked)
        self.cos_port = await self._serve(create_app(self.store, asking, self.scf.on_object_event, REGION))
        await self.cluster.start()

    async def _serve(self, app: ASGIApp, **options: Any) -> int:
        listener = await serve(self.boundaries.around(app), **options)
        self._listeners.append(listener)
        return listener.port

    def environ(self, **more: str) -> dict[str, str]:
        """What a deployer to this account is started with. It asks no Python 3.10 on this PATH, which takes a while."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "TENCENTCLOUD_SECRET_ID": OWNER.secret_id,
            "TENCENTCLOUD_SECRET_KEY": OWNER.secret_key,
            "SMALL_API": f"127.0.0.1:{self.api_port}",
            "SMALL_COS": f"127.0.0.1:{self.cos_port}/{{bucket}}",
            "SMALL_WORD": "a-secret-word",
            **more,
        }

    def on_loop(self, work: Callable[[], Any]) -> Any:
        return self.loop.call(work)

    def throttle(self, rate: float, *, after: float = 0.0, seed: int = 1) -> None:
        """From now on this share of the calls is refused, and that share fails although it did its work."""
        self.on_loop(lambda: self.faults.set(FaultRates(throttle=rate, after=after, seed=seed)))

    def close(self) -> None:
        self.loop.run(self._stop())

    async def _stop(self) -> None:
        await self.scf.stop()
        await self.cluster.stop()
        await asyncio.gather(*(listener.close() for listener in self._listeners))
        self.store.close()
        self.logs.close()
        self.documents.close()

    def content(self) -> dict[str, list[str]]:
        """Names of everything that is there, by kind; ids and times, which differ from run to run, are not in it."""
        return self.on_loop(self._content)  # type: ignore[no-any-return]

    def _content(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        with sqlite3.connect(self.folder / "platform.sqlite") as database:
            for kind, key in database.execute("SELECT kind, key FROM documents ORDER BY kind, key"):
                if kind not in VOLATILE:
                    found.setdefault(kind, []).append(key)
        database.close()
        for kind in KUBERNETES:
            objects = self.cluster.store.list(kind)
            found[kind] = sorted(each["metadata"]["name"] for each in objects)
        found["bucket"] = [bucket for bucket, _ in self.store.buckets()]
        found["object"] = self.content_of_buckets()
        found["broker"] = self.topics.names()
        return found

    def content_of_buckets(self) -> list[str]:
        """Bucket/key of each object; on the loop."""
        return [f"{bucket}/{entry}" for bucket, _ in self.store.buckets() for entry in sorted(self._objects(bucket))]

    def _objects(self, bucket: str) -> Iterator[str]:
        from emulator.cos.listing import page

        yield from (entry.key for entry in page(self.store, bucket, "", "", "", 1000).entries)


VOLATILE: frozenset[str] = frozenset({"cam-session"})
KUBERNETES = (
    "Namespace", "Role", "RoleBinding", "ServiceAccount", "ResourceQuota", "LimitRange", "NetworkPolicy",
    "PriorityClass",
)  # fmt: skip


@contextmanager
def cloudlet(loop: LoopThread, **options: Any) -> Iterator[Cloudlet]:
    """One in a folder of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pm-cloudlet-"))
    try:
        made = Cloudlet(loop, folder, **options)
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_of_project(folder: Path) -> Path:
    """The small project, to change at will."""
    place = folder / "project"
    shutil.copytree(PROJECT, place, ignore=shutil.ignore_patterns("__pycache__", ".local"))
    return place
