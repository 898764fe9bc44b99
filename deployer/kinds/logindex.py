"""What the functions' logs can be searched and counted by: the platform's fields, and those of our own log lines.

The 14 SCF fields: cloud.tencent.com/document/product/583/60336. Ours are the keys of layers/core/patchmill/log.py,
which writes a JSON object per line: the platform makes fields of the texts and numbers on its first level
(/583/18032). A key without an index can still be found as text.
"""

from __future__ import annotations

from typing import Any

_NUMBERS = ("SCF_StartTime", "SCF_Duration", "SCF_StatusCode", "SCF_RetryNum")
_TEXTS = (
    "SCF_FunctionName", "SCF_Namespace", "SCF_LogTime", "SCF_RequestId", "SCF_Alias", "SCF_Qualifier", "SCF_Level",
    "SCF_Message", "SCF_Type",
)  # fmt: skip
_OUR_NUMBERS = (
    "attempt", "partition", "offset", "sent", "settled", "removed", "queue_depth", "running", "records", "spans",
    "model_calls", "input_tokens", "output_tokens",
)  # fmt: skip
_DECIMALS = ("SCF_MemUsage", "ts", "duration_s", "queue_oldest_s", "waited_s", "to_start_s", "age_s")
_OUR_TEXTS = (
    "level", "event", "function", "request_id", "trigger", "task", "tenant", "trace_id", "error", "reason", "status",
    "cause", "agent", "model", "topic", "source", "job_uid", "about", "phase", "kind", "method", "path",
)  # fmt: skip
_TOKENIZER = "@&?|#()='\",;:<>[]{}/ \n\t\r\\"


def _field(key: str, kind: str) -> dict[str, Any]:
    text = kind == "text"
    value = {"Type": kind, "Tokenizer": _TOKENIZER if text else "", "SqlFlag": True, "ContainZH": text}
    return {"Key": key, "Value": value}


RULE: dict[str, Any] = {
    "FullText": {"CaseSensitive": False, "Tokenizer": _TOKENIZER, "ContainZH": True},
    "KeyValue": {
        "CaseSensitive": False,
        "KeyValues": [
            *(_field(key, "long") for key in (*_NUMBERS, *_OUR_NUMBERS)),
            *(_field(key, "double") for key in _DECIMALS),
            *(_field(key, "text") for key in (*_TEXTS, *_OUR_TEXTS)),
        ],
    },
}


def same(found: dict[str, Any] | None) -> bool:
    """Whether a rule that the platform gives back is ours: all that we set is in it, in any order, and no other key."""
    rule = found or {}
    full, pairs = rule.get("FullText") or {}, rule.get("KeyValue") or {}
    ours, theirs = (
        {each["Key"]: each["Value"] for each in part.get("KeyValues") or []} for part in (RULE["KeyValue"], pairs)
    )
    return (
        _within(RULE["FullText"], full)
        and bool(pairs.get("CaseSensitive")) is False
        and ours.keys() == theirs.keys()
        and all(_within(value, theirs[key]) for key, value in ours.items())
    )


def _within(wanted: dict[str, Any], found: dict[str, Any]) -> bool:
    """The platform leaves out what is empty or off."""
    return all((found.get(name) or False) == (value or False) for name, value in wanted.items())
