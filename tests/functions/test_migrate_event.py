"""Collect brings the database to its release's level when the deployer asks, and for nobody else."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from patchmill import events
from patchmill.adapters.database import Database
from tests.support.engines import MariaDb
from tests.support.samples import load_event
from tests.support.world import World

MIGRATE = {"patchmill": "migrate"}


@pytest.fixture
def empty(mariadb: MariaDb) -> str:
    return mariadb.empty()


@pytest.fixture
def index(world: World, empty: str) -> ModuleType:
    return world.function("collect", PATCHMILL_MYSQL_URL=empty)


def tables(url: str) -> int:
    return len(Database(url).transaction(lambda c: c.rows("SHOW TABLES")))


def test_event_of_the_deployer_migrates_once(index: ModuleType, empty: str) -> None:
    first = index.main_handler(dict(MIGRATE), {})
    assert first["applied"][0] == "0001_tasks"
    assert index.main_handler(dict(MIGRATE), {}) == {"applied": []}
    assert json.loads(json.dumps(first)) == first
    assert tables(empty) >= 4


BODY = json.dumps(MIGRATE)
OUTSIDE: list[dict[str, Any]] = [
    {"httpMethod": "POST", "path": "/", "headers": {}, "queryString": {"patchmill": "migrate"}, "body": BODY},
    {"patchmill": "migrate", "httpMethod": "POST"},
    {"body": BODY},
    {"Type": "Other", "TriggerName": "x", "Time": "2026-11-24T12:00:00Z", "Message": BODY},
    {"Records": []},
    {"patchmill": "Migrate"},
    {"patchmill": ["migrate"]},
    {},
]


@pytest.mark.parametrize("event", OUTSIDE)
def test_event_from_outside_does_not_migrate(index: ModuleType, empty: str, event: dict[str, Any]) -> None:
    assert index.main_handler(event, {}) is None
    assert tables(empty) == 0


@pytest.mark.parametrize("name", ["api_gateway", "ckafka", "cos", "function_url", "timer"])
def test_no_trigger_s_event_looks_like_it(name: str) -> None:
    event = load_event(name)
    assert not events.is_migrate(event)
    for key in ("body", "Message"):
        if key in event:
            assert not events.is_migrate({**event, key: BODY})
