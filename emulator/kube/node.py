"""The cluster's only node, scheduler and kubelet in one: Pods in the store in, running containers out.

A pod waits as Pending until one of the node's slots is free, the highest priority first and of these the oldest; none
is ever ended for another one's sake. Nothing is polled: every change of a Pod is
looked at once. After a crash of the emulator no container of before is alive; what had begun to run is marked Failed
with reason NodeLost, what had not begins now.

Not done: CPU limits, networks of their own (every pod shares the machine's), sums of requests (the slots alone count),
finalizers on pods, a choice of nodes; refusals.py lists what a pod may not ask for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulator import cgroups
from emulator.kube import errors, podstatus
from emulator.kube.events import Recorder
from emulator.kube.follow import Follower
from emulator.kube.images import Image
from emulator.kube.nodesettings import NodeSettings
from emulator.kube.pods import Kit, Worker
from emulator.kube.store import Change, Obj, Store, now
from emulator.kube.volumes import Volumes

_log = logging.getLogger(__name__)


class Node:
    """Runs at most `slots` pods at once. `root` gets the folders pods/ and logs/."""

    def __init__(
        self, store: Store, root: Path, images: Mapping[str, Image], slots: int, settings: NodeSettings | None = None
    ) -> None:
        self._store, self._slots = store, slots
        self.settings = settings or NodeSettings()
        self.volumes = Volumes(root / "pods", root / "logs")
        self._prefix = self.settings.prefix(root)
        self._images = images
        self._pumps = ThreadPoolExecutor(max_workers=64 + 8 * slots, thread_name_prefix="container-log")
        self._scheduler = Recorder(store, "default-scheduler")
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._follower = Follower(store, {"Pod"}, self._follow, self._look_at_all)
        self._chores: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Clear up after a crash and begin to take pods."""
        await asyncio.to_thread(cgroups.sweep, self._prefix)
        self._register()
        await self._recover()
        self._follower.start()

    async def stop(self) -> None:
        """End every container now. Their pods count as lost when the node starts again."""
        await self._follower.stop()
        tasks = []
        for worker, task in self._workers.values():
            worker.abandon()
            tasks.append(task)
        await asyncio.gather(*tasks, *self._chores, return_exceptions=True)
        self._pumps.shutdown()

    def _register(self) -> None:
        """The Node object that clients see."""
        name, ip = self.settings.name, self.settings.ip
        with contextlib.suppress(errors.NotFound):
            self._store.delete("Node", None, name)
        amounts = {"cpu": str(self.settings.cpus), "memory": str(self.settings.memory), "pods": str(self._slots)}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": now()}
        status = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
        status |= {"addresses": [{"type": "InternalIP", "address": ip}, {"type": "Hostname", "address": name}]}
        info = {
            "containerRuntimeVersion": "bubblewrap://emulator",
            "kubeletVersion": "emulator",
            "operatingSystem": "linux",
        }
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name}}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}
        self._store.create({**node, "status": {**status, "nodeInfo": info}})

    async def _recover(self) -> None:
        pods = self._store.list("Pod")
        for pod in pods:
            if pod["metadata"].get("deletionTimestamp"):
                self._remove(pod)
            elif pod["spec"].get("nodeName") and not podstatus.is_terminal(pod):
                if podstatus.has_run(pod):
                    await self._lose(pod)
                else:
                    self._begin(pod)
        known = {pod["metadata"]["uid"] for pod in pods}
        for uid in self.volumes.known() - known:
            await self.volumes.remove(uid)
            await self.volumes.remove_logs(uid)

    async def _lose(self, pod: Obj) -> None:
        metadata, text = pod["metadata"], "the node was restarted while the pod was running"
        Recorder(self._store, "node-controller").warning(pod, "NodeLost", text)
        self._store.change(
            "Pod", metadata["namespace"], metadata["name"], lambda each: podstatus.lose(each, "NodeLost", text)
        )
        await self.volumes.remove(metadata["uid"])

    def _look_at_all(self) -> None:
        pods = self._store.list("Pod")
        for pod in pods:
            if pod["metadata"].get("deletionTimestamp"):
                self._delete(pod)
        for uid in set(self._workers) - {pod["metadata"]["uid"] for pod in pods}:
            self._workers[uid][0].stop(0)
        self._schedule()

    def _follow(self, change: Change) -> None:
        if change.type == "DELETED":
            self._forget(change.obj)
        elif _end_ordered(change):
            self._delete(change.obj)
        if change.type != "MODIFIED":
            self._schedule()

    def _schedule(self) -> None:
        """Give free slots to waiting pods, by priority and age; tell the others why they wait."""
        waiting = [pod for pod in self._store.scan("Pod", None) if not pod["spec"].get("nodeName")]
        waiting = [pod for pod in waiting if not podstatus.is_terminal(pod)]
        for pod in sorted(waiting, key=_rank):
            why = self._obstacle(pod)
            if why is None:
                self._bind(pod)
            else:
                self._hold(pod, f"0/1 nodes are available: 1 {why}.")

    def _obstacle(self, pod: Obj) -> str | None:
        for container in (*podstatus.init_containers(pod), *pod["spec"]["containers"]):
            if why := self.settings.obstacle(container.get("resources", {}).get("requests", {})):
                return why
        return "Too many pods" if len(self._workers) >= self._slots else None

    def _hold(self, pod: Obj, message: str) -> None:
        listed = pod["status"].get("conditions", ())
        if any(each["type"] == "PodScheduled" and each.get("message") == message for each in listed):
            return
        metadata = pod["metadata"]
        held = self._store.change(
            "Pod",
            metadata["namespace"],
            metadata["name"],
            lambda each: podstatus.condition(each, "PodScheduled", False, "Unschedulable", message),
        )
        self._scheduler.warning(held, "FailedScheduling", message)

    def _bind(self, pod: Obj) -> None:
        metadata, name = pod["metadata"], self.settings.name

        def assign(each: Obj) -> None:
            each["spec"]["nodeName"] = name
            podstatus.condition(each, "PodScheduled", True)

        bound = self._store.change("Pod", metadata["namespace"], metadata["name"], assign)
        text = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {name}"
        self._scheduler.normal(bound, "Scheduled", text)
        self._begin(bound)

    def _begin(self, pod: Obj) -> None:
        recorder = Recorder(self._store, "kubelet", self.settings.name)
        kit = Kit(self._store, recorder, self.volumes, self._images, self.settings, self._pumps, self._prefix)
        worker = Worker(kit, pod)
        self._workers[pod["metadata"]["uid"]] = worker, asyncio.create_task(self._run(worker))

    async def _run(self, worker: Worker) -> None:
        metadata = worker.pod["metadata"]
        try:
            await worker.run()
        except Exception:
            _log.exception("pod %s/%s", metadata["namespace"], metadata["name"])
            worker.finish("InternalError", "the node could not run the pod; see the emulator's log")
        self._workers.pop(metadata["uid"])
        if worker.abandoned:
            return
        with contextlib.suppress(errors.NotFound):
            pod = self._store.get("Pod", metadata["namespace"], metadata["name"])
            if pod["metadata"]["uid"] == metadata["uid"] and pod["metadata"].get("deletionTimestamp"):
                self._remove(pod)
        self._schedule()

    def _delete(self, pod: Obj) -> None:
        """A pod is to go: stop what runs of it; `_run` removes it when that has ended."""
        running = self._workers.get(pod["metadata"]["uid"])
        if running:
            running[0].stop(pod["metadata"].get("deletionGracePeriodSeconds", 0))
        else:
            self._remove(pod)

    def _remove(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        with contextlib.suppress(errors.NotFound):
            if self._store.get("Pod", metadata["namespace"], metadata["name"])["metadata"]["uid"] == metadata["uid"]:
                self._store.delete("Pod", metadata["namespace"], metadata["name"])

    def _forget(self, pod: Obj) -> None:
        """The object is gone: so are its processes and its logs."""
        uid = pod["metadata"]["uid"]
        running = self._workers.get(uid)
        if running:
            running[0].stop(0)

        async def clear() -> None:
            if running:
                await asyncio.wait([running[1]])
            await self.volumes.remove_logs(uid)

        chore = asyncio.create_task(clear())
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)


def _end_ordered(change: Change) -> bool:
    """Whether this change asks for the pod's end, or for an earlier one."""

    def order(pod: Obj | None) -> tuple[object, object]:
        metadata = pod["metadata"] if pod else {}
        return metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")

    return order(change.obj)[0] is not None and order(change.obj) != order(change.previous)


def _rank(pod: Obj) -> tuple[int, str, int]:
    """Highest priority first, then oldest.

    creationTimestamp has whole seconds only, so the revision of the last write decides within one.
    """
    metadata = pod["metadata"]
    return -pod["spec"].get("priority", 0), metadata["creationTimestamp"], int(metadata["resourceVersion"])
