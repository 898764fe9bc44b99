"""A trigger's description: the text of TriggerDesc and the trigger's name in, what the trigger shall do out.

Forms: cloud.tencent.com/document/product/583/39901, ranges: /17530, COS events and rules: /9707. A key that the
platform does not document is refused, and so is one that this stand-in cannot honour.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emulator.scf import limits
from emulator.scf.cron import cron_problem
from emulator.scf.records import Json

_EVENTS = {
    "cos:ObjectCreated:*", "cos:ObjectCreated:Put", "cos:ObjectCreated:Post", "cos:ObjectCreated:Copy",
    "cos:ObjectCreated:CompleteMultipartUpload", "cos:ObjectCreated:Origin", "cos:ObjectCreated:Replication",
    "cos:ObjectCreated:Append", "cos:ObjectRemove:*", "cos:ObjectRemove:Delete", "cos:ObjectRemove:DeleteMarkerCreated",
    "cos:ObjectRestore:*", "cos:ObjectRestore:Post", "cos:ObjectRestore:Completed",
}  # fmt: skip
_BUCKET_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9-]*-(?P<app_id>\d+))\.cos\.(?P<region>[a-z0-9-]+)\.myqcloud\.com")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class DescError(ValueError):
    """The platform would refuse it; `about` is the end of its code (TriggerDesc, TriggerName, Ckafka …)."""

    def __init__(self, about: str, text: str) -> None:
        super().__init__(text)
        self.about = about


@dataclass(frozen=True)
class CosRule:
    """Which changes of which bucket call the function. `bucket` is name-appid, `event` a name or ends with `*`."""

    bucket: str
    event: str
    prefix: str
    suffix: str

    def matches(self, bucket: str, key: str, event: str) -> bool:
        """Whether a change with this concrete event is for this rule."""
        named = _covers(self.event, event) and bucket == self.bucket
        return named and key.startswith(self.prefix) and key.endswith(self.suffix)

    def overlaps(self, other: CosRule) -> bool:
        """Some change could call both, which the platform refuses within a bucket."""
        return (
            self.bucket == other.bucket
            and (_covers(self.event, other.event) or _covers(other.event, self.event))
            and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))
            and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))
        )


@dataclass(frozen=True)
class Ckafka:
    """Batches of one topic: at most `max_msg_num` records, at most `timeout` seconds; `offset` may be a time in ms."""

    instance: str
    topic: str
    max_msg_num: int
    timeout: int
    retry: int
    offset: Literal["latest", "earliest"] | int
    consumer_group_name: str


def timer_desc(name: str, text: str) -> Json:
    """A bare expression in; out what is listed, {"cron": …}, which is taken as well. Raises DescError."""
    if len(name) > limits.TIMER_NAME or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise DescError("TriggerName", f"a timer's name has 1 to {limits.TIMER_NAME} letters, digits, - and _")
    expression = text
    if text.lstrip().startswith("{"):
        expression = str(_object(text, {"cron"}).get("cron", ""))
    if problem := cron_problem(expression):
        raise DescError("TriggerDesc", f"{expression!r} is no expression of a timer: {problem}")
    return {"cron": expression}


def cos_desc(name: str, text: str, *, region: str, app_id: str) -> Json:
    """The name is the bucket's host, or any if bucketUrl is that. Raises DescError."""
    given = _object(text, {"event", "filter", "bucketUrl"})
    event, filters = given.get("event"), given.get("filter") or {}
    if not isinstance(event, str) or event not in _EVENTS:
        raise DescError("TriggerDesc", f"event {event!r} is none of COS's")
    if not isinstance(filters, dict) or set(filters) - {"Prefix", "Suffix"}:
        raise DescError("TriggerDesc", "filter has the keys Prefix and Suffix")
    if not all(isinstance(value, str) for value in filters.values()):
        raise DescError("TriggerDesc", "Prefix and Suffix are texts")
    host = str(given.get("bucketUrl") or name)
    found = _BUCKET_HOST.fullmatch(host)
    if not found or (found["region"], found["app_id"]) != (region, app_id):
        raise DescError("TriggerName", f"{host!r} is not <bucket>-{app_id}.cos.{region}.myqcloud.com")
    listed = {"event": event, "filter": {"Prefix": filters.get("Prefix", ""), "Suffix": filters.get("Suffix", "")}}
    return {**listed, "bucketUrl": host} if "bucketUrl" in given else listed


def cos_rule(name: str, desc: Mapping[str, Any]) -> CosRule:
    host = str(desc.get("bucketUrl") or name)
    return CosRule(host.split(".cos.")[0], desc["event"], desc["filter"]["Prefix"], desc["filter"]["Suffix"])


def ckafka_desc(name: str, text: str, *, instances: Mapping[str, str]) -> Json:
    """The name is <instance>-<topic>. Raises DescError."""
    given = _object(text, {"maxMsgNum", "offset", "retry", "timeOut", "consumerGroupName"})
    if not any(name.startswith(f"{one}-") and len(name) > len(one) + 1 for one in instances):
        raise DescError("Ckafka", f"{name!r} is not <instance>-<topic> of an instance of this account")
    desc = {"maxMsgNum": 100, "offset": "latest", "retry": 10000, "timeOut": 60, "consumerGroupName": "", **given}
    for key, (least, most) in {"maxMsgNum": (1, 10000), "retry": (0, 10000), "timeOut": (1, 60)}.items():
        if type(desc[key]) is not int or not least <= desc[key] <= most:
            raise DescError("TriggerDesc", f"{key} is a number from {least} to {most}")
    if desc["offset"] not in ("latest", "earliest") and not str(desc["offset"]).isdecimal():
        raise DescError("TriggerDesc", "offset is latest, earliest or a time in ms")
    if not isinstance(desc["consumerGroupName"], str):
        raise DescError("TriggerDesc", "consumerGroupName is a text")
    return desc


def ckafka(name: str, desc: Mapping[str, Any], instances: Mapping[str, str], group: str) -> Ckafka | None:
    """None when the account has the instance no more. `group` is for a trigger that names none."""
    instance = next((one for one in instances if name.startswith(f"{one}-")), None)
    if instance is None:
        return None
    offset = desc["offset"]
    return Ckafka(
        instance=instance,
        topic=name.removeprefix(f"{instance}-"),
        max_msg_num=desc["maxMsgNum"],
        timeout=desc["timeOut"],
        retry=desc["retry"],
        offset=offset if offset in ("latest", "earliest") else int(offset),
        consumer_group_name=desc["consumerGroupName"] or group,
    )


def http_desc(name: str, text: str) -> Json:
    """A Function URL. The addresses, which a listing shows, may be given again and mean nothing. Raises DescError."""
    if not _NAME.fullmatch(name):
        raise DescError("TriggerName", "a Function URL's name has letters, digits, - and _, a letter first")
    given = _object(text, {"AuthType", "NetConfig", "CorsConfig"})
    if given.get("AuthType") not in ("NONE", "CAM"):
        raise DescError("TriggerDesc", "AuthType is NONE or CAM")
    net = given.get("NetConfig", {})
    switches = {"EnableIntranet", "EnableExtranet"}
    if not isinstance(net, dict) or set(net) - switches - {"ExtranetUrl", "IntranetUrl"}:
        raise DescError("TriggerDesc", "NetConfig has the keys EnableIntranet and EnableExtranet")
    if not all(isinstance(net.get(key, False), bool) for key in switches):
        raise DescError("TriggerDesc", "EnableIntranet and EnableExtranet are true or false")
    desc: Json = {"AuthType": given["AuthType"], "NetConfig": {key: net.get(key, False) for key in sorted(switches)}}
    return {**desc, "CorsConfig": _cors(given["CorsConfig"])} if given.get("CorsConfig") is not None else desc


def _cors(cors: Any) -> Json:
    lists = {"Origins", "Methods", "Headers", "ExposeHeaders"}
    if not isinstance(cors, dict) or set(cors) - lists - {"Enable", "MaxAge", "Credentials"}:
        raise DescError("Cors", f"CorsConfig has the keys Enable, {', '.join(sorted(lists))}, MaxAge and Credentials")
    for key in lists & set(cors):
        if not isinstance(cors[key], list) or not all(isinstance(one, str) for one in cors[key]):
            raise DescError("Cors", f"CorsConfig.{key} is a list of texts")
    if type(cors.get("MaxAge", 0)) is not int or type(cors.get("Enable", False)) is not bool:
        raise DescError("Cors", "CorsConfig.MaxAge is a number of seconds, Enable true or false")
    return cors


def _object(text: str, known: set[str]) -> Json:
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise DescError("TriggerDesc", "it is no JSON") from None
    if not isinstance(given, dict):
        raise DescError("TriggerDesc", "it is no JSON object")
    if unknown := sorted(set(given) - known):
        raise DescError("TriggerDesc", f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return given


def _covers(pattern: str, event: str) -> bool:
    return pattern == event or (pattern.endswith(":*") and event.startswith(pattern[:-1]))
