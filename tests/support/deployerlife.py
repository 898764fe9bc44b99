"""A stage's whole life: every command of the deployer on the real serverless.yml, with every kind of change in between.

Declaration, stage `local` and the cluster's manifests are the repository's own; the packages hold other code, little
but for one layer, which is so large that it goes through a bucket. What others do to the stage meanwhile (switch a
secret off, widen a role) is in it too, since the deployer has calls that only mend.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.cloud import Cloud
from emulator.platform import APP_ID, CLUSTER
from tests.support.deployed import Deployed, deployed, owners_cloud, owners_cluster

FOLDERS = (
    "stages",
    "deployer/cluster",
    "deployer/observability",
    "layers/console",
    "layers/core/patchmill/migrations",
)
REPOSITORY = Path(__file__).resolve().parents[2]
STAGE = "patchmill-local"
CODE_BUCKET, LOGS_BUCKET = f"pm-local-code-{APP_ID}", f"pm-local-logs-{APP_ID}"
LARGE = 5_200_000
"""Bytes that no zip makes smaller; what is larger than 5 MB does not travel in a request."""
SECRETS = {
    "PATCHMILL_MYSQL_URL": "mysql://patchmill:first-password@10.0.0.5:3306/patchmill",
    "PATCHMILL_REDIS_URL": "redis://:second-password@10.0.0.6:6379/0",
    "PATCHMILL_KAFKA_PASSWORD": "third-password",
    "PATCHMILL_OTLP_HEADERS": "seventh-password",
    "PATCHMILL_API_KEYS": '[{"sha256": "fourth-password", "tenant": "team"}]',
    "PATCHMILL_MODEL_API_KEY": "fifth-password",
}
HANDLER = """
def main_handler(event, context):
    print("called")
    return {"applied": []} if event == {"patchmill": "migrate"} else None
"""
SWEEP = """      - timer:
          name: sweep
          cronExpression: ${env:PATCHMILL_SWEEP_CRON, '0 * * * * * *'}
"""
CODE_CORS = """      cors:
        - {origins: ['*'], methods: [GET, HEAD, PUT], headers: ['*'], exposeHeaders: [ETag], maxAge: 3600}
"""
LOGS_CORS = """      cors:
        - {origins: ['*'], methods: [GET, HEAD], headers: ['*'], exposeHeaders: [ETag, Content-Range], maxAge: 3600}
"""
SUBMIT_LAYERS = """    handler: index.main_handler
    layers: [vendor, core, console]
    secrets: [shared, keys]
"""


@dataclass(frozen=True)
class Step:
    """Something that happens to the stage, and then a command."""

    argv: tuple[str, ...]
    before: Callable[[Deployed], None] = lambda stage: None


def life() -> list[Step]:
    """In this order; the stage is gone at the end."""
    return [
        Step(("apply",)),
        Step(("status",)),
        Step(("outputs",)),
        Step(("invoke", "collect")),
        Step(("logs", "collect")),
        Step(("apply", "--traffic", "20"), _new_settings),
        Step(("rollback",)),
        Step(("apply",), _mischief),
        Step(("destroy",)),
        Step(("apply",), _a_deletion_is_scheduled),
        Step(("destroy", "--with-data"), _data),
    ]


@contextmanager
def newborn(folder: Path) -> Iterator[Deployed]:
    """An account without the stage, and the project."""
    secrets = {**SECRETS, "PATCHMILL_KAFKA_BOOTSTRAP": "127.0.0.1:9"}
    with deployed(_project(folder / "project"), **secrets) as stage:
        stage.environ["PATCHMILL_API_ENDPOINT"] = f"127.0.0.1:{stage.account.api_port}"
        stage.environ["PATCHMILL_COS_ENDPOINT"] = f"127.0.0.1:{stage.account.cos_port}/{{bucket}}"
        yield stage


def make_cluster_admin(stage: Deployed, uin: str) -> None:
    """What a person does in the TKE console for a sub-user: Obtain cluster admin role."""
    names = owners_cloud(stage.account).call(
        "tke", "DescribeClusterCommonNames", ClusterId=CLUSTER, SubaccountUins=[uin]
    )["CommonNames"]
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"admin-{uin}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": names[0]["CN"]}],
    }
    owners_cluster(stage.account).create(f"/apis/{group}/v1/clusterrolebindings", binding)


def _project(place: Path) -> Path:
    for name in FOLDERS:
        shutil.copytree(REPOSITORY / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "serverless.yml", place / "serverless.yml")
    for function in ("submit", "dispatch", "collect"):
        (place / "functions" / function).mkdir(parents=True)
        (place / "functions" / function / "index.py").write_text(HANDLER)
    (place / "layers" / "vendor").mkdir()
    (place / "layers" / "vendor" / "large.bin").write_bytes(random.Random(1).randbytes(LARGE))
    return place


def _new_settings(stage: Deployed) -> None:
    """Something of each kind is declared otherwise."""
    (stage.project / "functions" / "submit" / "index.py").write_text(HANDLER + "# another line\n")
    for old, new in (
        (SUBMIT_LAYERS, SUBMIT_LAYERS + "    concurrency: 2\n    asynchronous: {retries: 1, maxAge: 3600}\n"),
        (SWEEP, ""),
        (CODE_CORS, ""),
        (LOGS_CORS, ""),
        ("authType: NONE", "authType: CAM"),
        ("prefix: phases/, days: 1", "prefix: phases/, days: 2"),
        ("codex-tasks: {partitions: 3, retentionHours: 72}", "codex-tasks: {partitions: 4, retentionHours: 96}"),
        ("retentionDays: 30", "retentionDays: 60"),
        ("sessionHours: 12", "sessionHours: 11"),
        ("Signs the URLs of a task's pod", "Signs URLs"),
        ("'cos:logs/logs/*', 'cos:logs/phases/*'", "'cos:logs/logs/*'"),
    ):
        stage.edit("serverless.yml", old, new)
    stage.edit("deployer/observability/alarms.yml", "limit: 600", "limit: 700")
    stage.edit("deployer/observability/dashboard.yml", "title: Tasks that wait\n", "title: Waiting tasks\n")
    stage.environ["PATCHMILL_MODEL_API_KEY"] = "sixth-password"


def _mischief(stage: Deployed) -> None:
    """Others have changed what is ours, and a killed apply has left a version twice."""
    cloud = owners_cloud(stage.account)
    trust = cloud.call("cam", "GetRole", RoleName=f"{STAGE}-submit")["RoleInfo"]["PolicyDocument"]
    other = trust.replace("scf.qcloud.com", "cvm.qcloud.com")
    cloud.call("cam", "UpdateAssumeRolePolicy", RoleName=f"{STAGE}-submit", PolicyDocument=other)
    wide = {"version": "2.0", "statement": [{"effect": "allow", "action": ["cos:*"], "resource": ["*"]}]}
    policy = cloud.call("cam", "CreatePolicy", PolicyName="wide", PolicyDocument=json.dumps(wide))
    cloud.call("cam", "AttachRolePolicy", PolicyId=policy["PolicyId"], AttachRoleName=f"{STAGE}-submit")
    cloud.call("ssm", "DisableSecret", SecretName=f"{STAGE}-keys")
    for number in range(3, 11):
        cloud.call("ssm", "PutSecretValue", SecretName=f"{STAGE}-model", VersionId=f"v{number}", SecretString="{}")
    cloud.call("cls", "ModifyIndex", TopicId=_log_topic(cloud), Status=False)
    _published_twice(cloud)
    stage.edit("serverless.yml", "    concurrency: 2\n", "")


def _published_twice(cloud: Cloud) -> None:
    names = {"FunctionName": "dispatch", "Namespace": STAGE}
    listed = cloud.call("scf", "ListVersionByFunction", **names)["Versions"]
    (release,) = (each for each in listed if each["Version"] == "1")
    cloud.call("scf", "PublishVersion", **names, Description=release["Description"])


def _a_deletion_is_scheduled(stage: Deployed) -> None:
    cloud = owners_cloud(stage.account)
    cloud.call("ssm", "DisableSecret", SecretName=f"{STAGE}-keys")
    cloud.call("ssm", "DeleteSecret", SecretName=f"{STAGE}-keys", RecoveryWindowInDays=7)


def _data(stage: Deployed) -> None:
    """Objects, and uploads that were never completed."""
    for bucket in (CODE_BUCKET, LOGS_BUCKET):
        store = owners_cloud(stage.account).cos(bucket)
        store.put_object(Key="1/complete", Body=b"said")
        store.call("create_multipart_upload", Key="2/incomplete")


def _log_topic(cloud: Cloud) -> str:
    (found,) = cloud.call("cls", "DescribeTopics")["Topics"]
    topic: dict[str, Any] = found
    return str(topic["TopicId"])
