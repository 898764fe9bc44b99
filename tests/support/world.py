"""What the functions talk to, for tests that call them in this process: real engines, the COS and Kubernetes stand-ins.

There is no node: a test says itself what a pod does, through `world.pod(...)` and `world.end_job(...)`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from emulator.kube.objects import Obj
from patchmill import keys
from patchmill.instance import Instance
from patchmill.services import Services
from tests.support.cloud import NAMESPACE, Stand
from tests.support.samples import API_KEY, environment, load_event

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
SECRETS = {"shared": ("PATCHMILL_MYSQL_URL", "PATCHMILL_REDIS_URL"), "keys": ("PATCHMILL_API_KEYS",)}


class World:
    """One test's installation: its own database, cache, buckets and secrets.

    `places`: what differs from test to test; of it and of the samples, what is secret goes into the Secrets Manager.
    """

    def __init__(self, stand: Stand, places: dict[str, str]) -> None:
        self.stand = stand
        whole = {**environment(), **stand.env, **places}
        mark = places["PATCHMILL_CODE_BUCKET"]
        references = [
            stand.add_secret(f"{mark}-{name}", {setting: whole.pop(setting) for setting in settings})
            for name, settings in SECRETS.items()
        ]
        self.env = {**whole, "PATCHMILL_SECRETS": ",".join(references)}
        self.instance = Instance(self.env, scratch=stand.scratch)
        self._instances = [self.instance]
        self.services: Services = self.instance.services({})
        for bucket in (self.services.code, self.services.logs):
            stand.cos.create_bucket(bucket.name)

    def with_settings(self, **changes: str) -> Services:
        """Other services on the same engines; the caller closes them."""
        return Instance({**self.env, **changes}, scratch=self.stand.scratch).services({})

    def function(self, name: str, scratch: Path | None = None, **changes: str) -> ModuleType:
        """A function's entry module with an instance of its own, before its cold start; it ends with the test."""
        module = load_index(name)
        self.restart(module, scratch, **changes)
        return module

    def restart(self, module: ModuleType, scratch: Path | None = None, **changes: str) -> None:
        """Another instance of a function, in the test's environment but for `changes`."""
        instance = Instance({**self.env, **changes}, module.instance.needs, scratch or self.stand.scratch)
        self._instances.append(instance)
        module.instance = instance  # type: ignore[attr-defined]

    def secret(self, task_id: str, attempt: int = 1) -> Obj:
        """The Secret of an attempt, as the administrator sees it."""
        name = keys.job_name(task_id, attempt)
        return self.stand.loop.call(lambda: self.stand.kube.get("Secret", NAMESPACE, name))

    def request(self, method: str, path: str, body: Any = None, key: str | None = API_KEY, **headers: str) -> Reply:
        """One HTTP event through submit's app. `path` may carry a query."""
        from patchmill.events import HttpEvent
        from submit import wsgi
        from submit.api import App

        path, _, query = path.partition("?")
        auth = {"authorization": f"Bearer {key}"} if key else {}
        event = {
            "httpMethod": method,
            "path": path,
            "queryString": dict(part.split("=", 1) for part in query.split("&") if part),
            "headers": {**auth, **{name.replace("_", "-"): value for name, value in headers.items()}},
            "body": body if isinstance(body, str) else "" if body is None else json.dumps(body),
        }
        return Reply(wsgi.respond(App(self.services).wsgi, HttpEvent(event)))

    def uploaded(self, tenant: str = "acme", data: bytes = b"PK\x05\x06" + bytes(18)) -> str:
        upload_id = "01JDB0000000000000000000BB"
        self.services.code.put(keys.upload(tenant, upload_id), data, "application/zip")
        return upload_id

    def job(self, task_id: str, attempt: int = 1) -> Obj | None:
        return self.services.cluster.job(keys.job_name(task_id, attempt))

    def jobs(self) -> list[Obj]:
        return self.stand.loop.call(lambda: self.stand.kube.list("Job", NAMESPACE))

    def pod(self, task_id: str, attempt: int = 1, log: dict[str, str] | None = None, **status: Any) -> None:
        """Play the Job controller and the node: a pod of the attempt, with this status and these container logs."""
        job = self.job(task_id, attempt)
        assert job is not None
        metadata = {
            "name": f"{job['metadata']['name']}-x1",
            "namespace": NAMESPACE,
            "labels": job["spec"]["template"]["metadata"]["labels"],
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {**job["spec"]["template"]["spec"], "nodeName": "node"},
        }
        stored = self.stand.loop.call(lambda: self.stand.kube.create({**pod, "status": status}))
        folder = self.stand.logs_root / str(stored["metadata"]["uid"])
        folder.mkdir(parents=True)
        for container, text in (log or {}).items():
            lines = "".join(f"2026-11-24T12:00:00.000000000Z stdout F {line}\n" for line in text.splitlines())
            (folder / f"{container}.log").write_text(lines)

    def end_job(self, task_id: str, attempt: int = 1, kind: str = "Failed", reason: str = "") -> None:
        condition = {"type": kind, "status": "True", "reason": reason or "BackoffLimitExceeded"}

        def change(job: Obj) -> None:
            job.setdefault("status", {})["conditions"] = [condition]

        name = keys.job_name(task_id, attempt)
        self.stand.loop.call(lambda: self.stand.kube.change("Job", NAMESPACE, name, change))

    def deliver(self, task_id: str, /, attempt: int = 1, **changes: Any) -> None:
        """What `deliver` uploads: a patch, a log, and the manifest last."""
        files = {"diff.patch": b"--- a\n+++ b\n", "agent.log": "ran 项\n".encode()}
        for name, data in files.items():
            self.services.logs.put(keys.artifact(task_id, attempt, name), data, "text/plain")
        artifacts = [
            {
                "name": name,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "md5": hashlib.md5(data).hexdigest(),
            }
            for name, data in files.items()
        ]
        body = {"v": 1, "task_id": task_id, "attempt": attempt, "status": "COMPLETED", "exit_code": 0}
        body |= {"artifacts": artifacts, "summary": "done", "patch": {"files": 1, "insertions": 2, "deletions": 0}}
        self.services.logs.put_json(keys.artifact(task_id, attempt, "manifest.json"), {**body, **changes})

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        return self.services.database.transaction(lambda c: c.rows(sql, *params))

    def close(self) -> None:
        """Leaves nothing in the shared cluster."""

        def empty() -> None:
            for kind in ("Job", "Pod", "Secret"):
                for obj in self.stand.kube.list(kind, NAMESPACE):
                    self.stand.kube.delete(kind, NAMESPACE, obj["metadata"]["name"])

        self.stand.loop.call(empty)
        for instance in self._instances:
            instance.close()


@dataclass
class Reply:
    """The platform's response form, read as a client would."""

    raw: dict[str, Any]

    @property
    def status(self) -> int:
        return int(self.raw["statusCode"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.raw["headers"].items()}

    @property
    def text(self) -> str:
        return str(self.raw["body"])

    @property
    def json(self) -> Any:
        return json.loads(self.raw["body"])

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [error["field"] for error in self.json.get("errors", [])]


def cos_event(bucket: str, key: str) -> dict[str, Any]:
    """A COS event for one new object."""
    event = load_event("cos")
    name, _, appid = bucket.rpartition("-")
    cos = event["Records"][0]["cos"]
    cos["cosBucket"] = {"region": "gz", "name": name, "appid": appid}
    cos["cosObject"] = {"url": "", "meta": {}, "vid": "", "key": f"/{appid}/{name}/{key}", "size": 1}
    return event


def ckafka_event(*bodies: str, first_offset: int = 0) -> dict[str, Any]:
    record = {"topic": keys.TOPIC_TASKS, "Partition": 0, "msgKey": "None"}
    return {"Records": [{"Ckafka": {**record, "offset": first_offset + n, "msgBody": b}} for n, b in enumerate(bodies)]}


def load_index(function: str) -> ModuleType:
    """A fresh copy of a function's entry module, as after a cold start."""
    spec = importlib.util.spec_from_file_location(f"{function}_index", FUNCTIONS / function / "index.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
