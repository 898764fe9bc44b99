"""The store: what is written is read back, also after a restart, and every listener hears of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from emulator.kube import errors
from emulator.kube.store import Change, Store
from tests.support.kube_api import event, job, pod, secret


def test_created_object_has_identity(tmp_path: Path) -> None:
    made = Store().create(job())
    metadata = made["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["generation"] == 1
    assert len(metadata["uid"]) == 36
    assert metadata["creationTimestamp"].endswith("Z")
    assert int(metadata["resourceVersion"]) > 0


def test_objects_and_revision_survive_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "kube.db")
    made = store.create(job())
    store.create(job("gone"))
    store.delete("Job", "default", "gone")
    again = Store(tmp_path / "kube.db")  # the first one was never closed, as after SIGKILL
    assert again.list("Job") == [made]
    assert again.resource_version == store.resource_version
    assert int(again.create(job("next"))["metadata"]["resourceVersion"]) > store.resource_version


def test_file_is_private_because_it_holds_secrets(tmp_path: Path) -> None:
    Store(tmp_path / "kube.db").create(secret())
    assert (tmp_path / "kube.db").stat().st_mode & 0o077 == 0


def test_second_object_of_a_name_is_refused() -> None:
    store = Store()
    store.create(job())
    with pytest.raises(errors.AlreadyExists):
        store.create(job())


def test_object_in_a_missing_namespace_is_refused() -> None:
    lost = job()
    lost["metadata"]["namespace"] = "nowhere"
    with pytest.raises(errors.NotFound, match='namespaces "nowhere" not found'):
        Store().create(lost)


def test_stale_update_is_a_conflict() -> None:
    store = Store()
    first = store.create(job())
    store.change("Job", "default", "work", lambda each: each["spec"].update(suspend=True))
    with pytest.raises(errors.Conflict):
        store.update(first)


def test_change_without_a_difference_writes_nothing() -> None:
    store = Store()
    store.create(job())
    before = store.resource_version
    store.change("Job", "default", "work", lambda each: None)
    assert store.resource_version == before


def test_generation_counts_changes_of_the_spec_only() -> None:
    store = Store()
    store.create(job())
    store.change("Job", "default", "work", lambda each: each.update(status={"active": 1}))
    assert store.get("Job", "default", "work")["metadata"]["generation"] == 1
    store.change("Job", "default", "work", lambda each: each["spec"].update(suspend=True))
    assert store.get("Job", "default", "work")["metadata"]["generation"] == 2


def test_what_a_reader_does_to_its_copy_stays_its_own() -> None:
    store = Store()
    store.create(job())["spec"]["template"].clear()
    store.list("Job")[0]["metadata"]["labels"] = {"a": "b"}
    assert "spec" in store.get("Job", "default", "work")["spec"]["template"]
    assert "labels" not in store.get("Job", "default", "work")["metadata"]


def test_subscriber_hears_of_its_kinds_in_order() -> None:
    assert asyncio.run(_heard()) == [("ADDED", "work"), ("MODIFIED", "work"), ("DELETED", "work")]


async def _heard() -> list[tuple[str, str]]:
    store = Store()
    subscription = store.subscribe(["Job"])
    store.create(job())
    store.create(secret())
    store.change("Job", "default", "work", lambda each: each["spec"].update(suspend=True))
    store.delete("Job", "default", "work")
    heard = [(change.type, change.obj["metadata"]["name"]) for change in [await anext(subscription) for _ in range(3)]]
    subscription.close()
    assert [change async for change in subscription] == []
    return heard


def test_subscriber_that_falls_behind_is_told() -> None:
    async def lag() -> Change:
        store = Store(queue=2)
        subscription = store.subscribe()
        for number in range(3):
            store.create(job(f"j{number}"))
        return await anext(subscription)

    with pytest.raises(errors.Expired):
        asyncio.run(lag())


def test_changes_since_a_revision_are_known_within_the_window() -> None:
    store = Store(window=3)
    start = store.create(job("a"))["metadata"]["resourceVersion"]
    store.create(job("b"))
    store.create(secret())
    assert [change.obj["metadata"]["name"] for change in store.changes_since("Job", int(start))] == ["b"]
    store.create(job("c"))
    store.create(job("d"))
    with pytest.raises(errors.Expired):
        store.changes_since("Job", int(start))


def test_changes_before_a_restart_are_expired(tmp_path: Path) -> None:
    store = Store(tmp_path / "kube.db")
    store.create(job("a"))
    before = store.resource_version
    store.create(job("b"))
    again = Store(tmp_path / "kube.db")
    with pytest.raises(errors.Expired):
        again.changes_since("Job", before)
    assert list(again.changes_since("Job", again.resource_version)) == []


def test_ending_namespace_takes_nothing_new_and_goes_with_its_last_object() -> None:
    store = Store()
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    inside: dict[str, Any] = pod()
    inside["metadata"]["namespace"] = "short"
    store.create(inside)
    store.change("Namespace", None, "short", lambda each: each["metadata"].update(deletionTimestamp="now"))
    with pytest.raises(errors.Forbidden):
        store.create({**secret(), "metadata": {"name": "late", "namespace": "short"}})
    store.delete("ServiceAccount", "short", "default")
    store.delete("Pod", "short", "one")
    with pytest.raises(errors.NotFound):
        store.get("Namespace", None, "short")


def test_events_older_than_an_hour_are_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "kube.db")
    about = store.create(pod())
    old = store.create(event("old", about))
    store.change("Event", "default", "old", lambda each: None)
    import json
    import sqlite3

    old["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    with sqlite3.connect(tmp_path / "kube.db") as db:
        db.execute("UPDATE objects SET body = ? WHERE kind = 'Event'", (json.dumps(old),))
    db.close()
    again = Store(tmp_path / "kube.db")
    again.create(event("new", about))
    assert [each["metadata"]["name"] for each in again.list("Event")] == ["new"]
