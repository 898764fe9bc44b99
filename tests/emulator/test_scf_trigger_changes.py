"""Changes of one trigger that come at the same time: the last one counts, and nothing is left of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from starlette.types import ASGIApp

from emulator.scf.invocation import Invocation
from emulator.scf.queue import Target
from emulator.scf.records import Trigger
from emulator.scf.triggerdesc import http_desc
from emulator.scf.triggers import Triggers

URL = Trigger(
    id="one",
    namespace="default",
    function="any",
    qualifier="$DEFAULT",
    name="url",
    type="http",
    desc=http_desc("url", '{"AuthType": "NONE", "NetConfig": {"EnableExtranet": true}}'),
    enabled=True,
    argument="",
    description="",
    added=0.0,
    modified=0.0,
)


class SlowUrls:
    """Addresses that take a while."""

    def __init__(self) -> None:
        self.open_ones: list[str] = []

    async def open(self, url_id: str, app: ASGIApp) -> str:
        await asyncio.sleep(0.02)
        self.open_ones.append(url_id)
        return f"http://127.0.0.1:1/{url_id}"

    async def close(self, url_id: str) -> None:
        await asyncio.sleep(0.02)
        self.open_ones.remove(url_id)

    async def keep(self, url_ids: Collection[str]) -> None:
        raise AssertionError("nothing is started")


async def invoke(target: Target, event: Any) -> Invocation:
    raise AssertionError("nobody calls")


def changed(urls: SlowUrls, *acts: str) -> dict[str, str]:
    """Begin all acts at once; the addresses that are left."""

    async def live() -> dict[str, str]:
        triggers = Triggers(
            invoke, kafka={}, urls=urls, region="ap-guangzhou", ckafka_wait_s=None, ckafka_retry_delay_s=1
        )
        await asyncio.gather(*((triggers.run if act == "run" else triggers.end)(URL) for act in acts))
        return triggers.addresses

    return asyncio.run(live())


def test_trigger_that_is_deleted_while_it_is_made_is_gone() -> None:
    urls = SlowUrls()
    assert changed(urls, "run", "end") == {} and urls.open_ones == []


def test_trigger_that_is_changed_twice_at_once_has_one_address() -> None:
    urls = SlowUrls()
    assert changed(urls, "run", "run") == {"one": "http://127.0.0.1:1/one"} and urls.open_ones == ["one"]
