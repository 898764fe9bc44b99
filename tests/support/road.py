"""What stands around the road of a task and can be seen from outside: HTTP, COS, kubectl, Kafka, MySQL, Redis.

Everything by the ordinary clients, with what the emulator's env file gives to a person's shell.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pymysql
import redis
from qcloud_cos import CosConfig, CosS3Client

from tests.support.emulator_process import outside

T = TypeVar("T")
Obj = dict[str, Any]
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
NAMESPACE = "patchmill"
_POLL_S = 0.05


def until(what: str, look: Callable[[], T | None], seconds: float = 60.0) -> T:
    """The first answer of `look` that is true. Fails with `what` after the time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(_POLL_S)


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Road:
    """One emulator's outer side."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.shell = {**outside(), **self.values, "PATH": path, "NO_COLOR": "1"}
        self._http = httpx.Client(base_url=values["PATCHMILL_URL"], timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    # -- HTTP

    def request(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx.Response:
        """One request with the person's own key, or another one."""
        headers = {"Authorization": f"Bearer {key or self.values['PATCHMILL_API_KEY']}", **options.pop("headers", {})}
        return self._http.request(method, path, headers=headers, **options)

    def upload(self, archive: bytes) -> Obj:
        """The `source` of a task, after its ZIP has gone to the bucket."""
        answer = self.request("POST", "/v1/uploads", json={"size": len(archive)})
        place = answer.json()
        put = httpx.put(answer.headers["Location"], content=archive, headers=place["headers"], trust_env=False)
        put.raise_for_status()
        return {"upload_id": place["upload_id"]}

    def submit(self, prompt: str, source: Obj | Mapping[str, str | bytes] | None = None, **fields: Any) -> str:
        """The id of a new task, of the `command` agent unless told otherwise. `source` may be files by name."""
        plain = source or {"readme.txt": "hello\n"}
        known = "git" in plain or "upload_id" in plain
        body = {
            "prompt": prompt,
            "agent": "command",
            "source": plain if known else self.upload(zip_of(plain)),
            **fields,
        }
        response = self.request("POST", "/v1/tasks", json=body)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def task(self, task_id: str) -> Obj:
        answer: Obj = self.request("GET", f"/v1/tasks/{task_id}").raise_for_status().json()
        return answer

    def ended(self, task_id: str, seconds: float = 60.0) -> Obj:
        """The task once it has ended, whichever way."""

        def look() -> Obj | None:
            task = self.task(task_id)
            return task if task["status"] in ENDED else None

        return until(f"the end of {task_id}, which is {self.task(task_id)}", look, seconds)

    def run(self, prompt: str, source: Obj | Mapping[str, str | bytes] | None = None, **fields: Any) -> Obj:
        return self.ended(self.submit(prompt, source, **fields))

    def log(self, task_id: str) -> str:
        """The whole log as it is now, asked for piece by piece."""
        text, offset = b"", 0
        while True:
            answer = self.request("GET", f"/v1/tasks/{task_id}/logs", params={"offset": offset}).raise_for_status()
            text += answer.content
            following = int(answer.headers["Patchmill-Log-Offset"])
            if following == offset or answer.headers["Patchmill-Log-Complete"] == "true":
                return text.decode("utf-8", "replace")
            offset = following

    def artifact(self, task_id: str, name: str) -> bytes:
        redirect = self.request("GET", f"/v1/tasks/{task_id}/artifacts/{name}")
        assert redirect.status_code == 302, redirect.text
        return httpx.get(redirect.headers["Location"], trust_env=False).raise_for_status().content

    # -- the command

    def patchmill(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        argv = ["patchmill", *map(str, arguments)]
        return subprocess.run(argv, cwd=cwd, env=self.shell, capture_output=True, text=True, timeout=90, check=False)

    # -- the cluster

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        argv = ["kubectl", "--namespace", NAMESPACE, *arguments]
        return subprocess.run(
            argv, env=self.shell, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    def objects(self, kind: str, task_id: str) -> list[Obj]:
        """The task's Jobs or pods."""
        done = self.kubectl("get", kind, "-l", f"patchmill/task={task_id.lower()}", "-o", "json")
        items: list[Obj] = json.loads(done.stdout)["items"]
        return items

    # -- the stores

    @contextmanager
    def _database(self) -> Iterator[pymysql.cursors.DictCursor]:
        connection = pymysql.connect(
            unix_socket=self.values["MYSQL_SOCKET"],
            user="root",
            database="patchmill",
            autocommit=True,
            cursorclass=pymysql.cursors.DictCursor,
        )
        with connection, connection.cursor() as cursor:
            yield cursor

    def rows(self, sql: str, *parameters: object) -> list[Obj]:
        """Rows of MySQL."""
        with self._database() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    def cached(self, task_id: str) -> Obj | None:
        """The task's view in Redis."""
        with redis.Redis(unix_socket_path=self.values["REDIS_SOCKET"]) as client:
            body = client.hget(f"patchmill:task:{task_id}", "task")
        return json.loads(body) if isinstance(body, bytes) else None

    def messages(self, topic: str) -> list[tuple[str, bytes]]:
        """Every (key, value) that the topic holds."""
        # Imported here: a conftest imports this module before the warning filter for kafka-python is set.
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(
            bootstrap_servers=self.values["KAFKA_BOOTSTRAP"], fetch_max_wait_ms=20, enable_auto_commit=False
        )
        try:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            found: list[tuple[str, bytes]] = []
            deadline = time.monotonic() + 20
            while any(consumer.position(each) < ends[each] for each in partitions):
                assert time.monotonic() < deadline, f"{topic} could not be read"
                for records in consumer.poll(timeout_ms=50).values():
                    found += [(record.key.decode(), record.value) for record in records]
            return found
        finally:
            consumer.close()

    def results(self, task_ids: Sequence[str]) -> dict[str, list[bytes]]:
        """What codex-results says of each of these tasks."""
        found: dict[str, list[bytes]] = {task_id: [] for task_id in task_ids}
        for key, value in self.messages("codex-results"):
            if key in found:
                found[key].append(value)
        return found

    def cos(self, bucket: str) -> CosS3Client:
        endpoint = self.values["COS_ENDPOINT"].removeprefix("http://")
        config = CosConfig(
            Region=self.values["COS_REGION"],
            SecretId=self.values["COS_SECRET_ID"],
            SecretKey=self.values["COS_SECRET_KEY"],
            Scheme="http",
            Domain=f"{endpoint}/{bucket}",
        )
        return CosS3Client(config)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Names of the objects below `prefix`."""
        listing = self.cos(bucket).list_objects(Bucket=bucket, Prefix=prefix, MaxKeys=1000)
        return [entry["Key"] for entry in listing.get("Contents", [])]

    def read(self, bucket: str, key: str) -> bytes:
        content: bytes = self.cos(bucket).get_object(Bucket=bucket, Key=key)["Body"].get_raw_stream().read()
        return content
