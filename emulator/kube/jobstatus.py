"""What a Job says about itself: its conditions and counts, as plain changes to the object."""

from __future__ import annotations

from datetime import datetime, timezone

from emulator.kube import podstatus
from emulator.kube.store import Obj, now


def condition(job: Obj, type_: str, value: bool, reason: str, message: str) -> None:
    """Set one condition of a Job."""
    listed = job["status"].setdefault("conditions", [])
    text, when = ("True" if value else "False"), now()
    old = next((each for each in listed if each["type"] == type_), None)
    if old and old["status"] == text:
        return
    new = {"type": type_, "status": text, "lastProbeTime": when, "lastTransitionTime": when}
    new |= {"reason": reason, "message": message}
    if old:
        listed[listed.index(old)] = new
    else:
        listed.append(new)


def true_condition(job: Obj, *types: str) -> Obj | None:
    """The first condition of these types that holds."""
    listed: list[Obj] = job["status"].get("conditions", [])
    return next((each for each in listed if each["type"] in types and each["status"] == "True"), None)


def finished(job: Obj) -> Obj | None:
    """The condition by which the Job has ended, if it has."""
    return true_condition(job, "Complete", "Failed")


def failure_target(job: Obj) -> tuple[str, str] | None:
    """Reason and message of a failure that has been decided, even if pods have still to end."""
    found = true_condition(job, "FailureTarget")
    return (found["reason"], found["message"]) if found else None


def active(pods: list[Obj]) -> list[Obj]:
    """Those that run or will run, and are not on their way out."""
    return [pod for pod in pods if not podstatus.is_terminal(pod) and not pod["metadata"].get("deletionTimestamp")]


def count(job: Obj, pods: list[Obj]) -> None:
    """Set active, ready and terminating from the pods there are."""
    running = active(pods)
    ready = [pod for pod in running if _is_ready(pod)]
    leaving = [pod for pod in pods if pod["metadata"].get("deletionTimestamp") and not podstatus.is_terminal(pod)]
    status = job["status"]
    status.update(ready=len(ready), terminating=len(leaving), uncountedTerminatedPods={})
    if running:
        status["active"] = len(running)
    else:
        status.pop("active", None)  # the real API leaves out a zero here, and only here


def restarts(pods: list[Obj]) -> int:
    """Container restarts in place: the failures of a Job whose pods restart OnFailure."""
    return sum(entry["restartCount"] for pod in pods for entry in podstatus.statuses(pod))


def essence(pod: Obj) -> tuple[object, ...]:
    """All of a pod that its Job depends on: nothing has to be done for a change that leaves it as it is."""
    return pod["status"].get("phase"), _is_ready(pod), pod["metadata"].get("deletionTimestamp"), restarts([pod])


def seconds_since(time: str) -> float:
    """Since a time as the API writes it."""
    then = datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return (datetime.now(timezone.utc) - then).total_seconds()


def _is_ready(pod: Obj) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
