"""The declared events of a function as triggers of the API, and by what a trigger that is there is known again.

In: the declaration, or what ListTriggers told. Out: `Event`s; `key_of`; the fields of a TriggerDesc as flat texts.
TriggerDesc by type: https://cloud.tencent.com/document/product/583/39901
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployer.declaration.model import Cors, CosRule, Declaration, Function

Key = tuple[str, ...]
"""Function, type, and what can't be changed of such a trigger: another value is another trigger."""

URL_NAME = "url"
"""The TriggerName of a Function URL; one for each function."""


@dataclass(frozen=True)
class Event:
    """One trigger that shall be there. `desc`: TriggerDesc, JSON but for a timer. `name`: unique in the stage."""

    name: str
    function: str
    type: str
    trigger_name: str
    desc: Any
    argument: str = ""

    @property
    def key(self) -> Key:
        text = self.desc if isinstance(self.desc, str) else json.dumps(self.desc)
        return key_of(self.function, {"Type": self.type, "TriggerName": self.trigger_name, "TriggerDesc": text})


def events(declaration: Declaration) -> list[Event]:
    """All triggers of all functions."""
    return [event for function in declaration.functions.values() for event in _events(declaration, function)]


def _events(declaration: Declaration, function: Function) -> Iterator[Event]:
    name = function.name
    if http := function.http:
        net = {"EnableIntranet": http.enable_intranet, "EnableExtranet": http.enable_extranet}
        desc: dict[str, Any] = {"AuthType": http.auth_type, "NetConfig": net, "CorsConfig": _cors(http.cors)}
        yield Event(f"{name}-http", name, "http", URL_NAME, desc)
    for rule in function.cos:
        for event in rule.events:
            yield _cos(declaration, name, rule, event)
    for topic in function.ckafka:
        desc = {
            "maxMsgNum": topic.max_msg_num,
            "offset": topic.offset,
            "retry": topic.retry,
            "timeOut": topic.timeout_s,
            # Without one the platform makes a group, and tells its name: then that is nothing of ours to compare.
            **({"consumerGroupName": topic.consumer_group_name} if topic.consumer_group_name else {}),
        }
        trigger = f"{declaration.kafka.instance_id}-{topic.topic}"
        yield Event(f"{name}-ckafka-{topic.topic}", name, "ckafka", trigger, desc)
    for timer in function.timers:
        yield Event(f"{name}-timer-{timer.name}", name, "timer", timer.name, timer.cron_expression, timer.argument)


def _cos(declaration: Declaration, function: str, rule: CosRule, event: str) -> Event:
    """The trigger's name is the bucket's address; several on one bucket differ in what they look at."""
    domain = f"{rule.bucket}.cos.{declaration.region}.myqcloud.com"
    desc = {"event": event, "filter": {"Prefix": rule.prefix, "Suffix": rule.suffix}}
    name = f"{function}-cos-{rule.bucket}/{rule.prefix}*{rule.suffix}"
    return Event(name if len(rule.events) == 1 else f"{name} {event}", function, "cos", domain, desc)


def _cors(cors: Cors | None) -> dict[str, Any]:
    if cors is None:
        return {"Enable": False}
    return {
        "Enable": True,
        "Origins": list(cors.origins),
        "Methods": list(cors.methods),
        "Headers": list(cors.headers),
        "ExposeHeaders": list(cors.expose_headers),
        "MaxAge": cors.max_age_s,
    }


def key_of(function: str, trigger: dict[str, Any]) -> Key:
    """By what a trigger is known again, from the API's Type, TriggerName and TriggerDesc."""
    key = (function, str(trigger["Type"]), str(trigger["TriggerName"]))
    if trigger["Type"] != "cos":
        return key
    fields = flat(trigger["TriggerDesc"])
    return (*key, *(fields.get(name, "") for name in ("event", "filter.Prefix", "filter.Suffix")))


def flat(desc: str) -> dict[str, str]:
    """The fields of a TriggerDesc, nested ones with dots. A timer's is a bare cron expression or {"cron": …}."""
    try:
        document = json.loads(desc)
    except ValueError:
        return {"cron": desc.strip()}
    fields: dict[str, str] = {}
    _flatten("", document, fields)
    return fields


def _flatten(path: str, value: Any, fields: dict[str, str]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{path}.{name}" if path else str(name), inner, fields)
    elif isinstance(value, list):
        fields[path] = ", ".join(map(str, value))
    else:
        fields[path] = "" if value is None else str(value)
