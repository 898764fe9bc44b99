"""The platform's limits, in bytes, seconds and counts.

Source unless another is named: quota page cloud.tencent.com/document/product/583/11637 (2025-03-24).
"""

from __future__ import annotations

import re

KB, MB = 1024, 1024 * 1024

MEMORY_MB = (64, *range(128, 3073, 128))
TIMEOUT_S = (1, 900)
INIT_TIMEOUT_S = 65  # SDK text of CreateFunctionRequest.InitTimeout
SYNC_EVENT_BYTES = 6 * MB
ASYNC_EVENT_BYTES = 128 * KB
ENVIRONMENT_BYTES = 4 * KB
TMP_BYTES = 512 * MB
CODE_BYTES = 500 * MB  # code and bound layers, uncompressed
ZIP_FILE_BYTES = 50 * MB  # of Code.ZipFile; the SDK's text
OLD_ZIP_FILE_BYTES = 20 * MB  # of UpdateFunctionCode.ZipFile; the SDK's text
NAMESPACES = 5
FUNCTIONS_PER_NAMESPACE = 50
FUNCTION_AND_NAMESPACE_NAME = 118
VERSIONS_PER_FUNCTION = 1000
LAYERS = 20
VERSIONS_PER_LAYER = 200
REGION_CONCURRENCY_MB = 128000
SHARED_CONCURRENCY_MB = 12800  # what reservations must leave; SDK text of PutReservedConcurrencyConfig
INVOKE_TIMEOUT_S = 300  # of a synchronous Invoke; SDK text of InvokeRequest
PROCESSES_AND_THREADS = 1024
LAYERS_PER_FUNCTION = 5
TRIGGERS_PER_TYPE = 10
RULES_PER_BUCKET = 10  # COS trigger rules of one bucket
TIMER_ARGUMENT_BYTES = 4 * KB
TIMER_NAME = 100  # characters; SDK text of CreateTriggerRequest.TriggerName
ASYNC_RETRIES = 2  # unless configured; product/583/41138
ASYNC_MAX_AGE_S = 6 * 3600  # unless configured; product/583/41138
ASYNC_CONFIG = {"RetryNum": (0, 2), "MsgTTL": (60, 6 * 3600)}
"""Ranges that the platform does not document: what its defaults and the console's text suggest."""
LOG_BYTES = 1 * MB  # kept of one invocation's output; our own choice

# Status codes by what a trigger does about them (product/583/41138; the codes: product/583/42611).
SYSTEM_ERROR = 500  # a fault of the platform: later again, until it succeeds
OVERRUN = frozenset({429, 432, 449})  # no room: later again
RUN_ERRORS = frozenset({405, 407, 430, 433, 434, 439, 450})  # a fault of the function: tried again a few times

RESERVED_PREFIXES = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
_VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def environment_problem(environment: dict[str, str]) -> str | None:
    """Why the platform would refuse these variables of a function's own, or None. Values are never in the text."""
    for name in environment:
        if problem := variable_name_problem(name):
            return problem
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > ENVIRONMENT_BYTES:
        return f"{size} bytes of environment variables (names and values); the platform takes {ENVIRONMENT_BYTES}"
    return None


def variable_name_problem(name: str) -> str | None:
    """Why `name` cannot be a variable of a function's own, or None."""
    if not _VARIABLE_NAME.fullmatch(name):
        return f"{name!r} is no name of an environment variable: a letter, then letters, digits and _"
    if name.startswith(RESERVED_PREFIXES):
        return f"{name!r}: the prefixes {', '.join(RESERVED_PREFIXES)} are the platform's own"
    return None
