"""Why an attempt ended when its pod wrote no manifest: Job and pod as the cluster shows them in, an outcome out. Pure.

Job and pod facts: kubernetes.io/docs/concepts/workloads/controllers/job and .../workloads/pods/pod-lifecycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchmill.task import Outcome, Reason, failed

Obj = dict[str, Any]

_PULL = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
_NODE = {"NodeLost", "NodeShutdown", "Terminated", "Shutdown", "NodeAffinity", "UnexpectedAdmissionError", "Preempting"}


def ended(job: Obj) -> bool:
    """The Job is Complete or Failed, for good."""
    return bool(_condition(job, "Complete") or _condition(job, "Failed"))


def explain(job: Obj | None, pod: Obj | None) -> Outcome:
    """The outcome of an attempt that is over without a manifest; `job` None means that it is gone."""
    if job is None:
        return failed(Reason.JOB_LOST, "The Job was deleted from the cluster before it had delivered a result.")
    for look in (_disk, _node, _memory, _deadline):
        if outcome := look(job, pod):
            return outcome
    return not_started(pod) or _exit(pod)


def not_started(pod: Obj | None) -> Outcome | None:
    """Why a pod does not start, or None when nothing stands in its way."""
    if pod is None:
        return None
    for status in _statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") in _PULL:
            return failed(Reason.IMAGE_PULL, _sentence("The agent's image cannot be pulled", waiting.get("message")))
    scheduled: Obj = next((c for c in pod["status"].get("conditions", []) if c["type"] == "PodScheduled"), {})
    if scheduled.get("status") == "False":
        detail = scheduled.get("message")
        return failed(Reason.UNSCHEDULABLE, _sentence("No node of the cluster can take the pod", detail))
    return None


def started(pod: Obj | None, container: str) -> bool:
    """The container runs or has run."""
    return any(
        status.get("name") == container and ("running" in status["state"] or "terminated" in status["state"])
        for status in _statuses(pod or {})
        if status.get("state")
    )


def _disk(job: Obj, pod: Obj | None) -> Outcome | None:
    status = (pod or {}).get("status", {})
    if status.get("reason") != "Evicted":
        return None
    text = str(status.get("message", ""))
    if any(word in text.lower() for word in ("ephemeral", "emptydir", "disk")):
        return failed(Reason.OUT_OF_DISK, _sentence("The task wrote more than its disk limit", text))
    return failed(Reason.NODE_LOST, _sentence("The node evicted the pod", text))


def _node(job: Obj, pod: Obj | None) -> Outcome | None:
    if pod is None:
        # The Job stands but its pod is gone: only the node or the pod garbage collector removes those.
        return None if _condition(job, "Failed", "DeadlineExceeded") else failed(Reason.NODE_LOST, "The pod is gone.")
    status = pod.get("status", {})
    disrupted = any(c["type"] == "DisruptionTarget" and c["status"] == "True" for c in status.get("conditions", []))
    if status.get("reason") in _NODE or disrupted:
        return failed(Reason.NODE_LOST, _sentence("The node went away under the pod", status.get("message")))
    return None


def _memory(job: Obj, pod: Obj | None) -> Outcome | None:
    for status, end in _terminated(pod):
        if end.get("reason") == "OOMKilled":
            name = status.get("name")
            return failed(Reason.OUT_OF_MEMORY, f"The container {name} used more memory than its limit and was killed.")
    return None


def _deadline(job: Obj, pod: Obj | None) -> Outcome | None:
    if (
        _condition(job, "Failed", "DeadlineExceeded")
        or (pod or {}).get("status", {}).get("reason") == "DeadlineExceeded"
    ):
        return failed(Reason.TIMEOUT, "The task ran longer than its time limit and was stopped.")
    return None


def _exit(pod: Obj | None) -> Outcome:
    for status, end in _terminated(pod):
        if end.get("exitCode", 0) != 0:
            text = _sentence(
                f"The container {status.get('name')} ended with code {end['exitCode']}", end.get("message")
            )
            return failed(Reason.INTERNAL, text)
    return failed(Reason.INTERNAL, "The pod ended without delivering a complete result.")


def _terminated(pod: Obj | None) -> Iterator[tuple[Obj, Obj]]:
    for status in _statuses(pod or {}):
        end = status.get("state", {}).get("terminated") or status.get("lastState", {}).get("terminated")
        if end:
            yield status, end


def _statuses(pod: Obj) -> list[Obj]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _condition(job: Obj, kind: str, reason: str | None = None) -> Obj | None:
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] == kind and condition["status"] == "True" and reason in (None, condition.get("reason")):
            return dict(condition)
    return None


def _sentence(text: str, detail: object) -> str:
    return f"{text}: {detail}"[:1000] if detail else f"{text}."
