"""The loop under every controller goes on after an error and catches up after falling behind."""

from __future__ import annotations

import asyncio

from emulator.kube.follow import Follower
from emulator.kube.store import Change, Obj, Store
from tests.support.kube_node import secret


def made(name: str) -> Obj:
    obj = secret(name)
    obj["data"] = obj.pop("stringData")
    return obj


def test_an_error_is_passed_over() -> None:
    seen: list[str] = []

    def handle(change: Change) -> None:
        seen.append(change.obj["metadata"]["name"])
        if seen == ["a"]:
            raise ValueError("a is bad")

    async def run() -> None:
        store = Store()
        follower = Follower(store, {"Secret"}, handle, lambda: None)
        follower.start()
        await asyncio.sleep(0)
        for name in ("a", "b"):
            store.create(made(name))
        await asyncio.sleep(0.01)
        await follower.stop()
        store.close()

    asyncio.run(run())
    assert seen == ["a", "b"]


def test_everything_is_looked_at_again_when_changes_were_lost() -> None:
    looks: list[int] = []

    async def run() -> None:
        store = Store(queue=3)
        follower = Follower(store, {"Secret"}, lambda change: None, lambda: looks.append(len(store.list("Secret"))))
        follower.start()
        await asyncio.sleep(0)
        for number in range(10):
            store.create(made(f"s{number}"))
        await asyncio.sleep(0.01)
        await follower.stop()
        store.close()

    asyncio.run(run())
    assert looks == [0, 10]
