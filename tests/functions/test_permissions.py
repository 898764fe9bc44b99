"""What serverless.yml and the cluster's manifests let each function do is what it does: nothing refused or unused.

Every way through a function is taken once under a role of just its permissions, and what CAM and RBAC were asked is
compared with them.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import requests
import yaml

from patchmill import keys, wire
from patchmill.task import Limits, NewTask, Outcome, Status
from tests.support.api import APP_ID, REGION, UIN, trust
from tests.support.cloud import CLUSTER, PODS_ROLE
from tests.support.decisions import Asked
from tests.support.samples import API_KEY, TASK_ID, load_event
from tests.support.world import World, ckafka_event, cos_event, load_index

ROOT = Path(__file__).resolve().parents[2]
OTHER, THIRD = TASK_ID[:-1] + "B", TASK_ID[:-1] + "C"
Statements = list[tuple[list[str], list[str]]]


class Actor:
    """One function under a role of its own with its declared permissions."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.role = f"{world.services.code.name}-{name}"
        declared = yaml.safe_load((ROOT / "serverless.yml").read_text())["functions"][name]
        references = world.env["PATCHMILL_SECRETS"].split(",")
        secrets = [each for each in references if each.split("#")[0].rpartition("-")[2] in declared["secrets"]]
        self.statements, self.rules = _permissions(declared, secrets), _rules(name)
        role_id = world.stand.add_role(self.role, self.statements, trust(service="scf.qcloud.com"))
        world.stand.bind(role_id, self.rules, self.role)
        self._account, self._door = len(world.stand.account.asked), len(world.stand.door.asked)
        self.scratch = world.stand.scratch / self.role
        self.scratch.mkdir()
        self.environ = {**world.stand.keys(self.role), "PATCHMILL_SECRETS": ",".join(secrets)}
        self.index = world.function(name, self.scratch, **self.environ)

    def restart(self, **changes: str) -> None:
        self.world.restart(self.index, self.scratch, **self.environ, **changes)

    def handle(self, event: dict[str, Any]) -> Any:
        return self.index.main_handler(event, {})

    def http(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        headers = {"authorization": f"Bearer {API_KEY}"}
        answer: dict[str, Any] = self.handle({"httpMethod": method, "path": path, "headers": headers, "body": body})
        return answer

    def check(self) -> None:
        """Nothing was refused, and each action on each resource, each verb on each kind was needed."""
        cam = [asked for asked in self.world.stand.account.asked[self._account :] if asked.who == self.role]
        users = self._users()
        rbac = [asked for asked in self.world.stand.door.asked[self._door :] if asked.who in users]
        assert not [asked for asked in (*cam, *rbac) if not asked.allowed]
        assert _unused(self.statements, cam) == []
        granted = {
            (v, f"{g}/{r}")
            for rule in self.rules
            for g in rule["apiGroups"]
            for r in rule["resources"]
            for v in rule["verbs"]
        }
        assert granted - {(asked.action, asked.resource) for asked in rbac} == set()

    def _users(self) -> set[str]:
        role = self.world.stand.api.call("cam", "GetRole", RoleName=self.role)["RoleInfo"]
        names = self.world.stand.api.call(
            "tke", "DescribeClusterCommonNames", ClusterId=CLUSTER, RoleIds=[str(role["RoleId"])]
        )
        return {found["CN"] for found in names["CommonNames"]}


def _permissions(function: dict[str, Any], secrets: list[str]) -> Statements:
    declared = [(each["actions"], [_resource(r) for r in each["resources"]]) for each in function["permissions"]]
    names = [reference.split("#")[0] for reference in secrets]
    reading = [f"qcs::ssm:{REGION}:uin/{UIN}:secret/creatorUin/*/{name}" for name in names]
    return [*declared, (["ssm:GetSecretValue"], reading)]


def _resource(short: str) -> str:
    kind, _, rest = short.partition(":")
    if kind == "cos":
        bucket, _, key = rest.partition("/")
        return f"qcs::cos:{REGION}:uid/{APP_ID}:{bucket}-*/{key}"
    return {
        "role": f"qcs::cam::uin/{UIN}:roleName/{PODS_ROLE}",
        "cluster": f"qcs::tke:{REGION}:uin/{UIN}:cluster/{CLUSTER}",
    }[kind]


def _rules(name: str) -> list[dict[str, Any]]:
    text = re.sub(r"\$\{(\w+):?(\w*)\}", r"\1-\2", (ROOT / "deployer/cluster/access.yml").read_text())
    roles = [obj for obj in yaml.safe_load_all(text) if obj["kind"] == "Role"]
    [role] = [obj for obj in roles if obj["metadata"]["name"].endswith(f"-{name}")]
    rules: list[dict[str, Any]] = role["rules"]
    return rules


def _unused(statements: Statements, asked: list[Asked]) -> list[tuple[str, str]]:
    pairs = [
        (action.removeprefix("name/"), on)
        for actions, resources in statements
        for action in actions
        for on in resources
    ]
    return [
        (action, on)
        for action, on in pairs
        if not any(one.action == action and fnmatchcase(one.resource, on) for one in asked)
    ]


def drop(world: World, task_id: str, name: str, **changes: Any) -> None:
    """A queued task that came as a dropped ZIP: its results are copied."""
    source = {"kind": "drop", "key": f"drops/acme/{name}.zip"}
    new = NewTask(task_id, "acme", "command", None, "tidy", source, Limits(60, 10), drop=name, **changes)
    world.services.tasks.create(new)


def message(task_id: str) -> dict[str, Any]:
    return ckafka_event(wire.dump(wire.task_message(task_id, 1, "acme", {"kind": "drop"}, "command", "now")))


def dispatched(world: World, *task_ids: str) -> None:
    dispatch = load_index("dispatch")
    dispatch.instance = world.instance  # type: ignore[attr-defined]
    for task_id in task_ids:
        dispatch.main_handler(message(task_id), {})


def put_drop(world: World, name: str) -> None:
    world.services.code.put(f"drops/acme/{name}.zip", b"PK\x05\x06" + bytes(18), "application/zip")


def test_submit_is_let_do_what_it_does(world: World) -> None:
    submit = Actor(world, "submit")
    uploaded = submit.http("POST", "/v1/uploads")
    assert requests.put(uploaded["headers"]["location"], data=b"PK", timeout=10).status_code == 200
    source = {"upload_id": json.loads(uploaded["body"])["upload_id"]}
    body = {"prompt": "p", "agent": "command", "source": source}
    assert submit.http("POST", "/v1/tasks", json.dumps(body))["statusCode"] == 202
    put_drop(world, "one")
    submit.handle(cos_event(world.services.code.name, "drops/acme/one.zip"))

    drop(world, TASK_ID, "two")
    dispatched(world, TASK_ID)
    world.pod(TASK_ID, log={"agent": "hello"}, phase="Running")
    assert submit.http("GET", f"/v1/tasks/{TASK_ID}/logs")["body"] == "hello\n"
    assert submit.http("POST", f"/v1/tasks/{TASK_ID}/cancel")["statusCode"] == 200
    assert submit.http("GET", f"/v1/tasks/{TASK_ID}/logs")["body"] == "hello\n"
    saved = submit.http("GET", f"/v1/tasks/{TASK_ID}/artifacts/agent.log")["headers"]["location"]
    assert requests.get(saved, timeout=10).text == "hello\n"

    drop(world, OTHER, "three")
    world.deliver(OTHER)
    artifact = {"name": "agent.log", "size": 8, "sha256": "a" * 64, "md5": "b" * 32}
    world.services.tasks.claim(OTHER, 1, 60, 60)
    world.services.tasks.finish(OTHER, 1, Outcome(Status.COMPLETED, result={"artifacts": [artifact]}))
    delivered = submit.http("GET", f"/v1/tasks/{OTHER}/artifacts/agent.log")["headers"]["location"]
    assert requests.get(delivered, timeout=10).status_code == 200
    submit.check()


def test_dispatch_is_let_do_what_it_does(world: World) -> None:
    dispatch = Actor(world, "dispatch")
    drop(world, TASK_ID, "one")
    put_drop(world, "one")
    dispatch.handle(message(TASK_ID))
    world.rows("UPDATE attempts SET job_uid = NULL")
    dispatch.handle(message(TASK_ID))
    assert len(world.jobs()) == 1
    drop(world, OTHER, "two")
    dispatch.restart(PATCHMILL_AGENT_CPU="a lot")  # which the cluster refuses
    dispatch.handle(message(OTHER))
    task = world.services.tasks.get(OTHER)
    assert task is not None and task.status is Status.FAILED
    dispatch.check()


def test_collect_is_let_do_what_it_does(world: World) -> None:
    collect = Actor(world, "collect")
    for task_id, name in ((TASK_ID, "one"), (OTHER, "two"), (THIRD, "three")):
        drop(world, task_id, name)
    dispatched(world, TASK_ID, OTHER, THIRD)
    world.deliver(TASK_ID)
    collect.handle(cos_event(world.services.logs.name, keys.phase(TASK_ID, 1, "RUNNING_AGENT")))
    collect.handle(cos_event(world.services.logs.name, keys.artifact(TASK_ID, 1, keys.MANIFEST)))
    assert settled(world, TASK_ID) == "COMPLETED"

    world.pod(OTHER, log={"agent": "hello"}, phase="Failed")
    world.end_job(OTHER)
    world.rows("UPDATE attempts SET job_uid = NULL WHERE task_id = %s", OTHER)  # dispatch died before it had noted it
    world.services.cluster.delete_job(keys.job_name(THIRD, 1))
    collect.handle(load_event("timer"))
    assert (settled(world, OTHER), settled(world, THIRD)) == ("FAILED", "FAILED")

    leave_a_secret(world)
    collect.handle(load_event("timer"))
    collect.check()


def settled(world: World, task_id: str) -> str:
    task = world.services.tasks.get(task_id)
    assert task is not None
    return task.status.value


def leave_a_secret(world: World) -> None:
    """What a dispatch leaves that dies before it has made the Job, of a task that has ended since."""
    name = keys.job_name(TASK_ID, 1)
    labels = {"app.kubernetes.io/name": "patchmill"}
    metadata = {"name": name, "namespace": "patchmill", "labels": labels}
    stand = world.stand
    stand.loop.call(lambda: stand.kube.delete("Secret", "patchmill", name))
    stand.loop.call(lambda: stand.kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}))
    world.rows("UPDATE tasks SET updated_at = updated_at - INTERVAL 1 MINUTE")
