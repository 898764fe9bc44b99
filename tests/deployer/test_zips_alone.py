"""The packages as they are deployed, unpacked and run under Python 3.10 with nothing else on the path.

Each handler answers the sample events against a real MariaDB, Redis and Kafka broker and the cloud's stand-ins; so
whatever a handler needs on its way is in the zips.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from patchmill import keys
from tests.support import packages
from tests.support.cloud import Stand, run_stand
from tests.support.engines import Kafka, MariaDb, Redis
from tests.support.otlp import collector
from tests.support.samples import API_KEY, load_event
from tests.support.world import World, ckafka_event, cos_event

HANDLE = Path(__file__).resolve().parents[1] / "support" / "handle.py"
FUNCTIONS = ("submit", "dispatch", "collect")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zips")
    packages.unpack(packages.ours(), folder)
    return folder


@pytest.fixture(scope="module")
def stand(engine_folder: Path) -> Iterator[Stand]:
    with run_stand(engine_folder / "zips") as stand:
        yield stand


@pytest.fixture(scope="module")
def topics(kafka_broker: Kafka) -> str:
    return kafka_broker.having(keys.TOPIC_TASKS, keys.TOPIC_RESULTS, keys.TOPIC_DEAD)


@pytest.fixture
def world(
    stand: Stand, mariadb: MariaDb, redis_server: Redis, topics: str, request: pytest.FixtureRequest
) -> Iterator[World]:
    """A database without tables, and buckets of the test's own."""
    mark = f"zips{abs(hash(request.node.nodeid)) % 10**8}"
    places = {
        "PATCHMILL_MYSQL_URL": mariadb.empty(),
        "PATCHMILL_REDIS_URL": redis_server.fresh(),
        "PATCHMILL_KAFKA_BOOTSTRAP": topics,
        "PATCHMILL_CODE_BUCKET": f"code-{mark}-1250000000",
        "PATCHMILL_LOGS_BUCKET": f"logs-{mark}-1250000000",
    }
    world = World(stand, places)
    yield world
    world.close()


class Zips:
    """The unpacked functions, with the environment of one installation."""

    def __init__(self, folder: Path, world: World, scratch: Path) -> None:
        self.folder, self.environ = folder, {**world.env, "TMPDIR": str(scratch)}
        assert self.call("collect", {"patchmill": "migrate"})["applied"] != []

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """What the handler returns. It neither raises nor takes anything from elsewhere."""
        done = packages.run(self.folder, function, HANDLE, json.dumps(event), self.environ)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout.splitlines()[-1])
        assert answer["elsewhere"] == []
        return answer["result"]


@pytest.fixture
def zips(unpacked: Path, world: World, tmp_path: Path) -> Zips:
    return Zips(unpacked, world, tmp_path)


def post(name: str, source: dict[str, Any]) -> dict[str, Any]:
    """The sample event with a whole request in it."""
    event = load_event(name)
    body = json.dumps({"prompt": "tidy up", "agent": "command", "source": source})
    return {**event, "body": body, "headers": {**event["headers"], "authorization": f"Bearer {API_KEY}"}}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_handler_alone_can_be_imported_and_passes_over_what_it_does_not_know(unpacked: Path, function: str) -> None:
    done = packages.run(unpacked, function, HANDLE, "{}", {})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"result": None, "elsewhere": []}


def test_migrations_run_from_the_zip_and_only_once(zips: Zips) -> None:
    assert zips.call("collect", {"patchmill": "migrate"}) == {"applied": []}


def test_spans_leave_from_the_zips_when_a_collector_is_named(zips: Zips) -> None:
    with collector() as server:
        zips.environ["PATCHMILL_OTLP_ENDPOINT"] = server.endpoint
        answer = zips.call("submit", post("function_url", {"git": {"url": "https://git.test/r.git"}}))
    assert answer["statusCode"] == 202, answer
    assert server.named("submit").attributes["patchmill.task"] == json.loads(answer["body"])["id"]


def test_one_task_goes_all_the_road_through_the_zips(zips: Zips, world: World) -> None:
    """HTTP → MySQL and Kafka → Job with presigned URLs → manifest in COS → COMPLETED → HTTP."""
    answer = zips.call("submit", post("function_url", {"git": {"url": "https://git.test/r.git"}}))
    assert answer["statusCode"] == 202, answer
    task_id = json.loads(answer["body"])["id"]
    (message,) = world.rows("SELECT payload FROM outbox WHERE kind = 'task'")
    zips.call("dispatch", ckafka_event(message["payload"]))
    assert world.job(task_id) is not None
    world.deliver(task_id)
    zips.call("collect", cos_event(world.services.logs.name, keys.artifact(task_id, 1, "manifest.json")))
    shown = zips.call("submit", get(f"/v1/tasks/{task_id}"))
    assert json.loads(shown["body"])["status"] == "COMPLETED"
    listed = zips.call("submit", get(f"/v1/tasks/{task_id}/artifacts"))
    assert listed["statusCode"] == 200, listed


def get(path: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {API_KEY}"}
    return {"httpMethod": "GET", "path": path, "queryString": {}, "headers": headers, "body": ""}


def test_api_gateways_event_and_a_bad_request_are_answered(zips: Zips) -> None:
    event = {**post("api_gateway", {"git": {"url": "https://git.test/r.git"}}), "path": "/v1/tasks"}
    answer = zips.call("submit", event)
    assert answer["statusCode"] == 202, answer
    refused = zips.call("submit", load_event("function_url"))
    assert refused["statusCode"] == 401
    assert json.loads(refused["body"])["status"] == 401


def test_dropped_zip_becomes_a_task(zips: Zips, world: World) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("TASK.md", "tidy up")
    key = "drops/acme/app.zip"
    world.services.code.put(key, buffer.getvalue(), "application/zip")
    zips.call("submit", cos_event(world.services.code.name, key))
    (task,) = world.rows("SELECT * FROM tasks")
    assert (task["prompt"], task["drop_name"]) == ("tidy up", "app")


def test_unreadable_records_are_parked(zips: Zips, world: World) -> None:
    zips.call("dispatch", load_event("ckafka"))
    assert len(world.rows("SELECT * FROM dead_letters")) == 2


def test_timer_sweeps(zips: Zips, world: World) -> None:
    zips.call("collect", load_event("timer"))
    assert world.rows("SELECT * FROM tasks") == []
