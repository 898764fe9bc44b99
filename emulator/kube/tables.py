"""Lists as kubectl prints them: objects in, a server-side Table (meta.k8s.io/v1) out (pkg/printers/internalversion)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

from emulator.kube import tables_policy
from emulator.kube.objects import Obj, parse_time

Column = tuple[str, str, int, Callable[[Obj], Any]]  # name, type, priority (1: only with -o wide), value


def table(kind: str, objects: Iterable[Obj], version: str, include: str, metadata: dict[str, Any]) -> Obj:
    """`version` v1 or v1beta1; `include` None, Metadata or Object: what of each object goes with its row."""
    columns = _COLUMNS[kind]
    definitions = [
        {
            "name": name,
            "type": type_,
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": priority,
        }
        for name, type_, priority, _ in columns
    ]
    rows = [{"cells": [value(obj) for *_, value in columns], **_included(obj, version, include)} for obj in objects]
    head = {"kind": "Table", "apiVersion": f"meta.k8s.io/{version}", "metadata": metadata}
    return {**head, "columnDefinitions": definitions, "rows": rows}


def _included(obj: Obj, version: str, include: str) -> dict[str, Any]:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": obj}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}
    return {"object": partial}


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Obj) -> str:
    return duration(_seconds_since(obj["metadata"].get("creationTimestamp")))


def _seconds_since(start: str | None, end: str | None = None) -> float | None:
    if not start:
        return None
    stop = parse_time(end) if end else datetime.now(timezone.utc)
    return (stop - parse_time(start)).total_seconds()


def duration(seconds: float | None) -> str:
    """Short, as in the AGE column: 90s, 5m10s, 3h, 2d."""
    if seconds is None:
        return "<unknown>"
    whole = max(int(seconds), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    return f"{hours}h" if days < 2 else f"{days}d"


def _job_status(job: Obj) -> str:
    conditions = {c["type"]: c["status"] for c in job.get("status", {}).get("conditions", [])}
    for name, shown in (("Complete", "Complete"), ("Failed", "Failed")):
        if conditions.get(name) == "True":
            return shown
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for name in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if conditions.get(name) == "True":
            return name
    return "Running"


def _completions(job: Obj) -> str:
    done, spec = job.get("status", {}).get("succeeded", 0), job["spec"]
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    return f"{done}/1 of {spec['parallelism']}" if spec.get("parallelism", 1) > 1 else f"{done}/1"


def _job_duration(job: Obj) -> str:
    status = job.get("status", {})
    if not status.get("startTime"):
        return ""
    return duration(_seconds_since(status["startTime"], status.get("completionTime")))


def _statuses(pod: Obj, group: str = "containerStatuses") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod.get("status", {}).get(group, [])
    return found


def _ready(pod: Obj) -> str:
    return f"{sum(1 for s in _statuses(pod) if s.get('ready'))}/{len(pod['spec']['containers'])}"


def _restarts(pod: Obj) -> str:
    return str(sum(s.get("restartCount", 0) for s in _statuses(pod)))


def _pod_status(pod: Obj) -> str:
    """The STATUS column: a reason from the containers says more than the phase."""
    status = pod.get("status", {})
    shown = str(status.get("reason") or status.get("phase", "Unknown"))
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for index, one in enumerate(_statuses(pod, "initContainerStatuses")):
        terminated = one.get("state", {}).get("terminated")
        if terminated and terminated["exitCode"] == 0:
            continue
        reason = _reason(one)
        if reason and reason != "PodInitializing":
            return f"Init:{reason}"
        return f"Init:{index}/{len(pod['spec'].get('initContainers', []))}"
    for one in reversed(_statuses(pod)):
        shown = _reason(one) or shown
    return shown


def _reason(container: dict[str, Any]) -> str:
    state = container.get("state", {})
    if waiting := state.get("waiting"):
        return str(waiting.get("reason", ""))
    if terminated := state.get("terminated"):
        return str(terminated.get("reason") or f"ExitCode:{terminated['exitCode']}")
    return ""


def _last_seen(event: Obj) -> str:
    when = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    return duration(_seconds_since(when))


def _involved(event: Obj) -> str:
    about = event["involvedObject"]
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _names(field: str) -> Callable[[Obj], str]:
    return lambda job: ",".join(c.get(field, "") for c in job["spec"]["template"]["spec"]["containers"])


def _selector(job: Obj) -> str:
    return ",".join(f"{k}={v}" for k, v in job["spec"].get("selector", {}).get("matchLabels", {}).items())


def _node_status(node: Obj) -> str:
    ready = [c for c in node.get("status", {}).get("conditions", []) if c["type"] == "Ready"]
    return "Ready" if ready and ready[0]["status"] == "True" else "NotReady"


_NAME: Column = ("Name", "string", 0, _name)
_AGE: Column = ("Age", "string", 0, _age)
_CREATED: Column = ("Created At", "date", 0, tables_policy.created)
_BINDING: tuple[Column, ...] = (
    _NAME,
    ("Role", "string", 0, tables_policy.role_ref),
    _AGE,
    ("Users", "string", 1, tables_policy.subjects("User")),
    ("Groups", "string", 1, tables_policy.subjects("Group")),
    ("ServiceAccounts", "string", 1, tables_policy.subjects("ServiceAccount")),
)
_COLUMNS: dict[str, tuple[Column, ...]] = {
    "Job": (
        _NAME,
        ("Status", "string", 0, _job_status),
        ("Completions", "string", 0, _completions),
        ("Duration", "string", 0, _job_duration),
        _AGE,
        ("Containers", "string", 1, _names("name")),
        ("Images", "string", 1, _names("image")),
        ("Selector", "string", 1, _selector),
    ),
    "Pod": (
        _NAME,
        ("Ready", "string", 0, _ready),
        ("Status", "string", 0, _pod_status),
        ("Restarts", "string", 0, _restarts),
        _AGE,
        ("IP", "string", 1, lambda pod: pod.get("status", {}).get("podIP") or "<none>"),
        ("Node", "string", 1, lambda pod: pod["spec"].get("nodeName") or "<none>"),
    ),
    "Secret": (
        _NAME,
        ("Type", "string", 0, lambda secret: secret.get("type", "")),
        ("Data", "string", 0, lambda secret: len(secret.get("data", {}))),
        _AGE,
    ),
    "Event": (
        ("Last Seen", "string", 0, _last_seen),
        ("Type", "string", 0, lambda event: event.get("type", "")),
        ("Reason", "string", 0, lambda event: event.get("reason", "")),
        ("Object", "string", 0, _involved),
        ("Message", "string", 0, lambda event: event.get("message", "").strip()),
        ("Count", "integer", 1, lambda event: event.get("count", 1)),
        ("Name", "string", 1, _name),
    ),
    "ServiceAccount": (_NAME, ("Secrets", "string", 0, lambda account: len(account.get("secrets", []))), _AGE),
    "Role": (_NAME, _CREATED),
    "ClusterRole": (_NAME, _CREATED),
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "ResourceQuota": (
        _NAME,
        ("Request", "string", 0, tables_policy.quota(limits=False)),
        ("Limit", "string", 0, tables_policy.quota(limits=True)),
        _AGE,
    ),
    "LimitRange": (_NAME, _CREATED),
    "PriorityClass": (
        _NAME,
        ("Value", "integer", 0, lambda found: found.get("value", 0)),
        ("Global-Default", "boolean", 0, lambda found: found.get("globalDefault", False)),
        _AGE,
        ("PreemptionPolicy", "string", 1, lambda found: found.get("preemptionPolicy", "")),
    ),
    "NetworkPolicy": (_NAME, ("Pod-Selector", "string", 0, tables_policy.pod_selector), _AGE),
    "Namespace": (_NAME, ("Status", "string", 0, lambda ns: ns.get("status", {}).get("phase", "")), _AGE),
    "Node": (
        _NAME,
        ("Status", "string", 0, _node_status),
        ("Roles", "string", 0, lambda _: "<none>"),
        _AGE,
        ("Version", "string", 0, lambda node: node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")),
    ),
}
