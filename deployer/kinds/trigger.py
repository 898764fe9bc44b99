"""Triggers: what calls the functions. All are bound to the alias $DEFAULT, so that a release moves them too.

In: the declared events. Out: exactly these triggers on our functions. A Function URL, a CKafka and a timer trigger are
updated in place, a Function URL keeps its address; the API can't change a COS trigger, which is made anew. What is not
wanted on our functions goes first: COS refuses rules that overlap, even for a moment.
"""

from __future__ import annotations

import json
from typing import Any

from deployer.context import Context
from deployer.errors import CloudError
from deployer.kinds._diff import changes
from deployer.kinds._events import Event, events, flat, key_of
from deployer.kinds._scf import DEFAULT, scf
from deployer.kinds.function import delete_trigger
from deployer.kinds.marks import is_ours
from deployer.model import Resource, Step


class TriggerKind:
    """Belongs to whom its function belongs to."""

    kind = "trigger"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scf = scf(context)

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, event.name, event) for event in events(self._context.declaration)]

    def compare(self, resource: Resource) -> Step | None:
        event: Event = resource.want
        there = self._found(event)
        if there is None:
            return Step("create", resource)
        self._learn(event, there)
        before, after = _texts_found(there, event), _texts(event)
        differ = changes(before, after)
        if not differ:
            return None
        in_place = event.type != "cos" and there["Qualifier"] == DEFAULT
        return Step("update" if in_place else "replace", resource, differ)

    def orphans(self) -> list[Resource]:
        wanted = {event.key for event in events(self._context.declaration)}
        return [
            Resource(self.kind, self._named(name, trigger), (name, trigger))
            for name in self._our_functions()
            for trigger in self._scf.triggers(name)
            if key_of(name, trigger) not in wanted
        ]

    def apply(self, step: Step) -> None:
        event: Event = step.resource.want
        self._scf.settle(event.function)
        there = self._found(event)
        if there is not None and step.action == "replace":
            delete_trigger(self._context, event.function, there)
            there = None
        if there is None:
            self._create(event)
        elif changes(_texts_found(there, event), _texts(event)):
            self._update(event)
        if (made := self._found(event)) is not None:
            self._learn(event, made)

    def delete(self, resource: Resource) -> None:
        """`want` is a declared Event, or (function, what ListTriggers told of it)."""
        function, trigger = resource.want if isinstance(resource.want, tuple) else (resource.want.function, None)
        self._scf.settle(function)
        there = trigger or self._found(resource.want)
        if there is not None and function in self._our_functions():
            delete_trigger(self._context, function, there)

    def _create(self, event: Event) -> None:
        try:
            self._scf.call("CreateTrigger", Type=event.type, **self._params(event))
        except CloudError:
            self._scf.forget()
            if self._found(event) is None:
                raise

    def _update(self, event: Event) -> None:
        self._scf.call("UpdateTrigger", Type=event.type, **self._params(event))

    def _params(self, event: Event) -> dict[str, Any]:
        argument = {"CustomArgument": event.argument} if event.argument else {}
        return {
            "FunctionName": event.function,
            "TriggerName": event.trigger_name,
            "TriggerDesc": event.desc if isinstance(event.desc, str) else json.dumps(event.desc, ensure_ascii=False),
            "Qualifier": DEFAULT,
            "Enable": "OPEN",
            **argument,
        }

    def _found(self, event: Event) -> dict[str, Any] | None:
        matching = (each for each in self._scf.triggers(event.function) if key_of(event.function, each) == event.key)
        return next(matching, None)

    def _our_functions(self) -> list[str]:
        listed = self._scf.functions().items()
        return [name for name, each in listed if is_ours(each.get("Tags"), self._context.declaration)]

    def _named(self, function: str, trigger: dict[str, Any]) -> str:
        return f"{function}-{'-'.join(key_of(function, trigger)[1:])}"

    def _learn(self, event: Event, trigger: dict[str, Any]) -> None:
        if event.type == "http":
            found = flat(trigger["TriggerDesc"])
            url = found.get("NetConfig.ExtranetUrl") or found.get("NetConfig.IntranetUrl") or ""
            self._context.facts.known[f"trigger/{event.name}.url"] = url


def _texts(event: Event) -> dict[str, str]:
    fields = flat(event.desc if isinstance(event.desc, str) else json.dumps(event.desc))
    return {**fields, "argument": event.argument, "qualifier": DEFAULT, "enabled": "yes"}


def _texts_found(trigger: dict[str, Any], event: Event) -> dict[str, str]:
    """Only the fields that are ours to set: the platform adds its own, like the addresses of a Function URL.

    A switch that it does not tell is off.
    """
    fields = flat(trigger["TriggerDesc"])
    return {
        **{name: fields.get(name, "False" if value == "False" else "") for name, value in _texts(event).items()},
        "argument": str(trigger.get("CustomArgument") or ""),
        "qualifier": str(trigger["Qualifier"]),
        "enabled": "yes" if str(trigger.get("Enable")) in ("1", "OPEN", "True") else "no",
    }
