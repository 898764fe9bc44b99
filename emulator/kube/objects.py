"""Kubernetes objects as JSON data: small tools that every part of the cluster needs."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

from emulator.kube.resources import KINDS

Obj = dict[str, Any]  # a whole object in wire form: apiVersion, kind, metadata, spec, status, data …
Key = tuple[str, str, str]  # kind, namespace ("" for a cluster-wide kind), name

_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)


def key_of(obj: Obj) -> Key:
    """Where an object lives; a namespaced one that names no namespace is in "default"."""
    metadata, kind = obj["metadata"], str(obj["kind"])
    namespace = str(metadata.get("namespace") or "default") if KINDS[kind].namespaced else ""
    return kind, namespace, str(metadata["name"])


def clone(obj: Obj) -> Obj:
    """A deep copy of JSON data, several times as fast as copy.deepcopy."""
    return {key: _copy(value) for key, value in obj.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def now(offset_s: float = 0) -> str:
    """The time as the API writes it: UTC, whole seconds."""
    return (datetime.now(timezone.utc) + timedelta(seconds=offset_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """A time as in RFC 3339; what is finer than a microsecond is cut. Raises ValueError for anything else."""
    match = _TIME.match(text)
    if not match:
        raise ValueError("not a time as in RFC 3339")
    whole, fraction, zone = match.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    return datetime.fromisoformat(f"{whole.upper()}.{micros}{'+00:00' if zone in 'Zz' else zone}")


def new_service_account(namespace: str) -> Obj:
    """The ServiceAccount that every namespace has from its beginning."""
    metadata = {"name": "default", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def new_namespace(name: str) -> Obj:
    """A fresh Namespace object."""
    metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
    spec, status = {"finalizers": ["kubernetes"]}, {"phase": "Active"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": spec, "status": status}
