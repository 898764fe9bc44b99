"""A Job's podFailurePolicy: a failed pod in, what it means for the Job out.

After kubernetes pkg/controller/job/pod_failure_policy.go.
"""

from __future__ import annotations

from emulator.kube import podstatus
from emulator.kube.store import Obj

FAIL_JOB, IGNORE, COUNT = "FailJob", "Ignore", "Count"


def judge(job: Obj, pod: Obj) -> tuple[str, str]:
    """The action of the first rule that fits, else Count, and for FailJob the sentence for the Job's condition."""
    where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for index, rule in enumerate(job["spec"].get("podFailurePolicy", {}).get("rules", ())):
        why = None
        if codes := rule.get("onExitCodes"):
            why = _by_exit_code(codes, pod, where)
        elif conditions := rule.get("onPodConditions"):
            why = _by_condition(conditions, pod, where)
        if why is not None:
            return rule["action"], f"{why} matching {rule['action']} rule at index {index}"
    return COUNT, ""


def _by_exit_code(rule: Obj, pod: Obj, where: str) -> str | None:
    for entry in podstatus.statuses(pod):
        code = entry["state"].get("terminated", {}).get("exitCode", 0)
        if code == 0 or rule.get("containerName") not in (None, entry["name"]):
            continue
        if (code in rule["values"]) == (rule["operator"] == "In"):
            return f"Container {entry['name']} for pod {where} failed with exit code {code}"
    return None


def _by_condition(patterns: list[Obj], pod: Obj, where: str) -> str | None:
    for pattern in patterns:
        for condition in pod["status"].get("conditions", ()):
            if condition["type"] == pattern["type"] and condition["status"] == pattern.get("status", "True"):
                return f"Pod {where} has condition {condition['type']}"
    return None
