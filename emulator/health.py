"""The proof that the road is open: an address in, its first good answer awaited."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

ATTEMPT_S = 20.0  # the first request pays for the function's cold start
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy


class Unhealthy(Exception):
    """The address gave no good answer; the text holds the last one."""


def probe(url: str, timeout_s: float = ATTEMPT_S) -> str | None:
    """None when a GET is answered with 2xx, else what came instead."""
    try:
        with _DIRECT.open(url, timeout=timeout_s) as answer:
            answer.read()
            return None
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTP {error.code}: {error.read(500).decode('utf-8', 'replace')}"
    except OSError as error:
        return f"no answer: {error}"


def wait_for_answer(url: str, limit_s: float = 60.0) -> None:
    """Return at the first good answer. Raises Unhealthy after the limit."""
    deadline = time.monotonic() + limit_s
    while (fault := probe(url)) is not None:
        if time.monotonic() > deadline:
            raise Unhealthy(f"{url} does not answer as it should after {limit_s:g} s; last: {fault}")
        time.sleep(0.2)
