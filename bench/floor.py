"""The floor of a submission: what must be written whoever writes it, in bare driver calls. For bench/submit.py.

The rows, the message and the cached view are of the same size as the function's own; they are made before the clock
runs. SQL and script are the function's, for the two to write the same thing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pymysql
import redis
from kafka import KafkaProducer
from ulid import ULID

from patchmill import keys, wire
from patchmill.adapters import cache, outbox, rows
from patchmill.task import Limits, NewTask, iso, public


@dataclass(frozen=True)
class Prepared:
    """One submission, ready to be written."""

    task_id: str
    row: tuple[Any, ...]
    outbox_row: tuple[Any, ...]
    message: bytes
    view: str


class Floor:
    """Three connections, made here. `env` is the function's environment."""

    def __init__(self, env: Mapping[str, str]) -> None:
        url = env["PATCHMILL_MYSQL_URL"]
        self._mysql = pymysql.connect(
            unix_socket=url.partition("unix_socket=")[2],
            user="root",
            database=url.split("/")[3].partition("?")[0],
            charset="utf8mb4",
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        )
        self._redis = redis.Redis.from_url(env["PATCHMILL_REDIS_URL"])
        self._kafka = KafkaProducer(
            bootstrap_servers=env["PATCHMILL_KAFKA_BOOTSTRAP"], acks="all", linger_ms=0, enable_idempotence=False
        )

    def prepare(self, body: Mapping[str, Any]) -> Prepared:
        """What the body of a POST /v1/tasks comes to. Not timed."""
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        source = {"kind": "git", **body["source"]["git"]}
        limits = Limits(1800, 100)
        new = NewTask(str(ULID()), "acme", body["agent"], None, body["prompt"], source, limits, body["labels"])
        task = rows.fresh(new, now)
        message = wire.dump(wire.task_message(task.id, 1, task.tenant, source, task.agent, iso(now) or ""))
        view = json.dumps(public(task))
        return Prepared(
            task.id, tuple(rows.insert_values(new, now)), ("task", task.id, 1, message, 60), message.encode(), view
        )

    def submit(self, prepared: Prepared) -> None:
        """One transaction of two INSERTs, one record with acks=all, one write to Redis."""
        with self._mysql.cursor() as cursor:
            cursor.execute(rows.INSERT, prepared.row)
            cursor.execute(outbox.INSERT, prepared.outbox_row)
            self._mysql.commit()
        self._kafka.send(keys.TOPIC_TASKS, key=prepared.task_id.encode(), value=prepared.message).get(timeout=10)
        self._redis.eval(cache.STORE, 1, f"floor:{prepared.task_id}", "1", prepared.view, "10")

    def close(self) -> None:
        self._kafka.close(timeout=1)
        self._redis.close()
        self._mysql.close()
