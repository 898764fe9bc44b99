"""The functions' logs out of CLS: a time and a function in, lines in their order out.

The fields (SCF_FunctionName, SCF_Message …) are those that SCF writes: https://cloud.tencent.com/document/product/583/60336
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deployer.context import Context, DeployError
from deployer.model import UNKNOWN

PAGE = 100
OVERLAP_MS = 10_000
"""How far a follower looks back: lines reach CLS some seconds late, and not in order."""


@dataclass(frozen=True)
class Line:
    """`at_ms` is Unix time."""

    at_ms: int
    function: str
    request_id: str
    text: str


def read(context: Context, function: str | None, since_s: float, follow_s: float | None = None) -> Iterator[Line]:
    """Lines of the last `since_s` seconds, oldest first; with `follow_s` go on, asking every so many seconds.

    The logs' facts must be known. Raises DeployError when there is no log topic.
    """
    topic = context.facts.get("logs/functions.topic")
    if topic == UNKNOWN:
        raise DeployError(f"The stage {context.declaration.stage} has no log topic yet: run apply first.")
    begin = max(0, int((time.time() - since_s) * 1000))
    seen: set[tuple[str, str]] = set()
    while True:
        for record in _search(context, topic, function, begin):
            key = (str(record.get("PkgId")), str(record.get("PkgLogId")))
            if key not in seen:
                seen.add(key)
                yield _line(record)
        if follow_s is None:
            return
        begin = max(begin, int(time.time() * 1000) - OVERLAP_MS)
        time.sleep(follow_s)


def _search(context: Context, topic: str, function: str | None, begin_ms: int) -> Iterator[dict[str, Any]]:
    query = f'SCF_FunctionName:"{function}"' if function else ""
    page = ""
    end_ms = int(time.time() * 1000) + 1000
    while True:
        answer = context.cloud.call(
            "cls",
            "SearchLog",
            TopicId=topic,
            From=begin_ms,
            To=end_ms,
            QueryString=query,
            QuerySyntax=1,
            Sort="asc",
            Limit=PAGE,
            **({"Context": page} if page else {}),
        )
        yield from answer.get("Results") or []
        page = str(answer.get("Context") or "")
        if answer.get("ListOver", True) or not page:
            return


def _line(record: dict[str, Any]) -> Line:
    try:
        fields = json.loads(record.get("LogJson") or "{}")
    except ValueError:
        fields = {"SCF_Message": record.get("LogJson")}
    return Line(
        at_ms=int(record.get("Time") or 0),
        function=str(fields.get("SCF_FunctionName") or ""),
        request_id=str(fields.get("SCF_RequestId") or ""),
        text=str(fields.get("SCF_Message") or "").rstrip("\n"),
    )
