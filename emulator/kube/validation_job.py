"""Is a Job valid, and is a change to it allowed? One cause for each thing that is wrong (pkg/apis/batch/validation)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.kube import rules
from emulator.kube.defaults import own_labels
from emulator.kube.errors import Cause
from emulator.kube.objects import Obj
from emulator.kube.validation_pod import pod_spec

IMMUTABLE = (
    *("completions", "selector", "template", "completionMode", "podFailurePolicy", "podReplacementPolicy"),
    *("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy", "managedBy", "manualSelector"),
)
_NOT_SERVED = ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy", "managedBy", "scheduling")
_NOT_OURS = "the Job controller of this cluster does not have it"
_NUMBERS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")


def job_spec(job: Obj) -> Iterator[Cause]:
    spec = job["spec"]
    for field in _NUMBERS:
        yield from rules.between(f"spec.{field}", spec.get(field), 0)
    yield from rules.one_of("spec.completionMode", spec.get("completionMode"), {"NonIndexed"})
    for field in _NOT_SERVED:
        if field in spec:
            yield rules.forbidden(f"spec.{field}", _NOT_OURS)
    yield from _selector(job)
    yield from _template(spec["template"])
    replacement = spec.get("podReplacementPolicy")
    if "podFailurePolicy" in spec:
        yield from _failure_policy(spec["podFailurePolicy"], spec["template"].get("spec", {}))
        yield from rules.one_of("spec.podReplacementPolicy", replacement, {"Failed"})
    else:
        yield from rules.one_of("spec.podReplacementPolicy", replacement, {"Failed", "TerminatingOrFailed"})


def _template(template: dict[str, Any]) -> Iterator[Cause]:
    yield from rules.labels("spec.template.labels", template.get("metadata", {}).get("labels", {}))
    if "spec" not in template:
        yield rules.required("spec.template.spec.containers")
        return
    policy = template["spec"].get("restartPolicy")
    if policy == "Always":
        yield rules.unsupported("spec.template.spec.restartPolicy", policy, {"OnFailure", "Never"})
    yield from pod_spec(template["spec"], "spec.template.spec")


def _selector(job: Obj) -> Iterator[Cause]:
    spec = job["spec"]
    selector, labels = spec.get("selector", {}), spec["template"].get("metadata", {}).get("labels", {})
    if spec.get("manualSelector"):
        if selector.get("matchExpressions"):
            yield rules.forbidden("spec.selector.matchExpressions", _NOT_OURS)
        if not selector.get("matchLabels"):
            yield rules.required("spec.selector")
        if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
            yield rules.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
        return
    own = own_labels(job)
    key = "batch.kubernetes.io/controller-uid"
    if selector != {"matchLabels": {key: own[key]}}:
        yield rules.invalid("spec.selector", selector, "`selector` not auto-generated")
    for key, value in own.items():
        if labels.get(key) != value:
            yield rules.invalid(f"spec.template.metadata.labels[{key}]", labels.get(key), f"must be {value!r}")


def _failure_policy(policy: dict[str, Any], pod: dict[str, Any]) -> Iterator[Cause]:
    if pod.get("restartPolicy") != "Never":
        why = "only supports `Never` when podFailurePolicy is specified"
        yield rules.invalid("spec.template.spec.restartPolicy", pod.get("restartPolicy"), why)
    names = {found.get("name") for group in ("containers", "initContainers") for found in pod.get(group, [])}
    if len(policy["rules"]) > 20:
        yield Cause("FieldValueTooMany", "spec.podFailurePolicy.rules", "Too many: must have at most 20 items")
    for index, rule in enumerate(policy["rules"]):
        where = f"spec.podFailurePolicy.rules[{index}]"
        yield from rules.one_of(f"{where}.action", rule["action"], {"FailJob", "Ignore", "Count"})
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if bool(codes) == bool(conditions):
            yield rules.invalid(where, "", "specifying one of OnExitCodes and OnPodConditions is required")
        elif codes:
            yield from _exit_codes(codes, f"{where}.onExitCodes", names)
        for number, condition in enumerate(conditions or []):
            status = condition.get("status")
            yield from rules.one_of(f"{where}.onPodConditions[{number}].status", status, {"True", "False", "Unknown"})


def _exit_codes(codes: dict[str, Any], path: str, containers: set[Any]) -> Iterator[Cause]:
    yield from rules.one_of(f"{path}.operator", codes["operator"], {"In", "NotIn"})
    name = codes.get("containerName")
    if name is not None and name not in containers:
        yield rules.invalid(f"{path}.containerName", name, "must be one of the container or initContainer names")
    values = codes["values"]
    if not 1 <= len(values) <= 255:
        yield rules.invalid(f"{path}.values", values, "must have between 1 and 255 items")
    if values != sorted(set(values)):
        yield rules.invalid(f"{path}.values", values, "must be ordered and without duplicates")
    if codes["operator"] == "In" and 0 in values:
        yield rules.invalid(f"{path}.values", 0, "must not be 0 for the In operator")


def job_update(new: Obj, old: Obj) -> Iterator[Cause]:
    for field in IMMUTABLE:
        if new["spec"].get(field) != old["spec"].get(field):
            yield rules.invalid(f"spec.{field}", new["spec"].get(field), "field is immutable")
