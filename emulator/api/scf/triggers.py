"""Triggers: created, changed, listed and deleted; what they are told of the description is in emulator/scf/triggerdesc.

A trigger is known by type, name and qualifier. For COS that is the bucket, of which a function may have several rules:
there event and filter of the description belong to it, too.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import replace

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.lookup import need_active, need_function, need_qualifier, of_function, ordered, page, shown
from emulator.scf import limits, triggerdesc
from emulator.scf.platform import Platform
from emulator.scf.records import LATEST, Function, Json, Trigger
from emulator.scf.triggerdesc import DescError

_TYPES = ("timer", "cos", "ckafka", "http")
_ENABLE = {"OPEN": True, "CLOSE": False}


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Triggers(platform), of_function(platform)
    return {
        "CreateTrigger": Action(own.create, resource),
        "UpdateTrigger": Action(own.update, resource),
        "UpdateTriggerStatus": Action(own.update_status, resource),
        "DeleteTrigger": Action(own.delete, resource),
        "ListTriggers": Action(own.list, resource),
    }


class _Triggers:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def create(self, call: Call, params: Params) -> Params:
        function, now = need_function(self._platform, params), time.time()
        need_active(self._platform, function)
        qualifier = params.get("Qualifier") or LATEST
        need_qualifier(self._platform, function, qualifier)
        kind = _type(params, _TYPES)
        trigger = Trigger(
            id=secrets.token_hex(5),
            namespace=function.namespace,
            function=function.name,
            qualifier=qualifier,
            name=params["TriggerName"],
            type=kind,
            desc=self._desc(kind, params),
            enabled=_enabled(params, default=True),
            argument=_argument(kind, params),
            description=params.get("Description") or "",
            added=now,
            modified=now,
        )
        self._check_new(trigger)
        self._registry.put(trigger)
        await self._platform.triggers.run(trigger)
        return {"TriggerInfo": self.shape(trigger)}

    async def update(self, call: Call, params: Params) -> Params:
        """In place: a Function URL keeps its address. Not for COS, whose rules are deleted and made anew."""
        function = need_function(self._platform, params)
        need_active(self._platform, function)
        kind = _type(params, ("timer", "ckafka", "http"))
        known = self._need(function, params)
        changed = replace(
            known,
            desc=self._desc(kind, params) if params.get("TriggerDesc") else known.desc,
            enabled=_enabled(params, default=known.enabled),
            argument=known.argument if params.get("CustomArgument") is None else _argument(kind, params),
            description=known.description if params.get("Description") is None else params["Description"],
            modified=time.time(),
        )
        self._registry.put(changed)
        await self._platform.triggers.run(changed)
        return {}

    async def update_status(self, call: Call, params: Params) -> Params:
        function = need_function(self._platform, params)
        need_active(self._platform, function)
        _type(params, ("timer", "cos", "ckafka"))
        known = self._need(function, params)
        changed = replace(known, enabled=_enabled(params, default=known.enabled), modified=time.time())
        self._registry.put(changed)
        await self._platform.triggers.run(changed)
        return {}

    async def delete(self, call: Call, params: Params) -> Params:
        function = need_function(self._platform, params)
        need_active(self._platform, function)
        _type(params, _TYPES)
        known = self._need(function, params)
        self._registry.remove(known)
        await self._platform.triggers.end(known)
        return {}

    async def list(self, call: Call, params: Params) -> Params:
        """Newest first, unless Order is ASC."""
        function = need_function(self._platform, params)
        found = self._registry.triggers(function.namespace, function.name)
        fields = {"Qualifier": "qualifier", "TriggerName": "name", "Description": "description", "Type": "type"}
        for one in params.get("Filters") or []:
            if one["Name"] not in fields:
                raise ApiError("InvalidParameterValue.Filters", f"Filters have the names {', '.join(fields)}.")
            found = [known for known in found if getattr(known, fields[one["Name"]]) in (one.get("Values") or [])]
        keys = {"add_time": lambda one: one.added, "mod_time": lambda one: one.modified}
        found = ordered(found, {"Order": "DESC", **_given(params)}, keys, "mod_time")
        return {"Triggers": [self.shape(one) for one in page(found, params)], "TotalCount": len(found)}

    def shape(self, one: Trigger) -> Params:
        return shape(self._platform, one)

    def _desc(self, kind: str, params: Params) -> Json:
        name, text, site = params["TriggerName"], params.get("TriggerDesc") or "", self._platform.site
        try:
            if kind == "timer":
                return triggerdesc.timer_desc(name, text)
            if kind == "cos":
                return triggerdesc.cos_desc(name, text, region=site.region, app_id=site.app_id)
            if kind == "ckafka":
                return triggerdesc.ckafka_desc(name, text, instances=self._platform.kafka)
            return triggerdesc.http_desc(name, text)
        except DescError as error:
            raise ApiError(f"InvalidParameterValue.{error.about}", f"Trigger {name}: {error}.") from None

    def _check_new(self, trigger: Trigger) -> None:
        """The platform's rules across the triggers of a function and the rules of a bucket."""
        known = self._registry.triggers(trigger.namespace, trigger.function)
        same = [one for one in known if one.type == trigger.type]
        if any((one.name, one.qualifier) == (trigger.name, trigger.qualifier) for one in same if trigger.type != "cos"):
            raise ApiError("ResourceInUse.TriggerName", f"There is a trigger {trigger.name} already.")
        if trigger.type == "http" and any(one.qualifier == trigger.qualifier for one in same):
            raise ApiError("ResourceInUse.Trigger", f"{trigger.qualifier} has a Function URL already.")
        if len(same) >= limits.TRIGGERS_PER_TYPE:
            text = f"A function has at most {limits.TRIGGERS_PER_TYPE} triggers of a type."
            raise ApiError("LimitExceeded.Trigger", text)
        if trigger.type == "cos":
            self._check_rule(trigger)

    def _check_rule(self, trigger: Trigger) -> None:
        """Rules of one bucket must not overlap, whatever function they are for."""
        rule = triggerdesc.cos_rule(trigger.name, trigger.desc)
        others = [one for one in self._registry.triggers() if one.type == "cos"]
        rules = [(one, triggerdesc.cos_rule(one.name, one.desc)) for one in others]
        for one, other in rules:
            if rule.overlaps(other):
                text = f"The rule overlaps one of the function {one.function} on {rule.bucket}."
                raise ApiError("InvalidParameterValue.CosNotifyRuleConflict", text)
        if sum(other.bucket == rule.bucket for _, other in rules) >= limits.RULES_PER_BUCKET:
            raise ApiError("LimitExceeded.Trigger", f"A bucket has at most {limits.RULES_PER_BUCKET} rules.")

    def _need(self, function: Function, params: Params) -> Trigger:
        """The one that is meant. Raises ApiError."""
        kind, name, qualifier = params["Type"], params["TriggerName"], params.get("Qualifier") or LATEST
        known = self._registry.triggers(function.namespace, function.name)
        found = [one for one in known if (one.type, one.name, one.qualifier) == (kind, name, qualifier)]
        if kind == "cos":
            wanted = self._desc(kind, params)
            with_filter = "filter" in json.loads(params.get("TriggerDesc") or "{}")
            found = [one for one in found if one.desc["event"] == wanted["event"]]
            found = [one for one in found if not with_filter or one.desc["filter"] == wanted["filter"]]
        if len(found) > 1:
            text = f"{function.name} has several such rules; TriggerDesc must have their filter."
            raise ApiError("InvalidParameterValue.TriggerDesc", text)
        if not found:
            text = f"{function.name} has no {kind} trigger {name} of {qualifier}."
            raise ApiError("ResourceNotFound.Trigger", text)
        return found[0]


def shape(platform: Platform, one: Trigger) -> Params:
    """As listed. The address of a Function URL stands in its description (product/583/96099)."""
    desc = one.desc
    if one.type == "http":
        address = platform.triggers.addresses.get(one.id, "")
        net = one.desc["NetConfig"]
        urls = {f"{kind}Url": address for kind in ("Extranet", "Intranet") if net[f"Enable{kind}"]}
        desc = {**one.desc, "NetConfig": {**net, **urls}}
    return {
        "Enable": int(one.enabled),
        "Qualifier": one.qualifier,
        "TriggerName": one.name,
        "Type": one.type,
        "TriggerDesc": json.dumps(desc, ensure_ascii=False, separators=(",", ":")),
        "AvailableStatus": "Available",
        "CustomArgument": one.argument,
        "AddTime": shown(one.added),
        "ModTime": shown(one.modified),
        "ResourceId": one.id,
        "BindStatus": "on" if one.type == "cos" else "",
        "TriggerAttribute": "",
        "Description": one.description,
    }


def _given(params: Params) -> Params:
    return {key: value for key, value in params.items() if value is not None}


def _type(params: Params, known: tuple[str, ...]) -> str:
    kind: str = params["Type"]
    if kind not in known:
        raise ApiError("InvalidParameterValue.Type", f"Type {kind!r} is none of {', '.join(known)}.")
    return kind


def _enabled(params: Params, *, default: bool) -> bool:
    given = params.get("Enable")
    if given is not None and given not in _ENABLE:
        raise ApiError("InvalidParameterValue.Enable", "Enable is OPEN or CLOSE.")
    return default if given is None else _ENABLE[given]


def _argument(kind: str, params: Params) -> str:
    argument: str = params.get("CustomArgument") or ""
    if argument and kind != "timer":
        raise ApiError("InvalidParameterValue.CustomArgument", "Only a timer has a CustomArgument.")
    if len(argument.encode()) > limits.TIMER_ARGUMENT_BYTES:
        text = f"CustomArgument has at most {limits.TIMER_ARGUMENT_BYTES} bytes."
        raise ApiError("InvalidParameterValue.CustomArgument", text)
    return argument
