"""How one event went, in the platform's terms: status codes, and the JSON that stands for a failed function's answer.

Codes: cloud.tencent.com/document/product/583/42611. Form of a failure: product/583/11061.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One event on its way to a version. `version` is a version, `alias` the alias by which it was chosen, if any."""

    request_id: str
    version: str
    alias: str = ""
    reserved_mb: int | None = None
    retries: int = 0


@dataclass(frozen=True)
class Invocation:
    """`result` counts only with status 200; else `error` is a sentence, `trace` the function's traceback, if any."""

    status: int
    request_id: str
    result: Any = None
    error: str = ""
    trace: str = ""
    log: str = ""
    duration_ms: float = 0.0
    cold: bool = False
    memory_bytes: int = 0
    """The most that its instance has used so far."""

    @property
    def ok(self) -> bool:
        return self.status == 200

    def failure(self, *, with_trace: bool) -> str:
        """The JSON for a status that is not 200."""
        answer: dict[str, Any] = {"errorCode": -1, "errorMessage": self.error, "requestId": self.request_id}
        if with_trace and self.trace:
            answer["stackTrace"] = self.trace
        return json.dumps({**answer, "statusCode": self.status}, ensure_ascii=False)
