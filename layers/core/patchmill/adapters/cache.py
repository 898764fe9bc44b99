"""Redis: the public view of a task, for status polls. It may be empty, a few seconds old, or away.

A view is stored only over an older version of itself, so that two writers in any order leave the newer one. While a
task runs, a view lives a few seconds: a write that was lost heals itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from patchmill import log
from patchmill.task import Task, public

if TYPE_CHECKING:
    from redis import Redis

_TIMEOUT_S = 0.25
_RUNNING_TTL_S = 10
_ENDED_TTL_S = 3600
_PAUSE_AFTER_FAULT = 20  # look-ups that are skipped after a fault, so that a dead Redis is not waited for each time

STORE = """
local old = redis.call('HGET', KEYS[1], 'version')
if old and tonumber(old) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'task', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Cache:
    """`url` None: no cache at all."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._client: Redis | None = None
        self._paused = 0

    def put(self, task: Task) -> None:
        """Never raises: the cache costs speed, nothing else."""
        ttl = _ENDED_TTL_S if task.status.terminal else _RUNNING_TTL_S
        body = json.dumps(public(task), ensure_ascii=False)
        self._call("EVAL", STORE, 1, _key(task.id), task.version, body, ttl)

    def get(self, task_id: str) -> dict[str, Any] | None:
        body = self._call("HGET", _key(task_id), "task")
        try:
            view = json.loads(body) if body else None
        except ValueError:
            return None
        return view if isinstance(view, dict) else None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _call(self, *command: object) -> Any:
        if self._url is None:
            return None
        if self._paused > 0:
            self._paused -= 1
            return None
        with _unmeasured():
            import redis

        try:
            return self._connected(self._url).execute_command(*command)  # type: ignore[no-untyped-call]
        except (redis.RedisError, OSError) as error:
            self._paused = _PAUSE_AFTER_FAULT
            log.warning("cache_unavailable", error=type(error).__name__)
            return None

    def _connected(self, url: str) -> Redis:
        if self._client is None:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            # One retry: a frozen instance may find its connection closed.
            self._client = Redis.from_url(
                url,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                retry=Retry(NoBackoff(), 1),
                decode_responses=True,
            )
        return self._client


@contextmanager
def _unmeasured() -> Iterator[None]:
    """redis-py measures itself by OpenTelemetry where it finds that, and imports it for it: 40 ms of a cold start that
    nobody has asked for. Within, it finds none (docs.python.org/3/reference/import.html#the-module-cache).
    """
    hidden = [name for name in ("opentelemetry.metrics", "opentelemetry.sdk.metrics") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _key(task_id: str) -> str:
    return f"patchmill:task:{task_id}"
