"""The index of a log topic, and the search in its records (https://cloud.tencent.com/document/api/614/56447)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from emulator.api.action import ApiError, Call, Params
from emulator.api.clssql import Table, select
from emulator.api.fields import local_time, number, one_of, refuse
from emulator.api.logquery import Test, test_of
from emulator.api.logstore import LogRecord, LogStore
from emulator.documents import Document, Documents

TOPICS = "cls-topic"
DAY_MS = 24 * 3600 * 1000
# What one Context can lead to in all, and how long it holds (the text of SearchLogRequest.Context).
MAX_THROUGH_CONTEXT, CONTEXT_S = 10_000, 3600
_AT_ONCE = 200  # records that are looked at before the loop's other work has its turn
_INDEX_FIELDS = ("Rule", "Status", "IncludeInternalFields", "MetadataFlag", "CoverageField")
_SEARCH_UNSUPPORTED = ("Topics", "Query", "SyntaxRule", "SamplingRate", "HighLight")


class LogSearch:
    """The handlers of everything that needs a topic's index."""

    def __init__(self, documents: Documents, logs: LogStore, clock: Callable[[], float] = time.time) -> None:
        self._documents, self._logs, self._clock = documents, logs, clock

    @property
    def handlers(self) -> Mapping[str, Callable[[Call, Params], Awaitable[Params]]]:
        return {
            "CreateIndex": self._create_index,
            "DescribeIndex": self._describe_index,
            "ModifyIndex": self._modify_index,
            "DeleteIndex": self._delete_index,
            "SearchLog": self._search,
        }

    def topic(self, params: Params) -> Document:
        """Raises ApiError when there is none of that id."""
        topic = self._documents.get(TOPICS, params["TopicId"])
        if topic is None:
            raise ApiError("ResourceNotFound.TopicNotExist", f"There is no topic {params['TopicId']}.")
        return topic

    def analyse(self, topic: Document, query: str, from_ms: int, to_ms: int) -> Table:
        """The statistics of a query with | SELECT …, or else the records themselves. Raises ApiError."""
        index = topic["index"] if topic["index"] and topic["index"]["Status"] else None
        condition, _, sql = query.partition("|")
        test = test_of(condition, index["Rule"] if index else None)
        records = self._logs.between(topic["id"], from_ms, to_ms, newest_first=False)
        found = ((record.time_ms, record.fields) for record in records if test(record.fields))
        if sql.strip() and index:
            return select(sql, index["Rule"], found)
        rows: list[dict[str, Any]] = [dict(fields) for _, fields in found]
        return Table([], rows)

    async def _create_index(self, call: Call, params: Params) -> Params:
        topic = self.topic(params)
        if topic["index"] is not None:
            raise ApiError("InvalidParameter.IndexConflict", "The topic already has an index.")
        return self._keep(topic, {"Status": True, "IncludeInternalFields": False, "MetadataFlag": 0}, params)

    async def _describe_index(self, call: Call, params: Params) -> Params:
        topic = self.topic(params)
        return {"TopicId": topic["id"], **_index(topic)}

    async def _modify_index(self, call: Call, params: Params) -> Params:
        topic = self.topic(params)
        return self._keep(topic, _index(topic), params)

    async def _delete_index(self, call: Call, params: Params) -> Params:
        topic = self.topic(params)
        _index(topic)
        self._documents.put(TOPICS, topic["id"], {**topic, "index": None})
        return {}

    async def _search(self, call: Call, params: Params) -> Params:
        refuse(params, *_SEARCH_UNSUPPORTED)
        if "TopicId" not in params:
            raise ApiError("MissingParameter", "The request is missing a required parameter `TopicId`.")
        one_of(params, "QuerySyntax", (1,), 1)
        topic, limit = self.topic(params), number(params, "Limit", 1, 1000, 100)
        if "|" in params.get("QueryString", ""):
            return self._statistics(topic, params)
        index = topic["index"] if topic["index"] and topic["index"]["Status"] else None
        test = test_of(params.get("QueryString", ""), index["Rule"] if index else None)
        start = self._start(params)
        page = await _page(self._records(topic, params), test, start, start + limit + 1)
        shown = [_log_info(topic, record) for record in page[:limit]]
        over = len(page) <= limit
        context = "" if over else self._context(params, start + limit)
        return {"Context": context, "ListOver": over, "Analysis": False, "Results": shown}

    def _statistics(self, topic: Document, params: Params) -> Params:
        """Sort, Limit, Offset and Context are about records alone; a SELECT says these for itself."""
        if params["From"] >= params["To"]:
            raise ApiError("InvalidParameter", "`From` must be before `To`.")
        table = self.analyse(topic, params["QueryString"], params["From"], params["To"])
        whole: Params = {"Context": "", "ListOver": True, "Analysis": True, "Results": [], "SamplingRate": 1.0}
        if params.get("UseNewAnalysis"):
            columns = [{"Name": name, "Type": _type_of(table.rows, name)} for name in table.columns]
            records = [json.dumps(row, ensure_ascii=False) for row in table.rows]
            return {**whole, "Columns": columns, "AnalysisRecords": records}
        rows = [[{"Key": name, "Value": _text(row[name])} for name in table.columns] for row in table.rows]
        return {**whole, "ColNames": table.columns, "AnalysisResults": [{"Data": row} for row in rows]}

    def _records(self, topic: Document, params: Params) -> Iterator[LogRecord]:
        if params["From"] >= params["To"]:
            raise ApiError("InvalidParameter", "`From` must be before `To`.")
        oldest = int(self._clock() * 1000) - topic["period"] * DAY_MS
        self._logs.forget(topic["id"], oldest)
        newest_first = one_of(params, "Sort", ("asc", "desc"), "desc") == "desc"
        return self._logs.between(topic["id"], params["From"], params["To"], newest_first=newest_first)

    def _start(self, params: Params) -> int:
        """How many results to skip: Offset, or what a Context stands for."""
        if not params.get("Context"):
            return number(params, "Offset", 0, 10**9, 0)
        if "Offset" in params:
            raise ApiError("InvalidParameter", "Give `Offset` or `Context`, not both.")
        try:
            start, until, digest = json.loads(base64.b64decode(params["Context"], validate=True))
        except (binascii.Error, ValueError, TypeError):
            raise ApiError("InvalidParameter", "`Context` is not one that SearchLog gave.") from None
        if digest != _digest(params) or until < self._clock():
            raise ApiError("InvalidParameter", "`Context` is of another search, or more than an hour old.")
        if start >= MAX_THROUGH_CONTEXT:
            raise ApiError(
                "FailedOperation.GetlogReachLimit", f"A Context leads to {MAX_THROUGH_CONTEXT} logs at most."
            )
        return int(start)

    def _context(self, params: Params, start: int) -> str:
        return base64.b64encode(json.dumps([start, self._clock() + CONTEXT_S, _digest(params)]).encode()).decode()

    def _keep(self, topic: Document, before: Params, params: Params) -> Params:
        index = {**before, **{key: params[key] for key in _INDEX_FIELDS if key in params}}
        _check_rule(index["Rule"])
        index["ModifyTime"] = local_time(self._clock())
        self._documents.put(TOPICS, topic["id"], {**topic, "index": index})
        return {}


def _type_of(rows: list[dict[str, Any]], name: str) -> str:
    value = next((row[name] for row in rows if row[name] is not None), "")
    return {int: "bigint", float: "double"}.get(type(value), "varchar")


def _text(value: Any) -> str:
    return "null" if value is None else str(value)


async def _page(records: Iterator[LogRecord], test: Test, start: int, end: int) -> list[LogRecord]:
    """Those that meet the test, from number `start` on and before `end`. Others get their turn in a long search."""
    page, met = [], 0
    for count, record in enumerate(records):
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
        if test(record.fields):
            page += [record] if met >= start else []
            met += 1
            if met >= end:
                break
    return page


def _index(topic: Document) -> Params:
    if topic["index"] is None:
        raise ApiError("ResourceNotFound.IndexNotExist", f"The topic {topic['name']} has no index.")
    found: Params = topic["index"]
    return found


def _check_rule(rule: Params) -> None:
    if "Tag" in rule or "DynamicIndex" in rule:
        raise ApiError(
            "UnsupportedOperation", "Indexes on metadata and automatic ones are not supported by this stand-in."
        )
    if not rule.get("FullText") and not rule.get("KeyValue"):
        raise ApiError("InvalidParameter", "An index needs `FullText` or `KeyValue`.")
    for known in (rule.get("KeyValue") or {}).get("KeyValues", []):
        value, key = known["Value"], known["Key"]
        if value["Type"] not in ("text", "long", "double"):
            raise ApiError("InvalidParameterValue", f"The type of {key} must be text, long or double.")
        if value["Type"] != "text" and (value.get("Tokenizer") or value.get("ContainZH")):
            raise ApiError("InvalidParameterValue", f"{key} is no text: it has neither Tokenizer nor ContainZH.")


def _digest(params: Params) -> str:
    asked = {key: value for key, value in params.items() if key != "Context"}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _log_info(topic: Document, record: LogRecord) -> Params:
    return {
        "Time": record.time_ms,
        "TopicId": topic["id"],
        "TopicName": topic["name"],
        "Source": "",
        "FileName": "",
        "HostName": "",
        "PkgId": f"{record.number:016X}",
        "PkgLogId": "0",
        "LogJson": json.dumps(record.fields, ensure_ascii=False),
    }
