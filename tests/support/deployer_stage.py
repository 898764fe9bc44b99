"""A stage to deploy to: the stand-ins of the API and of COS in this process, a declaration, and Contexts for both.

The deployer reaches them as it reaches the platform: by the official SDKs, over HTTP, signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.cloud import Cloud, Keys
from deployer.context import Context
from deployer.declaration import model as d
from deployer.errors import CloudError
from deployer.model import Facts, Kind, Resource, Step
from deployer.packaging import Package
from deployer.retry import Again
from emulator.account import Account
from emulator.api.action import Service
from emulator.api.ckafka import Ckafka
from emulator.api.ckafkatopic import Instance
from emulator.api.cls import Cls
from emulator.api.logstore import LogStore
from emulator.api.ssm import Ssm
from emulator.api.tke import ClusterAccess, Tke
from emulator.cos.server import create_app
from emulator.cos.store import Store
from emulator.documents import Documents
from emulator.listen import LoopThread, serve
from tests.support import api
from tests.support.kube_api import Api as Kube

CODE, LOGS = "shop-code-1250000000", "shop-logs-1250000000"
SECRETS = {"SHOP_DATABASE_URL": "mysql://shop:hunter2@db/shop", "SHOP_KEYS": "key-one"}


class Broker:
    """A broker's topics, in memory."""

    def __init__(self) -> None:
        self.partitions: dict[str, int] = {}

    def names(self) -> list[str]:
        return sorted(self.partitions)

    def create(self, name: str, partitions: int) -> None:
        self.partitions[name] = partitions

    def grow(self, name: str, partitions: int) -> None:
        self.partitions[name] = partitions

    def delete(self, name: str) -> None:
        self.partitions.pop(name, None)


@dataclass
class Stage:
    """`api` is the running API with all that it was asked, `store` what COS holds. Change `declaration` and go on."""

    api: api.Api
    store: Store
    broker: Broker
    declaration: d.Declaration
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    record: Callable[[str, str, dict[str, Any]], None] | None = None

    def cloud(self, tries: int = 1) -> Cloud:
        """Without repetitions, unless a test is about them."""
        keys = Keys(api.OWNER.secret_id, api.OWNER.secret_key)
        again = Again(tries=tries, sleep=lambda seconds: None)
        return Cloud(keys, api.REGION, self.declaration.endpoint, record=self._record, again=again)

    def context(self, tries: int = 1) -> Context:
        return Context(
            self.declaration, _PACKAGES, self.cloud(tries), self.facts, progress=self.said.append, poll_s=0.005
        )

    def change(self, **changes: Any) -> None:
        self.declaration = replace(self.declaration, **changes)

    def plan(self, kind: Callable[[Context], Kind], tries: int = 1) -> list[Step]:
        made = kind(self.context(tries))
        return [step for each in made.resources() if (step := made.compare(each))]

    def apply(self, kind: Callable[[Context], Kind], tries: int = 1) -> list[Step]:
        """Plan and apply; the steps there were."""
        steps = self.plan(kind, tries)
        for step in steps:
            kind(self.context(tries)).apply(step)
        return steps

    def orphans(self, kind: Callable[[Context], Kind]) -> list[Resource]:
        return kind(self.context()).orphans()

    def destroy(self, kind: Callable[[Context], Kind], tries: int = 1) -> None:
        """As the engine does it: what is there, and what is ours besides."""
        made = kind(self.context(tries))
        there = [each for each in made.resources() if (step := made.compare(each)) is None or step.action != "create"]
        for resource in reversed([*there, *made.orphans()]):
            made.delete(resource)

    def _record(self, service: str, action: str, params: dict[str, Any]) -> None:
        self.requests.append((service, action, params))
        if self.record:
            self.record(service, action, params)


@contextmanager
def deployed_to(folder: Path, kube: Kube | None = None) -> Iterator[Stage]:
    """Empty stand-ins; their account is the declaration's."""
    documents, broker, loop = Documents(None), Broker(), LoopThread()
    account = Account(documents, api.OWNER, app_id=api.APP_ID, uin=api.UIN)
    store = Store(folder / "cos")
    listener = loop.run(serve(create_app(store, account, lambda event: None, api.REGION), http="h11"))
    services: list[Service] = [
        Ssm(documents, account, api.REGION),
        Cls(documents, account, api.REGION, LogStore(None)),
        Ckafka(documents, account, api.REGION, [Instance("ckafka-1", "127.0.0.1:1", broker)], delete_after_s=0),
        Tke(documents, account, api.REGION, {"cls-1": _access(kube)}),
    ]
    try:
        with api.serving(*services, documents=documents, account=account) as running:
            endpoint = d.Endpoint("http", running.endpoint, f"127.0.0.1:{listener.port}/{{bucket}}")
            yield Stage(running, store, broker, replace(declaration(folder), endpoint=endpoint))
    finally:
        loop.run(listener.close())
        loop.close()
        store.close()
        documents.close()


def declaration(folder: Path) -> d.Declaration:
    """Two functions, of which one goes into the cluster, and one of everything that they need."""
    shared = d.Permission(("name/cos:GetObject",), (f"qcs::cos:{api.REGION}:uid/{api.APP_ID}:{CODE}/in/*",))
    cluster = d.Permission(("tke:DescribeClusterKubeconfig",), (f"qcs::tke:{api.REGION}:uin/{api.UIN}:cluster/cls-1",))
    web = d.Function(
        name="web", description="Answers", handler="index.main_handler", path="web", memory_mb=256, timeout_s=30,
        layers=(), secrets=("shared",), environment={}, permissions=(shared,), concurrency=None, http=None, cos=(),
        ckafka=(), timers=(), asynchronous=None,
    )  # fmt: skip
    cors = d.Cors(("*",), ("GET", "PUT"), ("*",), ("ETag",), 3600)
    return d.Declaration(
        service="shop", stage="test", region=api.REGION, runtime="Python3.10", project=folder,
        provider=d.Provider(256, 30, None, {}, "SHOP_SECRETS"), account=d.Account(api.APP_ID, api.UIN),
        endpoint=d.Endpoint("http", "", ""), kafka=d.Kafka("ckafka-1", "127.0.0.1:1", "", 1),
        cluster=d.Cluster("cls-1", "shop", False, d.Quota(10, "20", "40Gi"), None), image="shop:1", layers={},
        functions={"web": web, "work": replace(web, name="work", permissions=(shared, cluster))},
        buckets={
            "code": d.Bucket("code", CODE, (d.LifecycleRule("in/", 7), d.LifecycleRule("packages/", 1)), (cors,)),
            "logs": d.Bucket("logs", LOGS, (), ()),
        },
        topics={"orders": d.Topic("orders", 2, 72)},
        secrets={"shared": d.Secret("shared", ("SHOP_DATABASE_URL", "SHOP_KEYS"))},
        roles={"pods": d.Role("pods", "Signs URLs", 43200, (shared,))}, logs=d.Logs(30), migrations=None,
        packages=d.Packages("code", "packages/"), secret_values=SECRETS, environ=SECRETS,
    )  # fmt: skip


def refusal(work: Callable[[], object]) -> str:
    """The code that a call is refused with."""
    try:
        work()
    except CloudError as error:
        return error.code
    raise AssertionError("it was not refused")


def names(resources: Sequence[Resource]) -> list[str]:
    return [resource.name for resource in resources]


_PACKAGES = {"function/web": Package("web", "function", Path("web.zip"), "0" * 64, 1, 1)}


def _access(kube: Kube | None) -> ClusterAccess:
    if kube is None:
        return ClusterAccess("https://127.0.0.1:1", lambda: "", lambda user: "")
    return ClusterAccess(kube.url, kube.kubeconfig.read_text, lambda user: kube.kubeconfig_of(user).read_text())
