"""Patches: a stored object and a patch in, the object as it should be out. Neither argument is changed.

Two forms are understood: JSON merge patch (RFC 7386) and the strategic merge patch that kubectl and the client
libraries send, in which lists of named things merge by name and keys that start with `$` are directives.
"""

from __future__ import annotations

from typing import Any

from emulator.kube.errors import BadRequest
from emulator.kube.objects import Obj, clone

# Lists that merge by a key of their items (patchMergeKey in the API's types); every other list is replaced whole.
_MERGE_KEYS = {
    **dict.fromkeys(("containers", "initContainers", "volumes", "env", "imagePullSecrets"), "name"),
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "ownerReferences": "uid",
    "conditions": "type",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
_SETS = {"finalizers"}  # lists of plain values that are joined


def merge(target: Obj, patch: Obj) -> Obj:
    """RFC 7386."""
    result = clone(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def strategic(target: Obj, patch: Obj) -> Obj:
    """Kubernetes' own. Raises BadRequest for a directive or a list that cannot be applied."""
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = clone(target)
    if isinstance(kept := patch.get("$retainKeys"), list):
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in patch.items():
        if key.startswith("$"):
            _directive(result, key, value)
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            _merge_map(result, key, value)
        elif isinstance(value, list):
            result[key] = _merge_list(key, result.get(key), value)
        else:
            result[key] = value
    return result


def _merge_map(result: Obj, key: str, patch: Obj) -> None:
    if patch.get("$patch") == "delete":
        result.pop(key, None)
        return
    below = result.get(key)
    result[key] = strategic(below if isinstance(below, dict) else {}, patch)


def _directive(result: Obj, key: str, value: Any) -> None:
    name, _, field = key.partition("/")
    if name == "$deleteFromPrimitiveList" and isinstance(value, list):
        current = result.get(field)
        result[field] = [item for item in (current if isinstance(current, list) else []) if item not in value]
    elif name not in ("$setElementOrder", "$retainKeys"):  # the order of named things means nothing to us
        raise BadRequest(f"unsupported directive in a strategic merge patch: {key}")


def _merge_list(name: str, current: Any, patch: list[Any]) -> list[Any]:
    current = current if isinstance(current, list) else []
    if name in _SETS:
        return [*current, *(item for item in patch if item not in current)]
    key = _MERGE_KEYS.get(name)
    if key is None:
        return patch
    if not all(isinstance(item, dict) for item in (*current, *patch)):
        raise BadRequest(f"a strategic merge patch of {name} must be a list of objects")
    if {"$patch": "replace"} in patch:
        return [item for item in patch if item != {"$patch": "replace"}]
    merged = {item.get(key): item for item in current}
    for item in patch:
        if not isinstance(item.get(key), (str, int)):
            raise BadRequest(f"an item of {name} in a strategic merge patch must have {key}")
        if item.get("$patch") == "delete":
            merged.pop(item[key], None)
        else:
            merged[item[key]] = strategic(merged.get(item[key], {}), item)
    return list(merged.values())
