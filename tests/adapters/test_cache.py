"""The cache against a real Redis: newer versions win, and its absence costs nothing but speed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis

from patchmill.adapters.cache import Cache
from patchmill.task import Status
from tests.support import samples
from tests.support.engines import Redis


@pytest.fixture
def url(redis_server: Redis) -> str:
    return redis_server.fresh()


@pytest.fixture
def cache(url: str) -> Iterator[Cache]:
    cache = Cache(url)
    yield cache
    cache.close()


def test_view_is_read_back(cache: Cache) -> None:
    cache.put(samples.task())
    view = cache.get(samples.TASK_ID)
    assert view is not None and view["status"] == "PROCESSING"
    assert cache.get("other") is None


def test_older_version_does_not_replace_a_newer_one(cache: Cache) -> None:
    cache.put(samples.task(version=3, status=Status.COMPLETED))
    cache.put(samples.task(version=2))
    view = cache.get(samples.TASK_ID)
    assert view is not None and view["status"] == "COMPLETED"


def test_running_view_lives_seconds_and_an_ended_one_longer(url: str, cache: Cache) -> None:
    with redis.Redis.from_url(url) as client:
        cache.put(samples.task())
        assert 0 < int(str(client.ttl(f"patchmill:task:{samples.TASK_ID}"))) <= 10
        cache.put(samples.task(version=3, status=Status.FAILED))
        assert int(str(client.ttl(f"patchmill:task:{samples.TASK_ID}"))) > 60


def test_garbage_in_the_cache_is_a_miss(url: str, cache: Cache) -> None:
    with redis.Redis.from_url(url) as client:
        client.hset(f"patchmill:task:{samples.TASK_ID}", mapping={"version": "1", "task": "{"})
        assert cache.get(samples.TASK_ID) is None
        client.delete(f"patchmill:task:{samples.TASK_ID}")
        client.set(f"patchmill:task:{samples.TASK_ID}", "not a hash")
        assert cache.get(samples.TASK_ID) is None


def test_absent_redis_is_a_miss_and_asked_seldom() -> None:
    cache = Cache("redis://127.0.0.1:1/0")
    started = time.monotonic()
    for _ in range(15):
        cache.put(samples.task())
        assert cache.get(samples.TASK_ID) is None
    assert time.monotonic() - started < 3


def test_no_url_means_no_cache() -> None:
    cache = Cache(None)
    cache.put(samples.task())
    assert cache.get(samples.TASK_ID) is None
