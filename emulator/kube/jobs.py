"""The Job controller: Jobs and what becomes of their pods in, new pods and the Jobs' status out.

Each change of a Job or of one of its pods makes the controller look at the whole Job and do the next thing; timers do
so for deadlines, back-off and time to live. What has been counted is told apart by the tracking finalizer on the pod.

Not done, and refused by validation: Indexed completion, backoffLimitPerIndex, successPolicy, managedBy. Pods are
replaced only when the old one has ended (podReplacementPolicy Failed), whatever the Job says.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from emulator.kube import admission, errors, jobpods, jobstatus, podstatus
from emulator.kube.deletion import Deleter
from emulator.kube.events import Recorder
from emulator.kube.failurepolicy import FAIL_JOB, IGNORE, judge
from emulator.kube.follow import Follower
from emulator.kube.store import Change, Obj, Store, now

_BACKOFF, _BACKOFF_MAX = 10.0, 360.0  # seconds (kubernetes docs, "pod backoff failure policy")
_RETRY, _RETRY_MAX = 1.0, 60.0  # seconds: Default- and MaxJobApiBackOff of pkg/controller/job
_Target = tuple[str, str]  # reason and message


@dataclass
class _Memory:
    """What the controller remembers of a Job between two looks. Nothing of it has to survive a restart."""

    started: float | None = None  # loop time; startTime has whole seconds only
    failures: int = 0  # one after the other, also ignored ones
    retry_at: float = 0.0  # loop time: the next pod after one has failed
    refusals: int = 0  # one after the other, of pods that could not be made
    create_at: float = 0.0  # loop time: the next try to make one
    timer: asyncio.TimerHandle | None = None


class JobController:
    """Runs the Jobs of a store. `backoff_scale` is a factor on the real back-off delays."""

    def __init__(self, store: Store, deleter: Deleter, backoff_scale: float = 1.0) -> None:
        self._store, self._deleter, self._scale = store, deleter, backoff_scale
        self._record = Recorder(store, "job-controller")
        self._memory: dict[str, _Memory] = {}
        self._gone: dict[str, list[Obj]] = {}  # by Job uid: pods that were removed before they were counted
        self._follower = Follower(store, {"Job", "Pod"}, self._follow, self._look_at_all)

    def start(self) -> None:
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()
        for memory in self._memory.values():
            if memory.timer:
                memory.timer.cancel()

    def _look_at_all(self) -> None:
        for job in self._store.list("Job"):
            self._look(job["metadata"]["namespace"], job["metadata"]["name"])

    def _follow(self, change: Change) -> None:
        metadata, gone = change.obj["metadata"], change.type == "DELETED"
        if change.obj["kind"] == "Job":
            if gone:
                self._forget(metadata["uid"])
            else:
                self._look(metadata["namespace"], metadata["name"])
            return
        if change.previous and jobstatus.essence(change.previous) == jobstatus.essence(change.obj) and not gone:
            return
        for ref in metadata.get("ownerReferences", ()):
            if ref["kind"] == "Job" and ref.get("controller"):
                if gone and jobpods.is_tracked(change.obj):
                    self._gone.setdefault(ref["uid"], []).append(change.obj)
                self._look(metadata["namespace"], ref["name"])

    def _look(self, namespace: str, name: str) -> None:
        """Bring one Job a step forward."""
        try:
            job = self._store.get("Job", namespace, name)
        except errors.NotFound:
            return
        uid = job["metadata"]["uid"]
        gone = self._gone.pop(uid, [])
        if job["metadata"].get("deletionTimestamp"):
            return
        if ended := jobstatus.finished(job):
            self._expire(job, ended)
            return
        pods = jobpods.of(self._store, job)
        target = self._count_ended(job, [*pods, *gone])
        target = jobstatus.failure_target(job) or target or self._over_limit(job, pods)
        if target:
            self._fail(job, pods, *target)
        elif self._is_complete(job, pods):
            self._complete(job, pods)
        elif job["spec"].get("suspend"):
            self._suspend(job, pods)
        else:
            self._resume(job)
            self._fill(job, pods)
        self._save(job)

    def _count_ended(self, job: Obj, pods: list[Obj]) -> _Target | None:
        """Count pods that have ended since the last look. Returns why the Job fails, if its policy says so."""
        target = None
        status, memory = job["status"], self._remember(job)
        for pod in pods:
            if not jobpods.is_tracked(pod):
                continue
            if pod["status"].get("phase") == "Succeeded":
                status["succeeded"] = status.get("succeeded", 0) + 1
                memory.failures = 0
            elif podstatus.is_terminal(pod) or not jobpods.exists(self._store, pod):
                action, message = judge(job, pod)
                if action == FAIL_JOB:
                    target = target or ("PodFailurePolicy", message)
                if action != IGNORE:
                    status["failed"] = status.get("failed", 0) + 1
                delay = min(_BACKOFF * 2**memory.failures, _BACKOFF_MAX) * self._scale
                memory.failures += 1
                memory.retry_at = asyncio.get_running_loop().time() + delay
            else:
                continue
            jobpods.untrack(self._store, pod)
        return target

    def _over_limit(self, job: Obj, pods: list[Obj]) -> _Target | None:
        spec, failed = job["spec"], job["status"].get("failed", 0)
        limit = spec.get("backoffLimit", 6)
        if spec["template"]["spec"].get("restartPolicy") == "OnFailure":
            failed += jobstatus.restarts(jobstatus.active(pods))
        if failed > limit:
            return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        left = self._deadline_left(job)
        if left is not None and left <= 0 and not spec.get("suspend"):
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        return None

    def _fail(self, job: Obj, pods: list[Obj], reason: str, message: str) -> None:
        """Stop what runs; the Job is Failed when nothing of it runs any more."""
        jobstatus.condition(job, "FailureTarget", True, reason, message)
        for pod in jobstatus.active(pods):
            job["status"]["failed"] = job["status"].get("failed", 0) + 1
            self._drop(job, pod)
        left = jobpods.of(self._store, job)
        if all(podstatus.is_terminal(pod) for pod in left):
            jobstatus.condition(job, "Failed", True, reason, message)
            self._record.warning(job, reason, message)
        jobstatus.count(job, left)

    def _is_complete(self, job: Obj, pods: list[Obj]) -> bool:
        succeeded, wanted = job["status"].get("succeeded", 0), job["spec"].get("completions")
        if wanted is None:  # a work queue: one success, and nobody at work any more
            return succeeded > 0 and not jobstatus.active(pods)
        return bool(succeeded >= wanted)

    def _complete(self, job: Obj, pods: list[Obj]) -> None:
        why = "CompletionsReached", "Reached expected number of succeeded pods"
        for pod in jobstatus.active(pods):
            self._drop(job, pod)
        jobstatus.condition(job, "SuccessCriteriaMet", True, *why)
        jobstatus.condition(job, "Complete", True, *why)
        job["status"]["completionTime"] = now()
        jobstatus.count(job, jobpods.of(self._store, job))
        self._record.normal(job, "Completed", "Job completed")

    def _suspend(self, job: Obj, pods: list[Obj]) -> None:
        if not jobstatus.true_condition(job, "Suspended"):
            for pod in jobstatus.active(pods):
                self._drop(job, pod)
            jobstatus.condition(job, "Suspended", True, "JobSuspended", "Job suspended")
            self._record.normal(job, "Suspended", "Job suspended")
        job["status"].pop("startTime", None)
        self._remember(job).started = None
        jobstatus.count(job, jobpods.of(self._store, job))

    def _resume(self, job: Obj) -> None:
        if jobstatus.true_condition(job, "Suspended"):
            jobstatus.condition(job, "Suspended", False, "JobResumed", "Job resumed")
            self._record.normal(job, "Resumed", "Job resumed")
        if "startTime" not in job["status"]:
            job["status"]["startTime"] = now()
            self._remember(job).started = asyncio.get_running_loop().time()

    def _fill(self, job: Obj, pods: list[Obj]) -> None:
        """Start as many pods as are wanted and missing, unless the Job has to wait after a failure."""
        spec, loop = job["spec"], asyncio.get_running_loop()
        missing = spec.get("parallelism", 1)
        if (wanted := spec.get("completions")) is not None:
            missing = min(missing, wanted - job["status"].get("succeeded", 0))
        elif job["status"].get("succeeded"):
            missing = 0
        missing -= sum(not podstatus.is_terminal(pod) for pod in pods)
        memory = self._remember(job)
        pause = max(memory.retry_at, memory.create_at) - loop.time()
        if pause <= 0:
            for _ in range(missing):
                pause = self._create(job)
                if pause > 0:
                    break
        jobstatus.count(job, jobpods.of(self._store, job))
        left = self._deadline_left(job)
        waits = [left] if left is not None else []
        self._wake(job, [*waits, pause] if missing > 0 and pause > 0 else waits)

    def _create(self, job: Obj) -> float:
        """Make one pod. Returns how long to wait, in seconds, when a quota or its like has no room for it; else 0."""
        memory = self._remember(job)
        try:
            pod = admission.create(self._store, jobpods.make(job))
        except errors.ApiError as error:
            self._record.warning(job, "FailedCreate", f"Error creating: {error.message}")
            delay = min(_RETRY * 2.0**memory.refusals, _RETRY_MAX) * self._scale
            memory.refusals += 1
            memory.create_at = asyncio.get_running_loop().time() + delay
            return delay
        memory.refusals = 0
        self._record.normal(job, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return 0.0

    def _expire(self, job: Obj, ended: Obj) -> None:
        """Remove a Job when its time to live is over."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        left = ttl - jobstatus.seconds_since(ended["lastTransitionTime"])
        if left <= 0:
            self._deleter.request_delete(job, "Background", 0)
        else:
            self._wake(job, [left])

    def _wake(self, job: Obj, delays: list[float]) -> None:
        """Look at the Job again after the shortest of these delays, instead of when it was planned before."""
        memory, metadata = self._remember(job), job["metadata"]
        if memory.timer:
            memory.timer.cancel()
        memory.timer = None
        if delays:
            call = asyncio.get_running_loop().call_later
            memory.timer = call(max(0.0, min(delays)), self._look, metadata["namespace"], metadata["name"])

    def _deadline_left(self, job: Obj) -> float | None:
        """Seconds until the Job's deadline; None when it has none or has not started."""
        limit, start = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
        if limit is None or start is None:
            return None
        started = self._remember(job).started
        passed = jobstatus.seconds_since(start) if started is None else asyncio.get_running_loop().time() - started
        return float(limit - passed)

    def _drop(self, job: Obj, pod: Obj) -> None:
        """End a pod for the Job's sake; it is not counted when it has ended."""
        jobpods.untrack(self._store, pod)
        self._deleter.request_delete(pod, "Background", pod["spec"].get("terminationGracePeriodSeconds", 30))
        self._record.normal(job, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _save(self, job: Obj) -> None:
        def set_status(each: Obj) -> None:
            each["status"] = job["status"]

        self._store.change("Job", job["metadata"]["namespace"], job["metadata"]["name"], set_status)

    def _remember(self, job: Obj) -> _Memory:
        return self._memory.setdefault(job["metadata"]["uid"], _Memory())

    def _forget(self, uid: str) -> None:
        memory = self._memory.pop(uid, None)
        self._gone.pop(uid, None)
        if memory and memory.timer:
            memory.timer.cancel()
