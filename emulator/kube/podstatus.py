"""What a pod's status says, as plain changes to a Pod object: conditions, container states, phase.

Words and order follow the kubelet (kubernetes pkg/kubelet/status/generate.go, kubelet_pods.go).
"""

from __future__ import annotations

from collections.abc import Iterator

from emulator.kube.containers import Ending
from emulator.kube.store import Obj, now

TERMINAL = ("Succeeded", "Failed")


def is_terminal(pod: Obj) -> bool:
    return pod.get("status", {}).get("phase") in TERMINAL


def init_containers(pod: Obj) -> list[Obj]:
    return list(pod["spec"].get("initContainers", ()))


def statuses(pod: Obj) -> Iterator[Obj]:
    """The statuses of all containers, init containers first."""
    yield from pod["status"].get("initContainerStatuses", ())
    yield from pod["status"].get("containerStatuses", ())


def condition(pod: Obj, type_: str, value: bool, reason: str = "", message: str = "") -> None:
    """Set one condition; its time moves only when its value does."""
    listed = pod["status"].setdefault("conditions", [])
    text = "True" if value else "False"
    old = next((each for each in listed if each["type"] == type_), None)
    since = old["lastTransitionTime"] if old and old["status"] == text else now()
    new = {"type": type_, "status": text, "lastProbeTime": None, "lastTransitionTime": since}
    new |= {key: value for key, value in (("reason", reason), ("message", message)) if value}
    if old:
        listed[listed.index(old)] = new
    else:
        listed.append(new)


def admit(pod: Obj, ip: str) -> None:
    """The node has taken the pod: every container waits."""
    status = pod["status"]
    status.update(phase="Pending", startTime=now(), hostIP=ip, hostIPs=[{"ip": ip}], podIP=ip, podIPs=[{"ip": ip}])
    first = "PodInitializing" if init_containers(pod) else "ContainerCreating"
    if init_containers(pod):
        status["initContainerStatuses"] = [_waiting(each, "PodInitializing") for each in init_containers(pod)]
    status["containerStatuses"] = [_waiting(each, first) for each in pod["spec"]["containers"]]
    _conditions(pod)


def waiting(pod: Obj, name: str, reason: str, message: str = "") -> None:
    """The container waits; if it has run before, how it ended becomes its last state."""
    entry = _entry(pod, name)
    if "terminated" in entry["state"]:
        entry["lastState"] = entry["state"]
        entry["restartCount"] += 1
    entry.update(state={"waiting": {"reason": reason, **({"message": message} if message else {})}})
    entry.update(ready=False, started=False)
    _conditions(pod)


def running(pod: Obj, name: str, identity: str, image: str) -> None:
    """The container's process has been started."""
    entry = _entry(pod, name)
    main = name in {each["name"] for each in pod["spec"]["containers"]}
    entry.update(state={"running": {"startedAt": now()}}, started=True, ready=main, containerID=identity)
    entry["imageID"] = f"image://{image}"
    if main:
        pod["status"]["phase"] = "Running"
    _conditions(pod)


def terminated(pod: Obj, name: str, ending: Ending) -> None:
    """The container has ended. An init container that did so well counts as ready."""
    entry = _entry(pod, name)
    init = name in {each["name"] for each in init_containers(pod)}
    state = {"exitCode": ending.exit_code, "reason": ending.reason}
    state |= {"startedAt": ending.started_at, "finishedAt": ending.finished_at}
    state |= {"containerID": entry["containerID"]} if entry.get("containerID") else {}
    state |= {"message": ending.message} if ending.message else {}
    entry.update(state={"terminated": state}, started=False, ready=init and ending.exit_code == 0)
    _conditions(pod)


def finish(pod: Obj, reason: str = "", message: str = "") -> None:
    """The pod has ended: Failed when the node says why, else as its containers ended."""
    status = pod["status"]
    codes = [each["state"].get("terminated", {}).get("exitCode") for each in status.get("containerStatuses", ())]
    succeeded = not reason and bool(codes) and all(code == 0 for code in codes)
    status["phase"] = "Succeeded" if succeeded else "Failed"
    if reason:
        status.update(reason=reason, message=message)
    for entry in statuses(pod):
        entry["started"] = False
    _conditions(pod)


def lose(pod: Obj, reason: str, message: str) -> None:
    """The node does not know what became of the pod's processes, only that they are gone."""
    for entry in statuses(pod):
        if since := entry["state"].get("running", {}).get("startedAt"):
            gone = "The container could not be located when the pod was terminated"
            terminated(pod, entry["name"], Ending(137, "ContainerStatusUnknown", gone, since, now()))
    condition(pod, "DisruptionTarget", True, "TerminationByKubelet", message)
    finish(pod, reason, message)


def has_run(pod: Obj) -> bool:
    """Whether any of the pod's containers has been started."""
    return any("waiting" not in entry["state"] or entry["lastState"] for entry in statuses(pod))


def _waiting(container: Obj, reason: str) -> Obj:
    return {
        "name": container["name"],
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "started": False,
    }


def _entry(pod: Obj, name: str) -> Obj:
    return next(each for each in statuses(pod) if each["name"] == name)


def _conditions(pod: Obj) -> None:
    status = pod["status"]
    inits = [each["name"] for each in status.get("initContainerStatuses", ()) if not each["ready"]]
    mains = [each["name"] for each in status.get("containerStatuses", ()) if not each["ready"]]
    if status["phase"] == "Succeeded":
        condition(pod, "Initialized", True, "PodCompleted")
    elif inits:
        text = f"containers with incomplete status: [{' '.join(inits)}]"
        condition(pod, "Initialized", False, "ContainersNotInitialized", text)
    else:
        condition(pod, "Initialized", True)
    why, text = "ContainersNotReady", f"containers with unready status: [{' '.join(mains)}]"
    if status["phase"] in TERMINAL:
        why, text = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}[status["phase"]], ""
    for type_ in ("Ready", "ContainersReady"):
        if mains or status["phase"] in TERMINAL:
            condition(pod, type_, False, why, text)
        else:
            condition(pod, type_, True)
