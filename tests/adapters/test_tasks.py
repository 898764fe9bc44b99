"""Tasks in a real MariaDB: each transition once, only for the current attempt, with its message in the same commit."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from patchmill.adapters.database import Cursor, Database
from patchmill.adapters.outbox import Outbox, Row, SendFailed
from patchmill.adapters.taskqueries import Filter
from patchmill.adapters.tasks import Tasks
from patchmill.task import Limits, NewTask, Outcome, Phase, Reason, Status, failed
from tests.support.engines import MariaDb
from tests.support.samples import TASK_ID

NEW = NewTask(
    id=TASK_ID,
    tenant="acme",
    agent="command",
    model=None,
    prompt="tidy 整理 🧹",
    source={"kind": "git", "url": "https://x/y", "ref": None},
    limits=Limits(600, 50),
    labels={"team": "core"},
)
DONE = Outcome(Status.COMPLETED, result={"summary": "ok", "artifacts": []})


@pytest.fixture
def database(mariadb: MariaDb) -> Iterator[Database]:
    database = Database(mariadb.fresh())
    yield database
    database.close()


@pytest.fixture
def tasks(database: Database) -> Tasks:
    return Tasks(database, requeue_after_s=60)


def owed(database: Database) -> list[tuple[Any, ...]]:
    rows = database.transaction(lambda c: c.rows("SELECT kind, attempt FROM outbox ORDER BY id"))
    return [(row["kind"], row["attempt"]) for row in rows]


def test_created_task_reads_back_equal_and_owes_its_message(tasks: Tasks, database: Database) -> None:
    task, created = tasks.create(NEW)
    assert created
    assert tasks.get(TASK_ID) == task
    assert (task.status, task.attempt, task.version, task.prompt) == (Status.QUEUED, 1, 1, NEW.prompt)
    assert owed(database) == [("task", 1)]


def test_same_idempotency_key_gives_the_first_task(tasks: Tasks, database: Database) -> None:
    keyed = dataclasses.replace(NEW, idempotency_key="k", request_hash="a" * 64)
    tasks.create(keyed)
    task, created = tasks.create(dataclasses.replace(keyed, id=TASK_ID[:-1] + "B", request_hash="b" * 64))
    assert (task.id, created, task.request_hash) == (TASK_ID, False, "a" * 64)
    assert len(owed(database)) == 1


def test_idempotency_key_is_of_one_tenant_alone(tasks: Tasks) -> None:
    keyed = dataclasses.replace(NEW, idempotency_key="k")
    tasks.create(keyed)
    assert tasks.create(dataclasses.replace(keyed, id=TASK_ID[:-1] + "B", tenant="globex"))[1]


def test_idempotency_key_can_be_used_again_after_its_life(tasks: Tasks, database: Database) -> None:
    tasks.create(dataclasses.replace(NEW, idempotency_key="k"))
    assert tasks.forget_idempotency_keys(10) == 0
    database.transaction(lambda c: c.change("UPDATE tasks SET key_expires_at = NOW(3) - INTERVAL 1 SECOND"))
    assert tasks.forget_idempotency_keys(10) == 1
    assert tasks.create(dataclasses.replace(NEW, id=TASK_ID[:-1] + "B", idempotency_key="k"))[1]


def test_create_that_committed_before_its_connection_broke_counts_as_created(tasks: Tasks) -> None:
    tasks.create(NEW)
    assert tasks.create(NEW)[1]


def test_claim_takes_the_task_and_its_message_once(tasks: Tasks, database: Database) -> None:
    tasks.create(NEW)
    task = tasks.claim(TASK_ID, 1, 60, 120)
    assert task is not None and (task.status, task.phase, task.version) == (Status.PROCESSING, Phase.DISPATCHED, 2)
    assert owed(database) == []


def test_claim_is_given_again_until_the_job_is_known(tasks: Tasks) -> None:
    tasks.create(NEW)
    tasks.claim(TASK_ID, 1, 60, 120)
    assert tasks.claim(TASK_ID, 1, 60, 120) is not None
    tasks.job_created(TASK_ID, 1, "uid-1")
    assert tasks.claim(TASK_ID, 1, 60, 120) is None


@pytest.mark.parametrize("attempt", [2, 99])
def test_claim_of_another_attempt_is_nothing(tasks: Tasks, attempt: int) -> None:
    tasks.create(NEW)
    assert tasks.claim(TASK_ID, attempt, 60, 120) is None
    assert tasks.claim("01JDB000000000000000000ZZZ", 1, 60, 120) is None


def test_phase_moves_forward_only_and_only_while_processing(tasks: Tasks) -> None:
    tasks.create(NEW)
    assert tasks.enter(TASK_ID, 1, Phase.RUNNING_AGENT) is None
    tasks.claim(TASK_ID, 1, 60, 120)
    running = tasks.enter(TASK_ID, 1, Phase.RUNNING_AGENT)
    assert running is not None and running.started_at is not None
    assert tasks.enter(TASK_ID, 1, Phase.DOWNLOADING_CODE) is None
    assert tasks.enter(TASK_ID, 2, Phase.UPLOADING) is None
    assert tasks.enter(TASK_ID, 1, Phase.DISPATCHED) is None


def test_finish_happens_once_and_owes_the_result(tasks: Tasks, database: Database) -> None:
    tasks.create(NEW)
    tasks.claim(TASK_ID, 1, 60, 120)
    task = tasks.finish(TASK_ID, 1, DONE)
    assert task is not None and task.status is Status.COMPLETED and task.finished_at is not None
    assert tasks.finish(TASK_ID, 1, failed(Reason.TIMEOUT, "late")) is None
    assert tasks.finish(TASK_ID, None, Outcome(Status.CANCELLED)) is None
    assert owed(database) == [("result", 1)]
    assert tasks.open_attempts("", 10) == []


def test_completion_of_a_task_that_was_never_claimed_is_refused(tasks: Tasks) -> None:
    tasks.create(NEW)
    assert tasks.finish(TASK_ID, 1, DONE) is None


def test_drop_owes_its_copies_too(tasks: Tasks, database: Database) -> None:
    tasks.create(dataclasses.replace(NEW, drop="app"))
    tasks.finish(TASK_ID, 1, failed(Reason.SOURCE_ERROR, "no ZIP"))
    assert owed(database) == [("result", 1), ("drop", 1)]


def test_cancel_of_a_queued_task_takes_its_message_back(tasks: Tasks, database: Database) -> None:
    tasks.create(NEW)
    assert tasks.finish(TASK_ID, None, Outcome(Status.CANCELLED)) is not None
    assert owed(database) == [("result", 1)]


def test_retry_makes_the_next_attempt_and_fences_the_old_one(tasks: Tasks, database: Database) -> None:
    tasks.create(NEW)
    tasks.claim(TASK_ID, 1, 60, 120)
    again = tasks.retry(TASK_ID, 1, failed(Reason.NODE_LOST, "gone"))
    assert again is not None and (again.status, again.attempt, again.phase) == (Status.QUEUED, 2, None)
    assert owed(database) == [("task", 2)]
    tasks.claim(TASK_ID, 2, 60, 120)
    assert tasks.finish(TASK_ID, 1, DONE) is None
    assert tasks.retry(TASK_ID, 1, failed(Reason.NODE_LOST, "gone")) is None
    assert tasks.finish(TASK_ID, 2, DONE) is not None


def test_put_back_keeps_the_number_and_can_be_claimed_again(tasks: Tasks, database: Database) -> None:
    tasks.create(NEW)
    tasks.claim(TASK_ID, 1, 60, 120)
    back = tasks.put_back(TASK_ID, 1)
    assert back is not None and (back.status, back.attempt) == (Status.QUEUED, 1)
    assert owed(database) == [("task", 1)]
    assert tasks.claim(TASK_ID, 1, 60, 120) is not None


def test_wake_owes_the_message_again(tasks: Tasks, database: Database) -> None:
    task, _ = tasks.create(NEW)
    tasks.claim(TASK_ID, 1, 60, 120)
    tasks.wake(task)
    tasks.wake(task)
    assert owed(database) == [("task", 1)]


def test_deadlines_are_the_database_s(tasks: Tasks) -> None:
    tasks.create(dataclasses.replace(NEW, limits=Limits(1, 1)))
    tasks.claim(TASK_ID, 1, -2, -2)
    (attempt,) = tasks.open_attempts("", 10)
    assert (attempt.number, attempt.start_overdue, attempt.overdue, attempt.job_uid) == (1, True, True, None)
    tasks.enter(TASK_ID, 1, Phase.RUNNING_AGENT)
    assert [a.start_overdue for a in tasks.open_attempts("", 10)] == [False]
    assert tasks.open_attempts(TASK_ID, 10) == []


def test_page_is_newest_first_by_tenant_and_status(tasks: Tasks) -> None:
    ids = [TASK_ID[:-1] + letter for letter in "ABCD"]
    for number, task_id in enumerate(ids):
        tasks.create(dataclasses.replace(NEW, id=task_id, tenant="globex" if number == 3 else "acme"))
    tasks.finish(ids[0], None, Outcome(Status.CANCELLED))
    assert [t.id for t in tasks.page("acme", Filter(), 2)] == [ids[2], ids[1]]
    assert [t.id for t in tasks.page("acme", Filter(before=ids[1]), 2)] == [ids[0]]
    assert [t.id for t in tasks.page("acme", Filter(status=Status.CANCELLED), 9)] == [ids[0]]


def test_sixteen_writers_make_one_transition(mariadb: MariaDb, database: Database, tasks: Tasks) -> None:
    tasks.create(NEW)
    tasks.claim(TASK_ID, 1, 60, 120)
    url = database._url
    barrier, won = threading.Barrier(16, timeout=20), list[int]()

    def writer(number: int) -> None:
        mine = Database(url)
        store = Tasks(mine, 60)
        barrier.wait()
        outcome = DONE if number % 2 else failed(Reason.TIMEOUT, "late")
        if store.finish(TASK_ID, 1, outcome):
            won.append(number)
        mine.close()

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    assert owed(database) == [("result", 1)]


def sent_by(outbox: Outbox, limit: int = 10) -> list[str]:
    rows: list[str] = []
    outbox.send_due(limit, 10, lambda row: rows.append(f"{row.kind}:{row.attempt}"))
    return rows


def test_message_is_sent_by_the_sweep_only_when_nobody_took_it_in_time(database: Database) -> None:
    outbox = Outbox(database, 60)
    Tasks(database, 60).create(NEW)
    assert sent_by(outbox) == []
    Tasks(database, 0).create(dataclasses.replace(NEW, id=TASK_ID[:-1] + "B"))
    assert sent_by(outbox) == ["task:1"]
    assert sent_by(outbox) == []  # stays, but not due again for a while
    assert len(owed(database)) == 2


def test_result_is_removed_once_sent_and_kept_when_sending_fails(tasks: Tasks, database: Database) -> None:
    outbox = Outbox(database, 60)
    tasks.create(NEW)
    tasks.finish(TASK_ID, None, Outcome(Status.CANCELLED))

    def refuse(row: Row) -> None:
        raise SendFailed

    assert outbox.send_of(TASK_ID, refuse) == 0
    assert owed(database) == [("result", 1)]
    assert sent_by(outbox) == []  # due again only after a pause
    database.transaction(lambda c: c.change("UPDATE outbox SET next_try_at = NOW(3)"))
    assert sent_by(outbox) == ["result:1"]
    assert owed(database) == []


def test_sending_stops_at_the_first_that_fails_and_leaves_the_others_due(tasks: Tasks, database: Database) -> None:
    for letter in "ABC":
        Tasks(database, 0).create(dataclasses.replace(NEW, id=TASK_ID[:-1] + letter))
    tried: list[str] = []

    def refuse(row: Row) -> None:
        tried.append(row.task_id)
        raise SendFailed

    outbox = Outbox(database, 60)
    assert outbox.send_due(10, 10, refuse) == 0
    assert len(tried) == 1
    assert len(sent_by(outbox)) == 2


def test_duplicate_message_leaves_the_wake_up_of_a_task_that_was_put_back(tasks: Tasks, database: Database) -> None:
    tasks.create(NEW)
    tasks.claim(TASK_ID, 1, 60, 120)

    def meanwhile(cursor: Cursor) -> int:
        return cursor.change("UPDATE tasks SET status = 'QUEUED' WHERE id = %s", TASK_ID)

    tasks.wake(tasks.get(TASK_ID) or pytest.fail())
    database.transaction(meanwhile)
    database.transaction(lambda c: c.change("DELETE FROM attempts"))
    assert tasks.claim(TASK_ID, 2, 60, 120) is None
    assert owed(database) == [("task", 1)]


def test_queued_task_without_a_message_is_found(tasks: Tasks, database: Database) -> None:
    tasks.create(NEW)
    assert tasks.silent(10) == []
    database.transaction(lambda c: c.change("DELETE FROM outbox"))
    assert [task.id for task in tasks.silent(10)] == [TASK_ID]
    tasks.wake(tasks.silent(10)[0])
    assert tasks.silent(10) == []


def test_two_senders_at_once_do_not_send_the_same_row(mariadb: MariaDb, database: Database, tasks: Tasks) -> None:
    tasks.create(NEW)
    tasks.finish(TASK_ID, None, Outcome(Status.CANCELLED))
    other = Database(database._url)
    inner: list[int] = []

    def send(row: Row) -> None:
        inner.append(Outbox(other, 60).send_of(TASK_ID, lambda row: None))

    assert Outbox(database, 60).send_of(TASK_ID, send) == 1
    other.close()
    assert inner == [0]
