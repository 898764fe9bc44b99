"""Other people's things in the account, made without the deployer: one of each kind that it manages.

`before` makes them beside a deployment, `inside` in the containers that the deployment made, `named` under the names
that it would use itself; `everything` is all that the account holds.
"""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import zipfile
from collections.abc import Mapping
from typing import Any

from deployer.cloud import Cloud
from emulator.kube.resources import KINDS
from emulator.platform import APP_ID, KAFKA_INSTANCE
from tests.support.cloudlet import VOLATILE, Cloudlet
from tests.support.deployed import owners_cloud, owners_cluster

TRUST = {
    "version": "2.0",
    "statement": [{"action": "name/sts:AssumeRole", "effect": "allow", "principal": {"service": ["scf.qcloud.com"]}}],
}
POLICY = {"version": "2.0", "statement": [{"effect": "allow", "action": ["cos:GetObject"], "resource": ["*"]}]}
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": []}


def before(account: Cloudlet) -> None:
    """Names that begin like ours are among them."""
    cloud, cluster = owners_cloud(account), owners_cluster(account)
    cloud.call("scf", "CreateNamespace", Namespace="small-local-2", Description="of another team")
    for namespace in ("default", "small-local-2"):
        function(cloud, namespace, "web")
    layer(cloud, "small-local-theirs")
    bucket(cloud, f"small-theirs-{APP_ID}")
    role(cloud, "small-local-theirs")
    policy(cloud, "small-local-their-policy")
    topic(cloud, "their-jobs")
    secret(cloud, "small-local-theirs")
    logset = cloud.call("cls", "CreateLogset", LogsetName="small-local-theirs")["LogsetId"]
    cloud.call("cls", "CreateTopic", LogsetId=logset, TopicName="functions", Period=3)
    cluster.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "theirs"}})
    cluster.create(f"{RBAC}/namespaces/theirs/roles", {**ROLE, "metadata": {"name": "small-local-worker"}})
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "small-local"}}
    cluster.create("/apis/scheduling.k8s.io/v1/priorityclasses", {**priority, "value": 7})


def inside(account: Cloudlet) -> None:
    """A function in our namespace, a topic in our log set, and a role in our namespace of the cluster."""
    cloud, cluster = owners_cloud(account), owners_cluster(account)
    function(cloud, "small-local", "theirs")
    (logset,) = (
        each for each in cloud.call("cls", "DescribeLogsets")["Logsets"] if each["LogsetName"] == "small-local"
    )
    cloud.call("cls", "CreateTopic", LogsetId=logset["LogsetId"], TopicName="theirs", Period=3)
    cluster.create(f"{RBAC}/namespaces/small/roles", {**ROLE, "metadata": {"name": "theirs"}})


def not_inside(account: Cloudlet) -> None:
    """They take away what `inside` made."""
    cloud = owners_cloud(account)
    cloud.call("scf", "DeleteFunction", Namespace="small-local", FunctionName="theirs")
    (found,) = (each for each in cloud.call("cls", "DescribeTopics")["Topics"] if each["TopicName"] == "theirs")
    cloud.call("cls", "DeleteTopic", TopicId=found["TopicId"])
    owners_cluster(account).delete(f"{RBAC}/namespaces/small/roles/theirs")


def named(account: Cloudlet) -> list[str]:
    """One of each kind under the name that a deployment of the small project needs; what these are called."""
    cloud, cluster = owners_cloud(account), owners_cluster(account)
    bucket(cloud, f"small-data-{APP_ID}")
    topic(cloud, "jobs")
    cloud.call("cls", "CreateLogset", LogsetName="small-local")
    secret(cloud, "small-local-words")
    role(cloud, "small-local-web")
    policy(cloud, "small-local-worker")
    layer(cloud, "small-local-shared")
    cloud.call("scf", "CreateNamespace", Namespace="small-local", Description="of another team")
    function(cloud, "small-local", "web")
    cluster.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "small"}})
    cluster.create(f"{RBAC}/namespaces/small/roles", {**ROLE, "metadata": {"name": "small-local-worker"}})
    return [
        f"bucket small-data-{APP_ID}", "topic jobs", "log set small-local", "secret small-local-words",
        "role small-local-web", "policy small-local-worker", "layer small-local-shared", "namespace small-local",
        "function web", "Namespace small", "Role small-local-worker",
    ]  # fmt: skip


def function(cloud: Cloud, namespace: str, name: str) -> None:
    code = {"ZipFile": package("index.py", "def main_handler(event, context):\n    return 'theirs'\n")}
    cloud.call(
        "scf", "CreateFunction", Namespace=namespace, FunctionName=name, Code=code, Handler="index.main_handler",
        Runtime="Python3.10", MemorySize=128, Timeout=3,
    )  # fmt: skip


def layer(cloud: Cloud, name: str) -> None:
    content = {"ZipFile": package("theirs.py", "WORD = 1\n")}
    cloud.call("scf", "PublishLayerVersion", LayerName=name, CompatibleRuntimes=["Python3.10"], Content=content)


def bucket(cloud: Cloud, name: str) -> None:
    cloud.cos(name).call("create_bucket")
    cloud.cos(name).put_object(Key="theirs.txt", Body=b"theirs")


def role(cloud: Cloud, name: str) -> None:
    cloud.call("cam", "CreateRole", RoleName=name, PolicyDocument=json.dumps(TRUST))


def policy(cloud: Cloud, name: str) -> None:
    cloud.call("cam", "CreatePolicy", PolicyName=name, PolicyDocument=json.dumps(POLICY))


def topic(cloud: Cloud, name: str) -> None:
    cloud.call("ckafka", "CreateTopic", InstanceId=KAFKA_INSTANCE, TopicName=name, PartitionNum=1, ReplicaNum=1)


def secret(cloud: Cloud, name: str) -> None:
    cloud.call("ssm", "CreateSecret", SecretName=name, VersionId="v1", SecretString="theirs")


def package(name: str, text: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as entries:
        entries.writestr(name, text)
    return base64.b64encode(archive.getvalue()).decode()


def everything(account: Cloudlet) -> dict[str, str]:
    """Whole, by kind and name. Numbers that are used up and keys of sessions are left out."""
    found: dict[str, str] = account.on_loop(lambda: _everything(account))
    return found


def changed(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of what is gone or different."""
    return sorted(name for name, text in was.items() if now.get(name) != text)


def _everything(account: Cloudlet) -> dict[str, str]:
    found: dict[str, str] = {}
    database = sqlite3.connect(account.folder / "platform.sqlite")
    for kind, key, body in database.execute("SELECT kind, key, body FROM documents"):
        if "counter" not in kind and kind not in {*VOLATILE, "tke-common-name"}:
            found[f"{kind} {key}"] = body
    database.close()
    for kind in KINDS:
        for each in account.cluster.store.list(kind):
            meta: dict[str, Any] = each["metadata"]
            found[f"{kind} {meta.get('namespace', '')}/{meta['name']}"] = json.dumps(each)
    found |= {f"bucket {name}": "" for name, _ in account.store.buckets()}
    found |= {f"object {name}": "" for name in account.content_of_buckets()}
    found |= {f"broker {name}": str(count) for name, count in account.topics.partitions.items()}
    return found
