"""`GET /metrics` and what else the console asks of MySQL, with 1,000 tasks and with 1,000,000 behind it.

The API's app is called in this process, on a real MariaDB that does nothing else. The tasks beside the first few, which
go through all their states, are copies of one of them, one in a hundred QUEUED.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "layers/core"), str(PROJECT / "functions/submit")]

from ulid import ULID  # noqa: E402  (what follows is found by the lines above)

from bench.support import quick, say, show, spread, within  # noqa: E402
from emulator.listen import LoopThread  # noqa: E402
from patchmill.adapters.database import Cursor, Database  # noqa: E402
from patchmill.adapters.tasks import Tasks  # noqa: E402
from patchmill.events import HttpEvent  # noqa: E402
from patchmill.instance import Instance  # noqa: E402
from patchmill.task import Limits, NewTask, Outcome, Phase, Status  # noqa: E402
from submit import wsgi  # noqa: E402
from submit.api import App  # noqa: E402
from tests.support.engines import run_mariadb  # noqa: E402
from tests.support.samples import API_KEY, environment  # noqa: E402

FEW, MANY, BATCH = 1_000, 1_000_000, 100_000
MAX_RATIO = 1.5
PATHS = {
    "metrics": ("/metrics", {}),
    "ops": ("/v1/ops", {}),
    "ops_of_a_day": ("/v1/ops", {"minutes": "1440"}),
    "list": ("/v1/tasks", {"limit": "50"}),
    "search_without_a_hit": ("/v1/tasks", {"q": "needle"}),
}
_COLUMNS = "tenant, agent, prompt, source, labels, timeout_s, max_steps, result, created_at, updated_at"


def main() -> None:
    short = quick("GET /metrics and the console's queries with 1,000 tasks and with 1,000,000")
    many, times = (50_000, 10) if short else (MANY, 50)
    loop = LoopThread()
    migrations = PROJECT / "layers/core/patchmill/migrations"
    with (
        tempfile.TemporaryDirectory(prefix="pm-bench-") as folder,
        run_mariadb(Path(folder), loop, migrations) as server,
    ):
        url = server.fresh()
        database = Database(url)
        work_through(Tasks(database, 60, ("command",)), 100)
        services = Instance(environment(PATCHMILL_MYSQL_URL=url, PATCHMILL_REDIS_URL="")).services({})
        get = client(App(services))
        fill(database, FEW)
        few = measured(get, times, FEW)
        fill(database, many - FEW)
        lots = measured(get, times, many)
        services.close()
        database.close()
    loop.close()
    ratio = few["metrics"]["median_ms"] and lots["metrics"]["median_ms"] / few["metrics"]["median_ms"]
    show({f"with_{FEW}": few, f"with_{many}": lots, "metrics_ratio": within(ratio, MAX_RATIO)})


def work_through(tasks: Tasks, count: int) -> None:
    """Tasks that go through all their states, so that every counter has moved."""
    source = {"kind": "git", "url": "https://example.com/team/project.git", "ref": "main"}
    for _ in range(count):
        task_id = str(ULID())
        tasks.create(NewTask(task_id, "acme", "command", None, "Bring it up to date. " * 20, source, Limits(600, 50)))
        tasks.claim(task_id, 1, 60, 60)
        for phase in list(Phase)[1:]:
            tasks.enter(task_id, 1, phase)
        tasks.finish(task_id, 1, Outcome(Status.COMPLETED, result={"artifacts": []}))


def fill(database: Database, count: int) -> None:
    """Copies of a task, made by the server."""
    say(f"metrics: {count} more tasks")
    database.transaction(lambda c: c.change("SET SESSION max_recursive_iterations = 10000000"))
    for start in range(0, count, BATCH):
        database.transaction(lambda c, n=min(BATCH, count - start): _copy(c, n))  # type: ignore[misc]


def _copy(cursor: Cursor, count: int) -> None:
    first = int(ULID())
    cursor.change(
        f"INSERT INTO tasks (id, status, {_COLUMNS}) "
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s) "
        "SELECT CONCAT(%s, LPAD(n, 10, '0')), IF(n MOD 100, 'COMPLETED', 'QUEUED'), one.* "
        f"FROM numbers, (SELECT {_COLUMNS} FROM tasks LIMIT 1) AS one",
        count,
        str(ULID.from_int(first))[:16],
    )


def client(app: App) -> Callable[[str, dict[str, str]], None]:
    """One GET through the app, as the platform's event."""

    def get(path: str, query: dict[str, str]) -> None:
        headers = {"authorization": f"Bearer {API_KEY}"}
        event: dict[str, Any] = {"httpMethod": "GET", "path": path, "queryString": query, "headers": headers}
        answer = wsgi.respond(app.wsgi, HttpEvent(event))
        if answer["statusCode"] != 200:
            sys.exit(f"{path} answered {answer['statusCode']}: {answer['body']}")

    return get


def measured(get: Callable[[str, dict[str, str]], None], times: int, tasks: int) -> dict[str, Any]:
    say(f"metrics: every query {times} times with {tasks} tasks")
    found: dict[str, Any] = {}
    for name, (path, query) in PATHS.items():
        seconds: list[float] = []
        for _ in range(times + 2):
            began = time.perf_counter()
            get(path, query)
            seconds.append(time.perf_counter() - began)
        found[name] = spread(seconds[2:])
    return found


if __name__ == "__main__":
    main()
