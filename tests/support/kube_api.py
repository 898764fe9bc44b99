"""The Kubernetes API on a port of its own, for tests: store, server, TLS and the quotas' status; no Jobs, no node."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from emulator.kube.deletion import Deleter, PlainDeleter
from emulator.kube.quota import QuotaKeeper
from emulator.kube.server import create_app
from emulator.kube.store import Store
from emulator.kube.tls import Authority, client_kubeconfig, kubeconfig
from emulator.listen import LoopThread, serve

TOKEN = "a-token-of-the-tests"


class Api:
    """A running server. `store` belongs to the loop's thread: reach it through `on_loop`."""

    def __init__(self, loop: LoopThread, store: Store, url: str, authority: Authority, folder: Path) -> None:
        self.loop, self.store, self.url, self.logs = loop, store, url, folder / "logs"
        self.authority, self.ca = authority, authority.ca
        ca = self.ca
        self.http = httpx.Client(
            base_url=url, verify=_trusting(ca), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
        )
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(kubeconfig(url, ca.read_text(), TOKEN))
        self._home = folder

    def kubectl(self, *args: str, stdin: str = "", fails: bool = False) -> str:
        """What it prints (of both streams when it is meant to fail)."""
        done = subprocess.run(self.kubectl_argv(*args), input=stdin, env=self.env(), **_CAPTURE)
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        out: str = done.stdout
        return out + done.stderr if fails else out

    def kubectl_argv(self, *args: str) -> list[str]:
        own = [] if "--kubeconfig" in args else ["--kubeconfig", str(self.kubeconfig)]
        return ["kubectl", *own, *args]

    @contextmanager
    def as_user(self, name: str, life_s: float = 3600) -> Iterator[httpx.Client]:
        """A client that is known by a certificate."""
        context = _trusting(self.ca)
        path = self._home / f"{name}.pem"
        path.write_text(self.authority.identity(name, life_s))
        context.load_cert_chain(path)
        with httpx.Client(base_url=self.url, verify=context, timeout=20) as client:
            yield client

    def kubeconfig_of(self, name: str) -> Path:
        path = self._home / f"{name}.kubeconfig"
        path.write_text(client_kubeconfig(self.url, self.ca.read_text(), self.authority.identity(name)))
        return path

    def env(self) -> dict[str, str]:
        """HOME is where kubectl keeps what it has discovered."""
        return {"PATH": os.environ["PATH"], "HOME": str(self._home)}

    def change_pod(self, name: str, **status: Any) -> None:
        """Play the node: put a pod of the default namespace onto it and set its status."""

        def apply(pod: dict[str, Any]) -> None:
            pod["spec"]["nodeName"] = "node"
            pod["status"].update(status)

        self.loop.call(lambda: self.store.change("Pod", "default", name, apply))


_CAPTURE: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 30, "check": False}


def _trusting(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


@contextmanager
def running(folder: Path, *, window: int = 10_000, deleter: Deleter | None = None) -> Iterator[Api]:
    """Serve the objects of `folder` until the block ends. Called again with the same folder, it is a restart."""
    loop = LoopThread()
    store = Store(folder / "kube.db", window=window)
    authority = Authority(folder / "tls").ensure()
    app = create_app(store, deleter or PlainDeleter(store), folder / "logs", TOKEN)
    listener = loop.run(serve(app, tls=authority.server))
    quotas = QuotaKeeper(store)
    loop.call(quotas.start)
    api = Api(loop, store, f"https://127.0.0.1:{listener.port}", authority, folder)
    try:
        yield api
    finally:
        api.http.close()
        loop.run(quotas.stop())
        loop.call(store.close)
        loop.run(listener.close())
        loop.close()


def job(name: str = "work", **spec: Any) -> dict[str, Any]:
    """The least that a Job needs, changed by `spec`."""
    container = {"name": "main", "image": "patchmill-agent:local", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def pod(name: str = "one", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "patchmill-agent:local", "command": ["true"]}]
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


def secret(name: str = "hidden", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **fields}


def event(name: str, about: dict[str, Any], reason: str = "Started", message: str = "Started it") -> dict[str, Any]:
    """An Event about an object of the default namespace."""
    metadata = about["metadata"]
    involved = {"kind": about["kind"], "namespace": "default", "name": metadata["name"], "uid": metadata["uid"]}
    said = {"reason": reason, "message": message, "type": "Normal", "count": 1, "source": {"component": "kubelet"}}
    times = {"firstTimestamp": "2026-11-24T09:00:00Z", "lastTimestamp": "2026-11-24T09:00:00Z"}
    head = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"}}
    return {**head, "involvedObject": involved, **said, **times}


def new(kind: str, name: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    """Any object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


RBAC = "rbac.authorization.k8s.io/v1"


def role(name: str, verbs: str, resources: str, group: str = "", kind: str = "Role", **more: Any) -> dict[str, Any]:
    """A Role of one rule; `verbs` and `resources` are words."""
    rule = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}
    return new(kind, name, RBAC, rules=[rule])


def binding(name: str, user: str, to: str = "", kind: str = "RoleBinding", to_kind: str = "Role") -> dict[str, Any]:
    """A binding of a user to the role of the binding's name, or to another one."""
    group = RBAC.partition("/")[0]
    ref = {"apiGroup": group, "kind": to_kind, "name": to or name}
    return new(kind, name, RBAC, roleRef=ref, subjects=[{"apiGroup": group, "kind": "User", "name": user}])


def sdk(api: Api) -> tuple[Any, Any]:
    """The official client's CoreV1Api and BatchV1Api (imported here: that takes seconds)."""
    from kubernetes import client

    found = connection(api)
    return client.CoreV1Api(found), client.BatchV1Api(found)


def connection(api: Api) -> Any:
    """The administrator's connection, for the APIs of the official client."""
    from kubernetes import client

    settings = client.Configuration(host=api.url)
    settings.ssl_ca_cert = str(api.ca)
    settings.api_key = {"authorization": f"Bearer {TOKEN}"}
    return client.ApiClient(settings)
