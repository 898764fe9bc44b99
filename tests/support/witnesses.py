"""Many tasks and everything that knows of them: MySQL, Redis, the results topic, and every Job that ever was."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from patchmill_client import Client, Task, TaskRequest
from tests.support.road import NAMESPACE, Obj, Road, until, zip_of

_JOB = '{.metadata.name} {.metadata.uid}{"\\n"}'


def submit_together(road: Road, prompts: Sequence[str], at_once: int = 4) -> list[str]:
    """Hand in one task per prompt, several at a time, as so many users with the client would."""
    source = road.upload(zip_of({"readme.txt": "hello\n"}))

    def submit(prompt: str) -> str:
        with Client(road.values["PATCHMILL_URL"], road.values["PATCHMILL_API_KEY"], patience_s=60) as client:
            request = TaskRequest(prompt, agent="command", upload_id=source["upload_id"])
            task: Task = client.submit(request)
            return task.id

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(submit, prompts))


@contextmanager
def job_watch(road: Road, file: Path) -> Iterator[JobWatch]:
    """`kubectl get jobs --watch` in the background: sees also Jobs that are removed again."""
    argv = ["kubectl", "-n", NAMESPACE, "get", "jobs", "--watch", "-o", f"jsonpath={_JOB}"]
    with file.open("wb") as output:
        process = subprocess.Popen(argv, env=road.shell, stdout=output, stderr=subprocess.DEVNULL)
    try:
        yield JobWatch(file)
    finally:
        process.kill()
        process.wait()


class JobWatch:
    """What the watch has seen so far."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def jobs(self, task_ids: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
        """(name, uid) of every Job that each task ever had."""
        found: dict[str, set[tuple[str, str]]] = {task_id: set() for task_id in task_ids}
        for line in self._file.read_text().splitlines():
            name, uid = line.split()
            task_id = name.split("-")[1].upper()
            if task_id in found:
                found[task_id].add((name, uid))
        return found


def agree(road: Road, task_ids: Sequence[str], *, dispatch_was_killed: bool = False) -> dict[str, Obj]:
    """The tasks, after MySQL, Redis and the last attempt's Job have said the same of each.

    A dispatch that was killed may have made a Job without noting its uid.
    """
    tasks = {task_id: road.task(task_id) for task_id in task_ids}
    for task_id, task in tasks.items():
        [row] = road.rows("SELECT status, attempt, version FROM tasks WHERE id = %s", task_id)
        assert row == {name: task[name] for name in row}
        assert road.cached(task_id) == task
        attempts = road.rows("SELECT number, job_uid, status FROM attempts WHERE task_id = %s ORDER BY number", task_id)
        assert [attempt["number"] for attempt in attempts] == list(range(1, task["attempt"] + 1))
        jobs = {job["metadata"]["name"]: job["metadata"]["uid"] for job in road.objects("jobs", task_id)}
        uid = jobs[f"pm-{task_id.lower()}-{task['attempt']}"]
        assert attempts[-1]["status"] == task["status"]
        assert attempts[-1]["job_uid"] == uid or (dispatch_was_killed and attempts[-1]["job_uid"] is None)
    return tasks


def announced(road: Road, tasks: dict[str, Obj]) -> None:
    """codex-results has told of each of these tasks: once, or more often with the same bytes."""

    found: dict[str, list[bytes]] = {}

    def told() -> bool:
        found.update(road.results(list(tasks)))
        return all(found.values())

    try:
        until("all results on codex-results", told, 30)
    except AssertionError as error:
        missing = [task_id for task_id, messages in found.items() if not messages]
        owed = road.rows("SELECT task_id, kind, attempt, tries, next_try_at FROM outbox")
        raise AssertionError(f"{error}; missing: {[tasks[each] for each in missing]}; owed: {owed}") from error
    for task_id, messages in found.items():
        assert len(set(messages)) == 1, messages
        result = json.loads(messages[0])
        assert (result["status"], result["attempt"]) == (tasks[task_id]["status"], tasks[task_id]["attempt"])
    until("nothing to be owed", lambda: not road.rows("SELECT id FROM outbox WHERE task_id IN %s", list(tasks)), 30)


def all_ended(road: Road, task_ids: Sequence[str], seconds: float = 90) -> set[str]:
    """Their final states, once all have one."""
    return {road.ended(task_id, seconds)["status"] for task_id in task_ids}
