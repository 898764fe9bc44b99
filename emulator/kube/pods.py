"""One pod's life on the node: a scheduled Pod in, its containers run in order, its status and Events out.

Init containers run one after the other, then the others together. A worker ends when its pod has ended, for whatever
reason: by itself, deleted, evicted, or over its own deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from emulator.kube import podstatus
from emulator.kube.containers import START_ERROR, Container, Ending
from emulator.kube.events import Recorder
from emulator.kube.images import Image
from emulator.kube.launch import CannotCreate, Launch, prepare
from emulator.kube.nodesettings import NodeSettings
from emulator.kube.podreport import Report
from emulator.kube.refusals import refused
from emulator.kube.store import Obj, Store, now
from emulator.kube.volumes import Volumes

_BACKOFF, _BACKOFF_MAX = 10.0, 300.0  # kubelet: between restarts of one container, seconds


@dataclass(frozen=True)
class Kit:
    """What every worker of a node shares."""

    store: Store
    recorder: Recorder
    volumes: Volumes
    images: Mapping[str, Image]
    settings: NodeSettings
    pumps: Executor
    prefix: str


@dataclass
class Verdict:
    """Why a pod is stopped: status reason and message; empty when it was deleted."""

    reason: str = ""
    message: str = ""


@dataclass
class Worker:
    """Runs one pod. `run` returns when no process of it is left and its last status is written."""

    kit: Kit
    pod: Obj
    _live: dict[str, Container] = field(default_factory=dict)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _verdict: Verdict = field(default_factory=Verdict)
    _timers: list[asyncio.TimerHandle] = field(default_factory=list)
    _killed: bool = False

    def __post_init__(self) -> None:
        self._report = Report(self.kit.store, self.kit.recorder, self.pod)

    @property
    def abandoned(self) -> bool:
        return self._report.silent

    async def run(self) -> None:
        self._report.write(lambda pod: podstatus.admit(pod, self.kit.settings.ip))
        if why := refused(self.pod):
            self._verdict = Verdict("Unsupported", why)
            self._report.warn("", "Unsupported", why)
        else:
            await self._run_containers()
        # Nothing of it runs any more: the last status and the room on disk.
        self.finish(self._verdict.reason, self._verdict.message)
        await self.kit.volumes.remove(self.pod["metadata"]["uid"])

    def stop(self, grace: float, verdict: Verdict | None = None) -> None:
        """End the pod: SIGTERM now, SIGKILL after `grace` seconds. Called again, the shorter time counts."""
        if verdict and not self._stop.is_set():
            self._verdict = verdict
        if not self._stop.is_set():
            for name, container in self._live.items():
                self._report.tell(name, "Killing", f"Stopping container {name}")
                container.terminate()
        self._stop.set()
        if grace <= 0:
            self._kill()
        else:
            self._timers.append(asyncio.get_running_loop().call_later(grace, self._kill))

    def abandon(self) -> None:
        """End its processes and write nothing more: the next start of the node finds the pod as it is now."""
        self._report.silent = True
        self._stop.set()
        self._kill()

    def finish(self, reason: str, message: str) -> None:
        """Write the last status: Failed when there is a reason, else as the containers ended."""
        self._report.write(lambda pod: podstatus.finish(pod, reason, message))

    async def _run_containers(self) -> None:
        self.kit.volumes.prepare(self.pod)
        self._start_deadline()
        watch = asyncio.create_task(self._watch_disk())
        try:
            for container in podstatus.init_containers(self.pod):
                if not await self._run(container, again_after_success=False):
                    return
            if podstatus.init_containers(self.pod):
                self._report.write(self._all_initialized)
            always = self.pod["spec"].get("restartPolicy") == "Always"
            await asyncio.gather(*(self._run(each, again_after_success=always) for each in self._mains()))
        finally:
            self._kill()
            for timer in self._timers:
                timer.cancel()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _run(self, container: Obj, *, again_after_success: bool) -> bool:
        """Run one container, again as its restart policy says. Returns whether it ended well."""
        name, restarts = container["name"], 0
        while True:
            launch = await self._launch(container)
            if launch is None:
                return False
            ending = await self._execute(container, launch, restarts)
            good = ending.exit_code == 0
            if self._stop.is_set() or (good and not again_after_success):
                return good
            if not good and self.pod["spec"].get("restartPolicy") == "Never":
                return False
            delay = min(_BACKOFF * 2**restarts, _BACKOFF_MAX) * self.kit.settings.backoff_scale
            restarts += 1
            text = f"back-off {delay:g}s restarting failed container={name} pod={self.pod['metadata']['name']}"
            self._report.waits(container, "CrashLoopBackOff", text)
            self._report.warn(name, "BackOff", f"Back-off restarting failed container {name}")
            if await self._stopped_within(delay):
                return False

    async def _launch(self, container: Obj) -> Launch | None:
        """Wait until the container can be made. None when the pod is stopped before that."""
        image = await self._pull(container)
        while image and not self._stop.is_set():
            try:
                return prepare(self.pod, container, image, self.kit.store, self.kit.volumes)
            except CannotCreate as problem:
                self._report.waits(container, problem.reason, str(problem))
                self._report.warn(container["name"], "Failed", f"Error: {problem}")
            await self._stopped_within(self.kit.settings.config_retry)
        return None

    async def _pull(self, container: Obj) -> Image | None:
        """The container's image; for one that is not on the node, wait for the pod's end and return None."""
        name, wanted = container["name"], container["image"]
        if image := self.kit.images.get(wanted):
            self._report.tell(name, "Pulled", f'Container image "{wanted}" already present on machine')
            return image
        text = f'image "{wanted}" is not on this node, which pulls from no registry'
        if container.get("imagePullPolicy") == "Never":
            self._report.waits(container, "ErrImageNeverPull", text)
            self._report.warn(name, "ErrImageNeverPull", text)
            await self._stop.wait()
            return None
        self._report.tell(name, "Pulling", f'Pulling image "{wanted}"')
        self._report.warn(name, "Failed", f'Failed to pull image "{wanted}": {text}')
        self._report.warn(name, "Failed", "Error: ErrImagePull")
        self._report.waits(container, "ErrImagePull", text)
        if not await self._stopped_within(self.kit.settings.image_retry):
            self._report.tell(name, "BackOff", f'Back-off pulling image "{wanted}"')
            self._report.warn(name, "Failed", "Error: ImagePullBackOff")
            self._report.waits(container, "ImagePullBackOff", f'Back-off pulling image "{wanted}"')
            await self._stop.wait()
        return None

    async def _execute(self, container: Obj, launch: Launch, restarts: int) -> Ending:
        """Start the container and wait for its end."""
        name, uid = container["name"], self.pod["metadata"]["uid"]
        identity = f"{uid}-{name}-{restarts}"
        settings = self.kit.settings
        try:
            running = await Container.start(
                self.kit.prefix + identity,
                launch,
                pids=settings.pids,
                log_limit=settings.log_limit,
                pumps=self.kit.pumps,
            )
        except OSError as problem:  # such as a command line that is too long
            return self._not_started(name, problem.strerror or str(problem))
        self._live[name] = running
        if self._killed:  # the pod was stopped while this one started and could not be told
            running.kill()
        elif self._stop.is_set():
            running.terminate()
        self._report.write(lambda pod: podstatus.running(pod, name, f"bubblewrap://{identity}", container["image"]))
        self._report.tell(name, "Created", f"Container created: {name}")
        self._report.tell(name, "Started", f"Container started: {name}")
        ending = await running.wait()
        self._live.pop(name)
        if ending.reason == "StartError":
            self._report.warn(name, "Failed", f"Error: failed to start container: {ending.message}")
        self._report.write(lambda pod: podstatus.terminated(pod, name, ending))
        return ending

    def _not_started(self, name: str, message: str) -> Ending:
        self._report.warn(name, "Failed", f"Error: failed to start container: {message}")
        ending = Ending(START_ERROR, "StartError", message, now(), now())
        self._report.write(lambda pod: podstatus.terminated(pod, name, ending))
        return ending

    async def _watch_disk(self) -> None:
        """Evict the pod when its files exceed a limit."""
        loop, pause = asyncio.get_running_loop(), self.kit.settings.disk_period
        while not await self._stopped_within(pause):
            began = loop.time()
            if message := await self.kit.volumes.excess(self.pod):
                self._report.warn("", "Evicted", message)
                self.stop(0, Verdict("Evicted", message))
            pause = max(self.kit.settings.disk_period, 5 * (loop.time() - began))

    def _start_deadline(self) -> None:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            verdict = Verdict("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
            grace = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
            self._timers.append(asyncio.get_running_loop().call_later(seconds, self.stop, grace, verdict))

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        return self._stop.is_set()

    def _kill(self) -> None:
        self._killed = True
        for container in self._live.values():
            container.kill()

    def _mains(self) -> list[Obj]:
        return list(self.pod["spec"]["containers"])

    def _all_initialized(self, pod: Obj) -> None:
        for container in self._mains():
            podstatus.waiting(pod, container["name"], "ContainerCreating")
