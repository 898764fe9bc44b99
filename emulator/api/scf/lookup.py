"""What several actions need: what a request names, parts of lists, times and resources as the platform shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from emulator.api.action import ApiError, Params
from emulator.scf.platform import Platform
from emulator.scf.records import LATEST, Alias, Function, Version

T = TypeVar("T")
_ZONE = timezone(timedelta(hours=8))
PAGE = 20
"""Elements of a list where Limit does not say."""


def namespace_name(params: Params) -> str:
    return params.get("Namespace") or "default"


def need_namespace(platform: Platform, params: Params) -> str:
    name = namespace_name(params)
    if platform.registry.namespace(name) is None:
        raise ApiError("ResourceNotFound.Namespace", f"The namespace {name} does not exist.")
    return name


def need_function(platform: Platform, params: Params) -> Function:
    namespace, name = need_namespace(platform, params), params["FunctionName"]
    found = platform.registry.function(namespace, name)
    if found is None:
        raise ApiError("ResourceNotFound.Function", f"The function {name} does not exist in {namespace}.")
    return found


def latest(platform: Platform, function: Function) -> Version:
    """$LATEST, which every function has."""
    return need_version(platform, function, LATEST)


def need_active(platform: Platform, function: Function) -> Version:
    """$LATEST, when nothing is under way with the function (cloud.tencent.com/document/api/583/115197)."""
    found = latest(platform, function)
    if found.status != "Active":
        text = f"The function {function.name} is {found.status}; try again when it is Active."
        raise ApiError("FailedOperation.FunctionStatusError", text)
    return found


def need_version(platform: Platform, function: Function, version: str) -> Version:
    found = platform.registry.version(function.namespace, function.name, version)
    if found is None:
        raise ApiError("ResourceNotFound.FunctionVersion", f"{function.name} has no version {version}.")
    return found


def need_alias(platform: Platform, function: Function, name: str) -> Alias:
    found = platform.registry.alias(function.namespace, function.name, name)
    if found is None:
        raise ApiError("ResourceNotFound.Alias", f"{function.name} has no alias {name}.")
    return found


def need_qualifier(platform: Platform, function: Function, qualifier: str) -> Version:
    """The version, or the main version of the alias."""
    alias = platform.registry.alias(function.namespace, function.name, qualifier)
    found = platform.registry.version(function.namespace, function.name, alias.version if alias else qualifier)
    if found is None:
        text = f"{function.name} has no version or alias {qualifier}."
        raise ApiError("ResourceNotFound.Qualifier", text)
    return found


def shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, _ZONE).strftime("%Y-%m-%d %H:%M:%S")


def page(items: Sequence[T], params: Params, *, most: int = 1000) -> list[T]:
    """The part that Offset and Limit ask for; ListAliases has them as texts."""
    numbers = {}
    for key, default in (("Offset", 0), ("Limit", PAGE)):
        given = params.get(key)
        text = str(default if given is None else given)
        if not text.isdecimal() or (key == "Limit" and not 1 <= int(text) <= most):
            raise ApiError(f"InvalidParameterValue.{key}", f"{key} {text!r} is out of range.")
        numbers[key] = int(text)
    return list(items[numbers["Offset"] : numbers["Offset"] + numbers["Limit"]])


def ordered(
    items: Sequence[T],
    params: Params,
    keys: dict[str, Callable[[T], object]],
    default: str,
    *,
    order_by: str = "OrderBy",
) -> list[T]:
    """Sorted by one of `keys`. Ascending unless Order is DESC."""
    by, order = params.get(order_by) or default, params.get("Order") or "ASC"
    if by not in keys:
        raise ApiError("InvalidParameterValue.OrderBy", f"{order_by} is one of {', '.join(keys)}.")
    if order not in ("ASC", "DESC"):
        raise ApiError("InvalidParameterValue.Order", "Order is ASC or DESC.")
    return sorted(items, key=keys[by], reverse=order == "DESC")  # type: ignore[arg-type]


def switch(params: Params, key: str, default: str = "FALSE") -> bool:
    """TRUE or FALSE, as texts."""
    given = params.get(key) or default
    if given not in ("TRUE", "FALSE"):
        raise ApiError(f"InvalidParameterValue.{key}", f"{key} is TRUE or FALSE.")
    return bool(given == "TRUE")


def of_function(platform: Platform) -> Callable[[Params], str]:
    """The resource that CAM is asked about (cloud.tencent.com/document/product/583/47933)."""

    def resource(params: Params) -> str:
        below = f"namespace/{namespace_name(params)}/function/{params.get('FunctionName') or '*'}"
        return f"qcs::scf:{platform.site.region}:uin/{platform.site.uin}:{below}"

    return resource


def of_namespace(platform: Platform) -> Callable[[Params], str]:
    def resource(params: Params) -> str:
        return f"qcs::scf:{platform.site.region}:uin/{platform.site.uin}:namespace/{namespace_name(params)}"

    return resource
