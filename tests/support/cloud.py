"""The platform that the functions' tests run on: API, COS and Kubernetes stand-ins over one account, in one loop.

The functions have a role with temporary keys, and may what `FUNCTIONS` and `RULES` say; the pods' role may what `PODS`
says. So every test also shows that nothing beyond that is needed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.api.action import ApiError
from emulator.api.faults import Faults
from emulator.api.server import Hooks, Recorded, create_app
from emulator.api.ssm import Ssm
from emulator.api.tke import ClusterAccess, Tke
from emulator.cos.server import create_app as cos_app
from emulator.cos.store import Store as CosStore
from emulator.documents import Documents
from emulator.kube.deletion import PlainDeleter
from emulator.kube.objects import Obj
from emulator.kube.server import create_app as kube_app
from emulator.kube.store import Store as KubeStore
from emulator.kube.tls import Authority, client_kubeconfig, kubeconfig
from emulator.listen import LoopThread, serve
from tests.support.api import APP_ID, OWNER, REGION, UIN, Api, identity, trust
from tests.support.decisions import Door, Judge

NAMESPACE, CLUSTER = "patchmill", "cls-local000"
FUNCTIONS_ROLE, PODS_ROLE = "patchmill-local-functions", "patchmill-local-pods"
ADMIN_TOKEN = "an-administrator-of-the-tests"

_COS = f"qcs::cos:{REGION}:uid/{APP_ID}"
_CODE, _LOGS = f"{_COS}:code-*", f"{_COS}:logs-*"
PODS = [
    (["name/cos:GetObject"], [f"{_CODE}/tmp_zips/*", f"{_CODE}/drops/*"]),
    (["name/cos:PutObject"], [f"{_CODE}/processed_code/*", f"{_LOGS}/logs/*", f"{_LOGS}/phases/*"]),
]
FUNCTIONS = [
    (["name/cos:*"], ["*"]),
    (["ssm:GetSecretValue"], ["*"]),
    (["sts:AssumeRole"], [f"qcs::cam::uin/{UIN}:roleName/{PODS_ROLE}"]),
    (["tke:DescribeClusterKubeconfig"], ["*"]),
]
RULES = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "delete"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "list", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]


@dataclass
class Stand:
    """Started once per session; each test has its own buckets and secrets, and leaves the namespace empty."""

    loop: LoopThread
    account: Judge
    door: Door
    api: Api
    cos: CosStore
    kube: KubeStore
    authority: Authority
    kube_url: str
    logs_root: Path
    scratch: Path
    clock: list[float]
    env: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def later(self, seconds: float) -> Iterator[None]:
        """The account's clock goes so much ahead: sessions end. Signatures are judged by the real time."""
        self.clock[0] += seconds
        try:
            yield
        finally:
            self.clock[0] -= seconds

    @contextmanager
    def refusing(self, action: str, code: str = "InternalError") -> Iterator[None]:
        """One action of the API is answered with an error."""

        def refuse(recorded: Recorded) -> None:
            if recorded.action == action:
                raise ApiError(code, "for the test")

        self.api.hooks.before, before = refuse, self.api.hooks.before
        try:
            yield
        finally:
            self.api.hooks.before = before

    def calls(self, action: str) -> int:
        """How often an action was asked for so far, with or without success."""
        return sum(recorded.action == action for recorded in self.api.recorded)

    def keys(self, role: str = FUNCTIONS_ROLE, seconds: float = 3600) -> dict[str, str]:
        """A role's temporary keys, by the names that the platform gives them to a function."""
        session = self.loop.call(lambda: self.api.account.session(role, seconds))
        credential = session.credential
        return {
            "TENCENTCLOUD_SECRETID": credential.secret_id,
            "TENCENTCLOUD_SECRETKEY": credential.secret_key,
            "TENCENTCLOUD_SESSIONTOKEN": credential.token or "",
        }

    def context(self, seconds: float = 3600, role: str = FUNCTIONS_ROLE) -> dict[str, Any]:
        """What a handler gets beside its event: here its keys are new ones."""
        return {"environment": json.dumps({"SCF_NAMESPACE": "patchmill-local", **self.keys(role, seconds)})}

    def add_secret(self, name: str, values: dict[str, str]) -> str:
        """Keep settings as a secret; returns the reference to it."""
        self.api.call("ssm", "CreateSecret", SecretName=name, VersionId="v1", SecretString=json.dumps(values))
        return f"{name}#v1"

    def add_role(self, name: str, statements: list[tuple[list[str], list[str]]], trusted: dict[str, Any]) -> str:
        """Returns the role's id."""
        role = self.api.call(
            "cam", "CreateRole", RoleName=name, PolicyDocument=json.dumps(trusted), SessionDuration=43200
        )
        listed = [{"effect": "allow", "action": actions, "resource": on} for actions, on in statements]
        policy = self.api.call(
            "cam",
            "CreatePolicy",
            PolicyName=name,
            PolicyDocument=json.dumps({"version": "2.0", "statement": listed}),
        )
        self.api.call("cam", "AttachRolePolicy", PolicyId=policy["PolicyId"], AttachRoleName=name)
        return str(role["RoleId"])

    def bind(self, role_id: str, rules: list[dict[str, Any]], name: str) -> None:
        """Let a role's identity in the cluster do what `rules` say."""
        names = self.api.call("tke", "DescribeClusterCommonNames", ClusterId=CLUSTER, RoleIds=[role_id])
        user = {"kind": "User", "apiGroup": _RBAC, "name": names["CommonNames"][0]["CN"]}
        metadata = {"name": name, "namespace": NAMESPACE}
        binding = {"roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name}, "subjects": [user]}
        for obj in ({"kind": "Role", "rules": rules}, {"kind": "RoleBinding", **binding}):
            made: Obj = {"apiVersion": f"{_RBAC}/v1", "metadata": metadata, **obj}
            self.loop.call(lambda made=made: self.kube.create(made))  # type: ignore[misc]

    def kubeconfig(self, token: str = ADMIN_TOKEN, server: str | None = None) -> str:
        """A kubeconfig with a token."""
        return kubeconfig(server or self.kube_url, self.authority.ca_pem(), token)


_RBAC = "rbac.authorization.k8s.io"


@contextmanager
def run_stand(folder: Path) -> Iterator[Stand]:
    loop = LoopThread()
    documents = Documents(None)
    ahead = [0.0]
    account = Judge(documents, OWNER, app_id=APP_ID, uin=UIN, clock=lambda: time.time() + ahead[0])
    store = CosStore(folder / "cos")
    cos = loop.run(serve(cos_app(store, account, lambda event: None, REGION), http="h11"))
    authority = Authority(folder / "tls").ensure()
    kube = loop.call(lambda: KubeStore(None))
    logs, scratch = folder / "pod-logs", folder / "scratch"
    scratch.mkdir(parents=True)
    door = Door(kube_app(kube, PlainDeleter(kube), logs, ADMIN_TOKEN), kube, ADMIN_TOKEN)
    listener = loop.run(serve(door, tls=authority.server))
    url = f"https://127.0.0.1:{listener.port}"
    access = ClusterAccess(
        url,
        lambda: kubeconfig(url, authority.ca_pem(), ADMIN_TOKEN),
        lambda name: client_kubeconfig(url, authority.ca_pem(), authority.identity(name)),
    )
    services = [*identity(documents, account), Ssm(documents, account, REGION)]
    services.append(Tke(documents, account, REGION, {CLUSTER: access}))
    faults, hooks = Faults(), Hooks()
    front = loop.run(serve(create_app(services, account, REGION, faults, hooks)))
    api = Api(front.port, account, documents, faults, hooks)
    stand = Stand(loop, account, door, api, store, kube, authority, url, logs, scratch, ahead)
    _furnish(stand, f"127.0.0.1:{cos.port}")
    try:
        yield stand
    finally:
        for server in (front, listener, cos):
            loop.run(server.close())
        loop.call(kube.close)
        store.close()
        documents.close()
        loop.close()


def _furnish(stand: Stand, cos: str) -> None:
    """What the deployer makes: roles, namespace, bindings, and the functions' common environment."""
    namespace: Obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    stand.loop.call(lambda: stand.kube.create(namespace))
    role_id = stand.add_role(FUNCTIONS_ROLE, FUNCTIONS, trust(service="scf.qcloud.com"))
    stand.add_role(PODS_ROLE, PODS, trust(qcs=f"qcs::cam::uin/{UIN}:root"))
    stand.bind(role_id, RULES, "functions")
    stand.env = {
        "PATCHMILL_COS_DOMAIN": f"{cos}/{{bucket}}",
        "PATCHMILL_API_ENDPOINT": stand.api.endpoint,
        "PATCHMILL_TKE_CLUSTER": CLUSTER,
        "PATCHMILL_PODS_ROLE": f"qcs::cam::uin/{UIN}:roleName/{PODS_ROLE}",
        **stand.keys(),
    }
