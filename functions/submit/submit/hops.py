"""Does each hop answer? All are asked at once, by connections of their own, and none is waited for longer than 3 s."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from patchmill import keys
from patchmill.adapters.database import Database
from patchmill.errors import ApiRefused, ClusterError
from patchmill.services import Services

WAIT_S = 3.0
_NOBODY = "0" * 26  # no task has this id


def check(services: Services, wait_s: float = WAIT_S) -> list[dict[str, Any]]:
    """One entry for each hop, in the order of the road. What comes too late is left alone."""
    probes = _probes(services)
    found: dict[str, dict[str, Any]] = {}
    answers: queue.Queue[dict[str, Any]] = queue.Queue()
    began = time.monotonic()
    for name, probe in probes.items():
        threading.Thread(target=lambda n=name, p=probe: answers.put(_ask(n, p)), daemon=True).start()
    while len(found) < len(probes) and (left := began + wait_s - time.monotonic()) > 0:
        try:
            answer = answers.get(timeout=left)
        except queue.Empty:
            break
        found[answer["name"]] = answer
    late = {"ok": False, "ms": round(wait_s * 1000), "detail": f"no answer within {wait_s:g} s"}
    return [found.get(name) or {"name": name, **late} for name in probes]


def _ask(name: str, probe: Callable[[], str | None]) -> dict[str, Any]:
    began = time.monotonic()
    try:
        detail, ok = probe(), True
    except Exception as error:  # whatever it is, it is the answer
        detail, ok = _told(error), False
    return {"name": name, "ok": ok, "ms": round((time.monotonic() - began) * 1000), "detail": detail}


def _told(error: Exception) -> str:
    """Nothing of an error's text that might come from outside."""
    if isinstance(error, ApiRefused):
        return f"refused: {error.code}"
    if isinstance(error, ClusterError):
        return f"refused: {error.status}"
    return type(error).__name__


def _probes(services: Services) -> dict[str, Callable[[], str | None]]:
    return {
        "mysql": lambda: _mysql(services),
        "redis": lambda: _redis(services),
        "kafka": lambda: _kafka(services),
        "cos": lambda: _cos(services),
        "cluster": lambda: _cluster(services),
        "api": lambda: _api(services),
    }


def _mysql(services: Services) -> None:
    database = Database(services.settings.mysql_url)
    try:
        database.transaction(lambda c: c.row("SELECT 1"))
    finally:
        database.close()


def _redis(services: Services) -> str | None:
    if services.settings.redis_url is None:
        return "not used"
    from redis import Redis

    with Redis.from_url(services.settings.redis_url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S) as client:
        client.ping()
    return None


def _kafka(services: Services) -> None:
    services.producer.check(keys.TOPIC_TASKS)


def _cos(services: Services) -> None:
    services.code.head(keys.upload("patchmill", _NOBODY))


def _cluster(services: Services) -> None:
    services.hasty_cluster.pod_of(keys.job_name(_NOBODY, 1))


def _api(services: Services) -> str | None:
    """By what this function needs of it, and so may do."""
    cluster = services.settings.tke_cluster
    if cluster is None:
        return "not used"
    services.api.call("tke", "DescribeClusterKubeconfig", ClusterId=cluster, IsExtranet=False)
    return None
