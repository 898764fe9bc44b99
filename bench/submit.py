"""`POST /v1/tasks`: through the emulator's Function URL, and the function's own part beside its floor.

The own part is submit's `main_handler` in this process, called as the platform calls it, on a real MariaDB, Redis and
Kafka broker that do nothing else. The floor is what no implementation can leave out, as bare driver calls in the same
process: the same two INSERTs in one transaction, the same message with acks=all, the same write to Redis. The two take
turns, so that whatever else this machine does meets both.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "layers/core"), str(PROJECT / "functions/submit")]

import httpx  # noqa: E402  (what follows is found by the lines above)

from bench.floor import Floor  # noqa: E402
from bench.support import emulator, quick, say, show, spread, within  # noqa: E402
from emulator.listen import LoopThread  # noqa: E402
from patchmill import keys  # noqa: E402
from tests.support.engines import run_kafka, run_mariadb, run_redis  # noqa: E402
from tests.support.samples import API_KEY, environment  # noqa: E402
from tests.support.world import load_index  # noqa: E402

BODY: dict[str, Any] = {
    "prompt": "Bring the type hints of this package up to date. " * 10,
    "agent": "command",
    "source": {"git": {"url": "https://example.com/team/project.git", "ref": "main"}},
    "labels": {"team": "tools"},
}
MAX_RATIO = 1.6
WARM_UP = 20
HELD = 45  # submissions; from 50 records on the CKafka trigger would call dispatch

Call = Callable[[], object]


def main() -> None:
    few = quick("POST /v1/tasks: time through the emulator, and the function's own part beside its floor")
    show({"function": in_process(60 if few else 400), "emulator": through_emulator(15 if few else HELD)})


def in_process(count: int) -> dict[str, Any]:
    """The function and its floor, `count` times each."""
    say(f"submit: the function and its floor in turns, {count} times each")
    with tempfile.TemporaryDirectory(prefix="pm-bench-") as folder, installation(Path(folder)) as env:
        handler, floor = function(env), Floor(env)
        floor_turns = iter([floor.prepare(BODY) for _ in range(WARM_UP + count)])
        own, bare = in_turns(lambda: submitted(handler), lambda: floor.submit(next(floor_turns)), WARM_UP + count)
        floor.close()
    own, bare = own[WARM_UP:], bare[WARM_UP:]
    ratio = statistics.median(own) / statistics.median(bare)
    return {"own_part": spread(own), "floor": spread(bare), "ratio_at_median": within(ratio, MAX_RATIO)}


def in_turns(first: Call, second: Call, count: int) -> tuple[list[float], list[float]]:
    """Seconds of each call of the two; who begins changes every time."""
    times: tuple[list[float], list[float]] = [], []
    for turn in range(count):
        for who in (0, 1) if turn % 2 else (1, 0):
            began = time.perf_counter()
            (first, second)[who]()
            times[who].append(time.perf_counter() - began)
    return times


@contextmanager
def installation(folder: Path) -> Iterator[dict[str, str]]:
    """Engines of its own; gives a function's environment. COS and cluster are missing: no submission asks them."""
    loop = LoopThread()
    with (
        run_mariadb(folder, loop, PROJECT / "layers/core/patchmill/migrations") as mariadb,
        run_redis(folder, loop) as cache,
        run_kafka(folder, loop) as broker,
    ):
        broker.topics.create(keys.TOPIC_TASKS, 3)
        yield environment(
            PATCHMILL_MYSQL_URL=mariadb.fresh(),
            PATCHMILL_REDIS_URL=cache.fresh(),
            PATCHMILL_KAFKA_BOOTSTRAP=broker.bootstrap,
        )
    loop.close()


def function(env: dict[str, str]) -> Callable[[Any, Any], Any]:
    """Submit's handler after a cold start in this environment."""
    os.environ.update(env)
    handler: Callable[[Any, Any], Any] = load_index("submit").main_handler
    return handler


def submitted(handler: Callable[[Any, Any], Any]) -> None:
    """One event through the handler. Its log goes where the platform's would not cost the function anything."""
    event = {
        "httpMethod": "POST",
        "path": "/v1/tasks",
        "queryString": {},
        "headers": {
            "authorization": f"Bearer {API_KEY}",
            "content-type": "application/json",
            "host": "patchmill.example.com",
            "user-agent": "bench",
            "x-scf-remote-addr": "127.0.0.1",
        },
        "body": json.dumps(BODY),
    }
    with redirect_stdout(_NOWHERE):
        answer = handler(event, {})
    if answer["statusCode"] != 202:
        sys.exit(f"submit answered {answer['statusCode']}: {answer['body']}")


def through_emulator(count: int) -> dict[str, Any]:
    """The same request over HTTP, beside GET /healthz (the least that a function behind a URL can do: one SELECT).

    The CKafka trigger is made to wait, so that no Job runs beside the measurement.
    """
    say(f"submit: through the emulator, {count} times")
    with emulator(ckafka_wait_s="600") as cloud:
        key = {"Authorization": f"Bearer {cloud.values['PATCHMILL_API_KEY']}"}
        with httpx.Client(base_url=cloud.values["PATCHMILL_URL"], headers=key, trust_env=False, timeout=30) as http:

            def post() -> None:
                http.post("/v1/tasks", json=BODY).raise_for_status()

            def health() -> None:
                http.get("/healthz").raise_for_status()

            posts, healths = in_turns(post, health, count)
    return {"post_v1_tasks": spread(posts[5:]), "floor_get_healthz": spread(healths[5:])}


_NOWHERE = Path(os.devnull).open("w")  # noqa: SIM115  open as long as this process lives

if __name__ == "__main__":
    main()
