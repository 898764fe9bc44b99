"""Namespaces: at most five, `default` among them."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.lookup import need_namespace, of_namespace, ordered, page, shown
from emulator.scf import limits
from emulator.scf.platform import Platform
from emulator.scf.records import Namespace

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]")
_DESCRIPTION = 1000


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Namespaces(platform), of_namespace(platform)
    return {
        "CreateNamespace": Action(own.create, resource),
        "UpdateNamespace": Action(own.update, resource),
        "DeleteNamespace": Action(own.delete, resource),
        "ListNamespaces": Action(own.list),
    }


class _Namespaces:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def create(self, call: Call, params: Params) -> Params:
        name = params["Namespace"]
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameterValue.Namespace", f"{name!r}: a letter, then letters, digits, - and _.")
        if self._registry.namespace(name) is not None:
            raise ApiError("ResourceInUse.Namespace", f"The namespace {name} exists already.")
        if len(self._registry.namespaces()) >= limits.NAMESPACES:
            raise ApiError("LimitExceeded.Namespace", f"A region has at most {limits.NAMESPACES} namespaces.")
        if params.get("ResourceEnv"):
            raise ApiError("UnsupportedOperation", "ResourceEnv is not supported.")
        now = time.time()
        self._registry.put(Namespace(name, _description(params), now, now))
        return {}

    async def update(self, call: Call, params: Params) -> Params:
        name = need_namespace(self._platform, params)
        known = self._registry.namespace(name)
        if known is not None:
            self._registry.put(replace(known, description=_description(params), modified=time.time()))
        return {}

    async def delete(self, call: Call, params: Params) -> Params:
        """Only an empty one; there is always `default`."""
        name = need_namespace(self._platform, params)
        if name == "default":
            raise ApiError("InvalidParameterValue.DefaultNamespace", "The namespace default cannot be deleted.")
        if next(self._registry.functions(name), None) is not None:
            raise ApiError("ResourceInUse.Namespace", f"There are functions in the namespace {name}.")
        known = self._registry.namespace(name)
        if known is not None:
            self._registry.remove(known)
        return {}

    async def list(self, call: Call, params: Params) -> Params:
        found = self._registry.namespaces()
        for search in params.get("SearchKey") or []:
            if search["Key"] not in ("Namespace", "Description"):
                raise ApiError("InvalidParameterValue.SearchKey", "SearchKey.Key is Namespace or Description.")
            field = "name" if search["Key"] == "Namespace" else "description"
            found = [one for one in found if search["Value"] in getattr(one, field)]
        keys = {"Name": lambda one: one.name, "Updatetime": lambda one: one.modified}
        found = ordered(found, params, keys, "Name", order_by="Orderby")
        return {"Namespaces": [_shape(one) for one in page(found, params)], "TotalCount": len(found)}


def _description(params: Params) -> str:
    text: str = params.get("Description") or ""
    if len(text) > _DESCRIPTION:
        raise ApiError("InvalidParameterValue.Description", f"A description has at most {_DESCRIPTION} characters.")
    return text


def _shape(one: Namespace) -> Params:
    return {
        "Name": one.name,
        "Description": one.description,
        "Type": "default",
        "AddTime": shown(one.added),
        "ModTime": shown(one.modified),
    }
