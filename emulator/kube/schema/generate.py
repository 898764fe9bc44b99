"""Make kinds.json from the models of the official Kubernetes client: `python -m emulator.kube.schema.generate`.

in   the pydantic models of the package `kubernetes` (only here: importing it takes seconds and 100 MB)
out  {model: {wire name of a field: type}}; a type is str, int, bool, float, datetime, bytes, any, int|str, quantity,
     the name of a model, or one of these in [] (a list) or {} (a map); a trailing ! marks a required field
"""

from __future__ import annotations

import json
import typing

from emulator.kube.schema import SCHEMA_FILE

ROOTS = (
    *("V1Job", "V1Pod", "V1Secret", "CoreV1Event", "V1Namespace", "V1Node", "V1DeleteOptions"),
    *("V1ServiceAccount", "V1Role", "V1RoleBinding", "V1ClusterRole", "V1ClusterRoleBinding"),
    *("V1ResourceQuota", "V1LimitRange", "V1PriorityClass", "V1NetworkPolicy"),
    *("V1SelfSubjectAccessReview", "V1SelfSubjectReview"),
)

# The client calls a quantity a str; the API also takes a number (apimachinery/pkg/api/resource).
_QUANTITIES = {
    ("V1ResourceRequirements", "limits"),
    ("V1ResourceRequirements", "requests"),
    ("V1VolumeResourceRequirements", "limits"),
    ("V1VolumeResourceRequirements", "requests"),
    ("V1PodSpec", "overhead"),
    ("V1EmptyDirVolumeSource", "sizeLimit"),
    ("V1ResourceFieldSelector", "divisor"),
    ("V1NodeStatus", "allocatable"),
    ("V1NodeStatus", "capacity"),
    ("V1ResourceQuotaSpec", "hard"),
    ("V1ResourceQuotaStatus", "hard"),
    ("V1ResourceQuotaStatus", "used"),
    *(("V1LimitRangeItem", name) for name in ("default", "defaultRequest", "max", "min", "maxLimitRequestRatio")),
}


def build() -> dict[str, dict[str, str]]:
    """Every model that can be reached from ROOTS."""
    from kubernetes.client import models

    schema: dict[str, dict[str, str]] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in schema:
            continue
        model = getattr(models, name)
        schema[name] = {}
        by_wire = {field.serialization_alias or attribute: field for attribute, field in model.model_fields.items()}
        for attribute, declared in model.openapi_types.items():
            wire = model.attribute_map[attribute]
            field = by_wire[wire]
            shape = "int|str" if _is_int_or_string(declared, field.annotation) else _shape(declared)
            if (name, wire) in _QUANTITIES:
                shape = shape.replace("str", "quantity")
            schema[name][wire] = shape + ("!" if field.is_required() else "")
            element = shape.strip("[]{}!")
            if hasattr(models, element):
                waiting.append(element)
    return dict(sorted(schema.items()))


def _shape(declared: str) -> str:
    if declared.startswith("List["):
        return f"[{_shape(declared[5:-1])}]"
    if declared.startswith("Dict[str, "):
        return f"{{{_shape(declared[10:-1])}}}"
    return "any" if declared == "object" else declared


def _is_int_or_string(declared: str, annotation: object) -> bool:
    return declared == "object" and "int" in str(annotation) and typing.get_origin(annotation) is typing.Union


def text() -> str:
    """The file: one model a line, so that a new release of the client reads as a small diff."""
    lines = [f"{json.dumps(name)}: {json.dumps(fields, sort_keys=True)}" for name, fields in build().items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(text())
