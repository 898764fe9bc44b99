"""A whole cluster in a loop of its own, and short ways to post Jobs and pods to it and to wait for what they do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from emulator.kube import admission, defaults, errors
from emulator.kube.cluster import Cluster
from emulator.kube.images import Image, shell_image
from emulator.kube.nodesettings import NodeSettings
from emulator.kube.store import Obj
from emulator.listen import LoopThread

T = TypeVar("T")
IMAGE = "shell:local"
MARKER = str(10_000_000 + os.getpid())  # seconds to sleep: tells our sleepers from those of another run
FAST = NodeSettings(backoff_scale=0.005, config_retry=0.05, image_retry=0.05, disk_period=0.1, cpus=4)


class Kube:
    """A cluster, started, with the system's shell as an image."""

    def __init__(self, root: Path, slots: int = 4, settings: NodeSettings = FAST, *images: Image) -> None:
        self.root, self.loop = root, LoopThread()
        known = {image.name: image for image in (shell_image(IMAGE), *images)}
        self.cluster = self.loop.run(self._make(root, slots, settings, known))

    @staticmethod
    async def _make(root: Path, slots: int, settings: NodeSettings, images: dict[str, Image]) -> Cluster:
        cluster = Cluster(root, images, slots, "token", settings)
        await cluster.start()
        return cluster

    def close(self) -> None:
        self.loop.run(self.cluster.stop())
        self.loop.close()

    def create(self, obj: Obj) -> Obj:
        return self.loop.call(lambda: admission.create(self.cluster.store, defaults.fill(obj)))

    def get(self, kind: str, name: str) -> Obj:
        return self.loop.call(lambda: self.cluster.store.get(kind, "default", name))

    def objects(self, kind: str, labels: str = "") -> list[Obj]:
        return self.loop.call(lambda: self.cluster.store.list(kind, "default", labels))

    def exists(self, kind: str, name: str) -> bool:
        try:
            self.get(kind, name)
        except errors.NotFound:
            return False
        return True

    def change(self, kind: str, name: str, fn: Callable[[Obj], None]) -> Obj:
        return self.loop.call(lambda: self.cluster.store.change(kind, "default", name, fn))

    def delete(self, kind: str, name: str, propagation: str = "Background", grace: int = 30) -> Obj:
        obj = self.get(kind, name)
        deleter = self.cluster.deleter
        return self.loop.call(lambda: deleter.request_delete(obj, propagation, grace))

    def pod_of(self, job: str) -> Obj:
        """The only pod of a Job, once there is one."""
        return wait(lambda: self.objects("Pod", f"job-name={job}"))[-1]

    def ended(self, name: str) -> Obj:
        """The Job, once it is Complete or Failed."""
        return wait(lambda: _if(self.get("Job", name), lambda job: bool(job_end(job))))

    def pod_ended(self, name: str) -> Obj:
        return wait(lambda: _if(self.get("Pod", name), lambda pod: pod["status"]["phase"] in ("Succeeded", "Failed")))

    def waits_for(self, pod: str, reason: str) -> Obj:
        """The pod, once one of its containers waits for this reason."""

        def waiting(obj: Obj) -> bool:
            return reason in [entry["state"].get("waiting", {}).get("reason") for entry in states(obj)]

        return wait(lambda: _if(self.get("Pod", pod), waiting))

    def runs(self, pod: str, container: str = "main") -> Obj:
        return wait(lambda: _if(self.get("Pod", pod), lambda obj: "running" in state(obj, container)))

    def log(self, pod: Obj, container: str = "main") -> str:
        """What the container wrote, without the CRI heads."""
        path = self.root / "logs" / pod["metadata"]["uid"] / f"{container}.log"
        text = ""
        for line in path.read_text().splitlines():
            _, _, tag, rest = line.split(" ", 3)
            text += rest + ("\n" if tag == "F" else "")
        return text

    def events(self, name: str) -> list[str]:
        found = [event for event in self.objects("Event") if event["involvedObject"]["name"] == name]
        return [event["reason"] for event in sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))]

    def messages(self, name: str) -> str:
        found = [event for event in self.objects("Event") if event["involvedObject"]["name"] == name]
        return "\n".join(event["message"] for event in found)


def wait(look: Callable[[], T | None], seconds: float = 10) -> T:
    """Look again and again until there is something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)
    return found


def _if(obj: Obj, holds: Callable[[Obj], bool]) -> Obj | None:
    return obj if holds(obj) else None


def container(script: str, name: str = "main", **more: Any) -> Obj:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", script], **more}


def pod(name: str, *containers: Obj, inits: tuple[Obj, ...] = (), **spec: Any) -> Obj:
    body = {"restartPolicy": "Never", "initContainers": list(inits), "containers": list(containers), **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": body}


def job(name: str, *containers: Obj, inits: tuple[Obj, ...] = (), template: Obj | None = None, **spec: Any) -> Obj:
    inner = {
        "restartPolicy": "Never",
        "initContainers": list(inits),
        "containers": list(containers),
        **(template or {}),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"backoffLimit": 0, **spec, "template": {"spec": inner}},
    }


def secret(name: str, **values: str) -> Obj:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def states(obj: Obj) -> list[Obj]:
    status = obj["status"]
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def state(obj: Obj, name: str = "main") -> Any:
    return next((entry["state"] for entry in states(obj) if entry["name"] == name), {})


def ending(obj: Obj, name: str = "main") -> tuple[int, str]:
    """Exit code and reason of a container that has ended."""
    terminated = state(obj, name)["terminated"]
    return terminated["exitCode"], terminated["reason"]


def job_end(obj: Obj) -> tuple[str, str] | None:
    """Type and reason of the condition by which a Job ended."""
    for each in obj["status"].get("conditions", ()):
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return each["type"], each["reason"]
    return None


def sleepers(marker: str) -> int:
    """How many processes `sleep <marker>` there are on the machine."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes() == f"sleep\0{marker}\0".encode()
        except OSError:
            continue
    return found


def condition(obj: Obj, type_: str) -> Any:
    return next((each for each in obj["status"].get("conditions", ()) if each["type"] == type_), {})
