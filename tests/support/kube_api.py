"""The Kubernetes API on a port of its own, for tests: store, server and TLS, without controllers and node."""

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
from emulator.kube.server import create_app
from emulator.kube.store import Store
from emulator.kube.tls import Authority, kubeconfig
from emulator.listen import LoopThread, serve

TOKEN = "a-token-of-the-tests"


class Api:
    """A running server. `store` belongs to the loop's thread: reach it through `on_loop`."""

    def __init__(self, loop: LoopThread, store: Store, url: str, ca: Path, folder: Path) -> None:
        self.loop, self.store, self.url, self.ca, self.logs = loop, store, url, ca, folder / "logs"
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
        return ["kubectl", "--kubeconfig", str(self.kubeconfig), *args]

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
    api = Api(loop, store, f"https://127.0.0.1:{listener.port}", authority.ca, folder)
    try:
        yield api
    finally:
        api.http.close()
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


def sdk(api: Api) -> tuple[Any, Any]:
    """The official client's CoreV1Api and BatchV1Api (imported here: that takes seconds)."""
    from kubernetes import client

    settings = client.Configuration(host=api.url)
    settings.ssl_ca_cert = str(api.ca)
    settings.api_key = {"authorization": f"Bearer {TOKEN}"}
    connection = client.ApiClient(settings)
    return client.CoreV1Api(connection), client.BatchV1Api(connection)
