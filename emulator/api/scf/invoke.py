"""Invoke and InvokeFunction: a function's event as JSON text in, what has become of it out (product/583/17243).

A failure of the function is no error of the API: the answer tells it, by InvokeResult (a status code of
product/583/42611, 0 for success), ErrMsg, and the JSON that a failed function answers in RetMsg.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.lookup import need_function, need_qualifier, of_function
from emulator.scf import limits
from emulator.scf.invocation import Invocation
from emulator.scf.platform import Platform
from emulator.scf.queue import EventTooLarge, Target
from emulator.scf.records import DEFAULT, LATEST

_TAIL_BYTES = 4096
_NOTHING = {"Log": "", "RetMsg": "", "ErrMsg": "", "MemUsage": 0, "Duration": 0.0, "BillDuration": 0, "InvokeResult": 0}


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Invoke(platform), of_function(platform)
    return {"Invoke": Action(own.invoke, resource), "InvokeFunction": Action(own.invoke_function, resource)}


class _Invoke:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._late: set[asyncio.Future[Invocation]] = set()

    async def invoke(self, call: Call, params: Params) -> Params:
        """Synchronous (RequestResponse) or not (Event); $LATEST unless Qualifier says."""
        kind = params.get("InvocationType") or "RequestResponse"
        if kind not in ("RequestResponse", "Event"):
            raise ApiError("InvalidParameterValue.InvokeType", "InvocationType is RequestResponse or Event.")
        target = self._target(params, LATEST)
        event = _event(params.get("ClientContext"), "InvalidParameterValue.ClientContext")
        if kind == "Event":
            return {"Result": {**_NOTHING, "FunctionRequestId": self._put(target, event)}}
        return await self._run(target, event, params)

    async def invoke_function(self, call: Call, params: Params) -> Params:
        """Always synchronous; $DEFAULT unless Qualifier says."""
        event = _event(params.get("Event"), "InvalidParameter.Payload")
        return await self._run(self._target(params, DEFAULT), event, params)

    def _target(self, params: Params, default: str) -> Target:
        function = need_function(self._platform, params)
        qualifier = params.get("Qualifier") or default
        version = need_qualifier(self._platform, function, qualifier)
        if version.status in ("Creating", "Deleting"):  # while it is updated, what was there before may be called
            text = f"The function {function.name} is {version.status}; try again when it is Active."
            raise ApiError("FailedOperation.FunctionStatusError", text)
        if params.get("RoutingKey"):
            raise ApiError("UnsupportedOperation", "This stand-in knows no RoutingKey.")
        return Target(function.namespace, function.name, qualifier)

    def _put(self, target: Target, event: Any) -> str:
        if self._platform.queue is None:
            raise ApiError("InternalError", "SCF does not run.")
        try:
            return self._platform.queue.put(target, event, "CLOUD_API")
        except EventTooLarge as error:
            raise ApiError("InvalidParameter.RequestTooLarge", f"{error}.") from None

    async def _run(self, target: Target, event: Any, params: Params) -> Params:
        log_type = params.get("LogType") or "None"
        if log_type not in ("None", "Tail"):
            raise ApiError("InvalidParameterValue.Param", "LogType is None or Tail.")
        work = asyncio.ensure_future(self._platform.runtime.invoke(target, event))
        self._late.add(work)  # else nothing holds the one that outlives its call
        work.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait({work}, timeout=limits.INVOKE_TIMEOUT_S)
        if not done:
            text = f"No answer within {limits.INVOKE_TIMEOUT_S} seconds; the function runs on."
            raise ApiError("FailedOperation.InvokeFunction", text)
        return {"Result": _result(work.result(), tail=log_type == "Tail")}


def _event(text: str | None, code: str) -> Any:
    if text and len(text.encode("utf-8", "replace")) > limits.SYNC_EVENT_BYTES:
        raise ApiError("InvalidParameter.RequestTooLarge", "The event is larger than 6 MB.")
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise ApiError(code, "The event is no JSON, or nested too deep.") from None


def _result(ended: Invocation, *, tail: bool) -> Params:
    answer = json.dumps(ended.result, ensure_ascii=False) if ended.ok else ended.failure(with_trace=True)
    log = ended.log.encode("utf-8", "replace")[-_TAIL_BYTES:].decode("utf-8", "ignore") if tail else ""
    return {
        "Log": log,
        "RetMsg": answer,
        "ErrMsg": "" if ended.ok else ended.error,
        "MemUsage": ended.memory_bytes,
        "Duration": round(ended.duration_ms, 3),
        "BillDuration": math.ceil(ended.duration_ms),
        "FunctionRequestId": ended.request_id,
        "InvokeResult": 0 if ended.ok else ended.status,
    }
