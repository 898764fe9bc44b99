"""The instances of one function: an event in, an Invocation out. Cold start, reuse, time-out, memory, size limits.

Status codes are the platform's (cloud.tencent.com/document/product/583/42611).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from emulator.scf import functionlog, limits
from emulator.scf.declaration import Declaration, Function
from emulator.scf.environment import context
from emulator.scf.functionlog import FunctionLog
from emulator.scf.instance import Blueprint, Instance, InstanceError


@dataclass(frozen=True)
class Invocation:
    """How one event went. `result` counts only with status 200."""

    status: int
    request_id: str
    result: Any = None
    error: str = ""
    log: str = ""
    duration_ms: float = 0.0
    cold: bool = False

    @property
    def ok(self) -> bool:
        return self.status == 200


class Pool:
    """`concurrency` of the declaration answers 432 when it is used up; beyond `max_instances` an event just waits."""

    def __init__(
        self, function: Function, declaration: Declaration, blueprint: Blueprint, log: FunctionLog, max_instances: int
    ) -> None:
        self._function, self._declaration, self._blueprint, self._log = function, declaration, blueprint, log
        self._idle: list[Instance] = []
        self._slots = asyncio.Semaphore(max_instances)
        self._busy = self._made = 0

    async def invoke(self, event: Any) -> Invocation:
        """Never raises for what a handler does."""
        request_id = str(uuid.uuid4())
        text = json.dumps(event, ensure_ascii=False)
        if len(text.encode()) > limits.SYNC_EVENT_BYTES:
            return Invocation(406, request_id, error="RequestTooLarge: the event is larger than 6 MB")
        if self._function.concurrency and self._busy >= self._function.concurrency:
            return Invocation(432, request_id, error="ResourceLimitReached: the function's concurrency is used up")
        self._busy += 1
        try:
            async with self._slots:
                return await self._run(event, text, request_id)
        finally:
            self._busy -= 1

    async def reap(self, idle_s: float) -> None:
        """End instances that have had nothing to do for `idle_s`."""
        now = time.monotonic()
        old = [instance for instance in self._idle if now - instance.idle_since > idle_s]
        self._idle = [instance for instance in self._idle if instance not in old]
        for instance in old:
            await instance.close()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _run(self, event: Any, text: str, request_id: str) -> Invocation:
        log = functionlog.begin(request_id)
        instance: Instance | None = None
        cold, started = not self._idle, time.monotonic()
        try:
            instance = self._idle.pop() if self._idle else await self._start()
            if cold:
                log += functionlog.init_report(request_id, (time.monotonic() - started) * 1000, instance.init_ms)
            started = time.monotonic()
            arguments = context(self._function, self._declaration, request_id)
            answer = await instance.call(event, arguments, self._function.timeout_s)
        except InstanceError as error:
            answer = {"status": error.status, "text": error.message}
        except BaseException:
            if instance:
                await instance.close()  # the emulator is stopping
            raise
        duration = (time.monotonic() - started) * 1000
        used = instance.memory_bytes if instance else 0
        log += instance.output() if instance else ""
        status, error_text, shown = _judge(answer)
        log += functionlog.end(request_id, shown, duration, self._function.memory_mb, used)
        self._log.write(log)
        if instance:
            await self._keep(instance, alive="status" not in answer)
        return Invocation(status, request_id, answer.get("result"), error_text, log, duration, cold)

    async def _start(self) -> Instance:
        self._made += 1
        return await Instance.start(self._blueprint, self._made)

    async def _keep(self, instance: Instance, alive: bool) -> None:
        if alive:
            self._idle.append(instance)
        else:
            with contextlib.suppress(OSError):
                await instance.close()


def _judge(answer: dict[str, Any]) -> tuple[int, str, str]:
    """(status, what went wrong, what the log shows as the function's answer)."""
    if "status" in answer:
        shown = json.dumps({"errorCode": answer["status"], "errorMessage": answer["text"]}, ensure_ascii=False)
        return answer["status"], answer["text"], shown
    if "error" in answer:
        text = answer["error"]["trace"]
        return 430, text, json.dumps({"errorCode": 430, "errorMessage": text}, ensure_ascii=False)
    shown = json.dumps(answer["result"], ensure_ascii=False)
    if len(shown.encode()) > limits.SYNC_RESPONSE_BYTES:
        return 407, "ResponseTooLarge: the answer is larger than 6 MB", "(larger than 6 MB)"
    return 200, "", shown
