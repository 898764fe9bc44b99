"""The whole platform in this process, empty, and a small project to deploy to it: by the real CLI and SDKs, over HTTP.

API with CAM, STS, SSM, TKE, CKafka, CLS and SCF; COS; a Kubernetes API. The functions that are deployed really run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from deployer.cli import app
from deployer.cloud import Cloud
from deployer.context import Context
from deployer.declaration import load
from deployer.packaging import build_for, find_python
from deployer.retry import Again
from emulator.account import Account
from emulator.api.action import Service
from emulator.api.ckafka import Ckafka
from emulator.api.ckafkatopic import Instance
from emulator.api.cls import Cls
from emulator.api.faults import Faults
from emulator.api.logstore import LogStore
from emulator.api.server import Hooks, create_app
from emulator.api.ssm import Ssm
from emulator.api.tke import ClusterAccess, Tke
from emulator.cos.server import create_app as cos_app
from emulator.cos.store import Store
from emulator.documents import Documents
from emulator.listen import LoopThread, serve
from emulator.scf import Scf, ScfSettings
from tests.support import api, kube_api
from tests.support.deployer_stage import Broker
from tests.support.scf import PROJECT
from tests.support.scf_surroundings import Ports

HANDLER = """
import shared

def main_handler(event, context):
    print("event", event.get("do", "nothing"))
    if event.get("do") == "migrate":
        return {"applied": ["0001_first"]}
    if event.get("do") == "fail":
        raise ValueError("as you wish")
    return {"statusCode": 200, "headers": {}, "body": shared.WORDS + " VERSION"}
"""
DECLARATION = """
service: shop
frameworkVersion: '4'
provider:
  name: tencent
  runtime: Python3.10
  stage: ${opt:stage, 'test'}
  region: ${self:custom.stage.region}
  secretsVariable: SHOP_SECRETS
  environment: {SHOP_COLOUR: red}
custom:
  stage: ${file(stages/${self:provider.stage}.yml)}
layers:
  shared: {path: layers/shared, description: What they share}
functions:
  web:
    path: functions/web
    handler: index.main_handler
    layers: [shared]
    secrets: [main]
    permissions:
      - {actions: ['name/cos:GetObject'], resources: ['cos:code/in/*']}
      - {actions: ['tke:DescribeClusterKubeconfig'], resources: [cluster]}
    events:
      - http: {authType: NONE}
      - cos:
          bucket: ${self:resources.buckets.code.name}
          events: cos:ObjectCreated:*
          filter: {prefix: in/, suffix: .zip}
  work:
    path: functions/worker
    handler: index.main_handler
    layers: [shared]
    permissions:
      - {actions: ['name/cos:GetObject'], resources: ['cos:code/out/*']}
    events:
      - timer: {name: nightly, cronExpression: '0 0 3 * * * *'}
resources:
  migrations: {function: work, event: {do: migrate}, path: migrations}
  packages: {bucket: code, prefix: packages/}
  buckets:
    code:
      name: shop-code-${self:custom.stage.account.appId}
      lifecycle: [{prefix: packages/, days: 1}]
  topics:
    orders: {partitions: 1, retentionHours: 24}
  secrets:
    main: [SHOP_KEY]
  roles: {}
  logs: {retentionDays: 7}
  cluster: {manifests: cluster}
"""
STAGE = """
envFile: test.env
region: ap-guangzhou
account: {appId: '1250000000', uin: '100000000001'}
endpoint: {scheme: http, api: '${env:TEST_API}', cos: '${env:TEST_COS}'}
vpc: {vpcId: vpc-1, subnetId: subnet-1}
kafka: {instanceId: ckafka-1, bootstrap: '127.0.0.1:1', replicas: 1}
cluster: {id: cls-1, namespace: shop, quota: {pods: 10, cpu: '10', memory: 10Gi}}
image: shop:1
"""


ACCESS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: "${name}-web"}
rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: "${name}-web"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: "${name}-web"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: "${user:web}"}]
"""


@dataclass
class Platform:
    """`hooks`, `faults` and `recorded` are those of the API's server; `project` is the folder to deploy."""

    project: Path
    documents: Documents
    store: Store
    kube: kube_api.Api
    broker: Broker
    faults: Faults
    hooks: Hooks
    recorded: list[Any]

    def run(self, *arguments: str) -> Result:
        """The command, with --stage and --project."""
        command, *rest = arguments
        return CliRunner().invoke(app, [command, "--stage", "test", "--project", str(self.project), *rest])

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output + done.stderr
        return json.loads(done.stdout)

    def context(self) -> Context:
        """For the engine; calls are repeated without pauses."""
        declaration = load(self.project, "test", {"PATH": os.environ["PATH"]})
        cloud = Cloud.of(declaration)
        cloud._again = Again(tries=12, pause_s=0.001)
        return Context(declaration, build_for(declaration, declaration.environ), cloud, poll_s=0.02)

    def changes(self) -> list[str]:
        """Actions since the last look that are no reads."""
        actions = [each.action for each in self.recorded if not each.action.startswith(("List", "Get", "Describe"))]
        self.recorded.clear()
        return actions

    def write(self, name: str, text: str) -> None:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.project / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))


@contextmanager
def platform(
    folder: Path, activation_s: float = 0.0, kafka: str = "ckafka-1", cluster: str = "cls-1"
) -> Iterator[Platform]:
    """Started empty; stopped at the end. `kafka` and `cluster` are the ids that it knows."""
    documents, broker, loop, logs = Documents(None), Broker(), LoopThread(), LogStore(None)
    account = Account(documents, api.OWNER, app_id=api.APP_ID, uin=api.UIN)
    store, ports = Store(folder / "cos"), Ports(folder / "ports.json")
    scf = _scf(folder, documents, account, kafka, ports, store, logs, activation_s)
    (folder / "kube").mkdir()
    with kube_api.running(folder / "kube") as kube:
        access = ClusterAccess(kube.url, kube.kubeconfig.read_text, lambda user: kube.kubeconfig_of(user).read_text())
        services: list[Service] = [
            Ssm(documents, account, api.REGION),
            Cls(documents, account, api.REGION, logs),
            Ckafka(documents, account, api.REGION, [Instance(kafka, "127.0.0.1:1", broker)], delete_after_s=0),
            Tke(documents, account, api.REGION, {cluster: access}),
            scf.service,
        ]
        recorded: list[Any] = []
        faults, hooks = Faults(), Hooks(record=recorded.append)
        server = create_app([*api.identity(documents, account), *services], account, api.REGION, faults, hooks)
        listeners = [
            loop.run(serve(server)),
            loop.run(serve(cos_app(store, account, lambda event: None, api.REGION), http="h11")),
        ]
        loop.run(scf.start())
        try:
            _make_project(folder / "project", *(each.port for each in listeners))
            yield Platform(folder / "project", documents, store, kube, broker, faults, hooks, recorded)
        finally:
            loop.run(scf.stop())
            loop.run(ports.stop())
            for each in listeners:
                loop.run(each.close())
            loop.close()
            store.close()
            documents.close()


def _scf(
    folder: Path,
    documents: Documents,
    account: Account,
    kafka: str,
    ports: Ports,
    store: Store,
    logs: LogStore,
    activation_s: float,
) -> Scf:
    (folder / "services").mkdir()
    return Scf(
        documents=documents,
        root=folder / "scf",
        python=find_python(PROJECT) or Path(sys.executable),
        account=account,
        kafka={kafka: "127.0.0.1:1"},
        sockets=folder / "services",
        settings=ScfSettings(activation_s=activation_s, control_groups=False),
        region=api.REGION,
        app_id=api.APP_ID,
        uin=api.UIN,
        urls=ports,
        read_object=store.path,
        log_sink=logs.put,
    )


def _make_project(project: Path, api_port: int, cos_port: int) -> None:
    files = {
        "serverless.yml": DECLARATION,
        "stages/test.yml": STAGE,
        "functions/web/index.py": HANDLER,
        "functions/worker/index.py": HANDLER,
        "layers/shared/shared.py": "WORDS = 'hello'\n",
        "migrations/0001_first.sql": "",
        "cluster/access.yml": ACCESS,
        "test.env": (
            f"TEST_API=127.0.0.1:{api_port}\nTEST_COS=127.0.0.1:{cos_port}/{{bucket}}\nSHOP_KEY=hunter2\n"
            f"TENCENTCLOUD_SECRET_ID={api.OWNER.secret_id}\nTENCENTCLOUD_SECRET_KEY={api.OWNER.secret_key}\n"
        ),
    }
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (project / "test.env").chmod(0o600)
    for name in ("namespace.yml", "limits.yml"):
        shutil.copy(PROJECT / "deployer" / "cluster" / name, project / "cluster" / name)
