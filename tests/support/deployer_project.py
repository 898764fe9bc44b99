"""A small project to deploy: two functions, two layers, all four triggers; its declaration, packages and Context."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deployer.context import Context
from deployer.declaration import Declaration
from deployer.declaration import model as d
from deployer.kinds.function import FunctionKind
from deployer.kinds.layer import LayerKind
from deployer.kinds.migrations import MigrationsKind
from deployer.kinds.namespace import NamespaceKind
from deployer.kinds.release import ReleaseKind
from deployer.kinds.trigger import TriggerKind
from deployer.kinds.versions import VersionsKind
from deployer.model import Kind, Resource, Step
from deployer.packaging import Package
from tests.support.deployer_cloud import MemoryCloud

BUCKET = "shop-code-1250000000"


def scf_kinds(context: Context) -> Sequence[Kind]:
    """Those that only need SCF."""
    return [
        GivenKind(context),
        NamespaceKind(context),
        LayerKind(context),
        FunctionKind(context),
        MigrationsKind(context),
        ReleaseKind(context),
        TriggerKind(context),
        VersionsKind(context),
    ]


class GivenKind:
    """What other kinds would have found: the secret's version."""

    kind = "given"

    def __init__(self, context: Context) -> None:
        self._context = context

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, "secret", None)]

    def compare(self, resource: Resource) -> Step | None:
        self._context.facts.known["secret/shared.version"] = "v1"
        return None

    def orphans(self) -> list[Resource]:
        return []

    def apply(self, step: Step) -> None:
        """Never wanted."""

    def delete(self, resource: Resource) -> None:
        """Nothing is there."""


class Project:
    """`files` are the sources by package; change them and ask for a new context."""

    def __init__(self, folder: Path, cloud: MemoryCloud) -> None:
        self.folder, self.cloud = folder, cloud
        self.said: list[str] = []
        self.files = {
            "function/web": "web 1",
            "function/work": "work 1",
            "layer/vendor": "vendor 1",
            "layer/core": "core 1",
        }
        self.inline_bytes = 5_000_000
        (folder / "migrations").mkdir()
        (folder / "migrations" / "0001_first.sql").write_text("")
        self.declaration = self._declaration()

    def context(self, traffic: int = 100) -> Context:
        return Context(
            self.declaration,
            self.packages(),
            self.cloud,
            progress=self.said.append,
            poll_s=0.001,
            traffic=traffic,
            inline_bytes=self.inline_bytes,
        )

    def packages(self) -> dict[str, Package]:
        return {name: self._package(name, text) for name, text in self.files.items()}

    def function(self, name: str, **changes: object) -> None:
        """Change a declared function."""
        changed = replace(self.declaration.functions[name], **changes)  # type: ignore[arg-type]
        self.declaration = replace(self.declaration, functions={**self.declaration.functions, name: changed})

    def without(self, name: str) -> None:
        """Take a function out of the declaration."""
        left = {key: each for key, each in self.declaration.functions.items() if key != name}
        self.declaration = replace(self.declaration, functions=left)
        del self.files[f"function/{name}"]

    def _package(self, name: str, text: str) -> Package:
        kind, _, key = name.partition("/")
        path = self.folder / f"{kind}-{key}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("index.py", text)
        size = path.stat().st_size
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Package(key, "layer" if kind == "layer" else "function", path, digest, size, size)

    def _declaration(self) -> Declaration:
        function = d.Function(
            name="web", description="Answers", handler="index.main_handler", path="web", memory_mb=256, timeout_s=30,
            layers=("vendor", "core"), secrets=("shared",), environment={"COLOUR": "red"}, permissions=(),
            concurrency=None, http=d.Http("NONE", True, True, None),
            cos=(d.CosRule(BUCKET, ("cos:ObjectCreated:*",), "in/", ".zip"),),
            ckafka=(), timers=(), asynchronous=None,
        )  # fmt: skip
        worker = replace(
            function, name="work", path="work", layers=("core",), http=None, cos=(), secrets=(),
            ckafka=(d.Ckafka("orders", 50, 1, 10, "earliest", "shop"),),
            timers=(d.Timer("sweep", "0 * * * * * *", ""),),
        )  # fmt: skip
        return Declaration(
            service="shop", stage="test", region="ap-guangzhou", runtime="Python3.10", project=self.folder,
            provider=d.Provider(256, 30, d.Vpc("vpc-1", "subnet-1"), {}, "SHOP_SECRETS"),
            account=d.Account("1250000000", "100000000001"), endpoint=d.Endpoint("http", "", ""),
            kafka=d.Kafka("ckafka-1", "127.0.0.1:9092", "", 1),
            cluster=d.Cluster("cls-1", "shop", False, None, None), image="shop:1",
            layers={"vendor": d.Layer("vendor", "vendor", "Others' code"), "core": d.Layer("core", "core", "")},
            functions={"web": function, "work": worker}, buckets={"code": d.Bucket("code", BUCKET, (), ())}, topics={},
            secrets={}, roles={}, logs=None,
            migrations=d.Migrations("work", {"do": "migrate"}, self.folder / "migrations"),
            packages=d.Packages("code", "packages/"), secret_values={}, environ={},
        )  # fmt: skip
