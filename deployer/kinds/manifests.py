"""The folder of manifests: YAML documents in, the objects of one stage out. Pure, but for reading the files.

In a text, ${namespace}, ${name} (service-stage), ${user:<function>} and ${quota.pods|cpu|memory} are filled in. Left
out are documents that name the quota, where the stage has none, and those that name the user of a function which
fetches no kubeconfig: nobody would ever come under that name. Every object gets the labels that mark it as ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deployer.cluster import object_path
from deployer.context import DeployError
from deployer.declaration.model import Declaration
from deployer.kinds.marks import MANAGER
from deployer.permissions import reads_kubeconfig

Obj = dict[str, Any]

MANAGED_BY, SERVICE, STAGE = "app.kubernetes.io/managed-by", "patchmill/service", "patchmill/stage"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True)
class Api:
    """Where a kind is found. `rank`: a lower one is made earlier and deleted later."""

    root: str
    plural: str
    namespaced: bool = True
    rank: int = 1

    def collection(self, namespace: str) -> str:
        return f"{self.root}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{self.root}/{self.plural}"


APIS = {
    "Namespace": Api("/api/v1", "namespaces", namespaced=False, rank=0),
    "PriorityClass": Api("/apis/scheduling.k8s.io/v1", "priorityclasses", namespaced=False),
    "ServiceAccount": Api("/api/v1", "serviceaccounts"),
    "Role": Api("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": Api("/apis/rbac.authorization.k8s.io/v1", "rolebindings", rank=2),
    "ResourceQuota": Api("/api/v1", "resourcequotas"),
    "LimitRange": Api("/api/v1", "limitranges"),
    "NetworkPolicy": Api("/apis/networking.k8s.io/v1", "networkpolicies"),
}


@dataclass(frozen=True)
class Manifest:
    """One object, its variables not yet filled in where they are only known later."""

    kind: str
    obj: Obj
    namespace: str

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def collection(self) -> str:
        return APIS[self.kind].collection(self.namespace)

    @property
    def path(self) -> str:
        return object_path(self.collection, self.name)


def labels(declaration: Declaration) -> dict[str, str]:
    """The ownership mark of objects in the cluster."""
    return {MANAGED_BY: MANAGER, SERVICE: declaration.service, STAGE: declaration.stage}


def read(declaration: Declaration) -> list[Manifest]:
    """In the order in which they are made. Raises DeployError for what cannot be read or is of an unknown kind."""
    folder = declaration.cluster.manifests
    if folder is None:
        return []
    if not folder.is_dir():
        raise DeployError(f"There is no folder {folder} (resources.cluster.manifests).")
    found = [
        _manifest(declaration, path, document)
        for path in sorted(folder.glob("*.yml"))
        for document in _documents(path)
        if _needed(declaration, document)
    ]
    return sorted(found, key=lambda manifest: APIS[manifest.kind].rank)


def users(obj: Obj) -> set[str]:
    """The functions whose users it names."""
    return {name.removeprefix("user:") for name in _VARIABLE.findall(str(obj)) if name.startswith("user:")}


def fill(value: Any, values: dict[str, str]) -> Any:
    """The same structure with the variables of every text filled in. Raises DeployError for an unknown one."""
    if isinstance(value, dict):
        return {fill(name, values): fill(item, values) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    return _VARIABLE.sub(lambda match: _value(match[1], values), value) if isinstance(value, str) else value


def _documents(path: Path) -> Iterator[Obj]:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DeployError(f"{path} is not YAML: {error}") from None
    for document in documents:
        if document is None:
            continue
        metadata = document.get("metadata") if isinstance(document, dict) else None
        if not isinstance(metadata, dict) or not metadata.get("name"):
            raise DeployError(f"{path}: every document needs kind, apiVersion and metadata.name.")
        if document.get("kind") not in APIS:
            raise DeployError(f"{path}: {document.get('kind')} is none of {', '.join(APIS)}.")
        yield document


def _needed(declaration: Declaration, document: Obj) -> bool:
    if declaration.cluster.quota is None and "${quota." in str(document):
        return False
    named = (declaration.functions.get(name) for name in users(document))
    return all(function is None or reads_kubeconfig(function.permissions) for function in named)


def _manifest(declaration: Declaration, path: Path, document: Obj) -> Manifest:
    """With all filled in but the users, and with our labels."""
    quota, namespace = declaration.cluster.quota, declaration.cluster.namespace
    values = {"namespace": namespace, "name": declaration.namespace}
    if quota is not None:
        values |= {"quota.pods": str(quota.pods), "quota.cpu": quota.cpu, "quota.memory": quota.memory}
    values |= {f"user:{name}": f"${{user:{name}}}" for name in declaration.functions}
    try:
        obj: Obj = fill(document, values)
    except DeployError as error:
        raise DeployError(f"{path}: {error}") from None
    metadata = {**obj["metadata"], "labels": {**(obj["metadata"].get("labels") or {}), **labels(declaration)}}
    if APIS[obj["kind"]].namespaced:
        metadata["namespace"] = namespace
    return Manifest(obj["kind"], {**obj, "metadata": metadata}, namespace)


def _value(name: str, values: dict[str, str]) -> str:
    if name not in values:
        raise DeployError(f"unknown variable ${{{name}}}; there are {', '.join(sorted(values))}.")
    return values[name]
