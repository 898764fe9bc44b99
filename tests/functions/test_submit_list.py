"""GET /v1/tasks: filters, conditional requests, the canary's tasks apart; GET /v1/me; artifacts without a redirect."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from ulid import ULID

from patchmill.adapters import taskqueries
from patchmill.task import CANARY_TENANT, Limits, NewTask, Outcome, Reason, Status, failed
from submit import listquery
from tests.support.samples import API_KEY, OTHER_KEY
from tests.support.world import World


def stored(world: World, **changes: Any) -> str:
    """A task made without HTTP; its id."""
    source = {"kind": "git", "url": "https://git.example/team/repo.git", "ref": None}
    fields = {"prompt": "tidy", "agent": "command", "model": None, "tenant": "acme", "source": source, **changes}
    new = NewTask(id=str(ULID()), limits=Limits(600, 50), **fields)
    world.services.tasks.create(new)
    return new.id


def listed(world: World, query: str = "", key: str = API_KEY) -> list[str]:
    reply = world.request("GET", f"/v1/tasks?{query}", key=key)
    assert reply.status == 200, reply.text
    return [task["id"] for task in reply.json["tasks"]]


def test_list_is_filtered_by_agent_reason_and_status_together(world: World) -> None:
    plain = stored(world)
    late, broken = stored(world, agent="mini"), stored(world, agent="mini")
    for task_id, reason in ((late, Reason.TIMEOUT), (broken, Reason.AGENT_ERROR)):
        world.services.tasks.finish(task_id, 1, failed(reason, "no"))
    assert listed(world, "agent=command") == [plain]
    assert listed(world, "agent=mini") == [broken, late]
    assert listed(world, "reason=TIMEOUT") == [late]
    assert listed(world, "status=FAILED&agent=mini&reason=AGENT_ERROR") == [broken]
    assert listed(world, "status=QUEUED&agent=mini") == []
    assert listed(world, "agent=nobody") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FLAKY", True),
        ("整理", True),
        ("100%", True),
        ("a_b", True),
        ("1000", False),
        ("acb", False),
        ("git.example/team", True),
        ("platform", True),
        ("工具", True),
        ('say "hi"', True),
        ("C:\\new", True),
        ("'; DROP TABLE tasks; --", False),
    ],
)
def test_search_finds_parts_of_prompt_source_and_labels_as_they_stand(world: World, text: str, found: bool) -> None:
    task_id = stored(
        world, prompt='fix the flaky test 整理 100% of a_b and say "hi" in C:\\new', labels={"team": "platform 工具"}
    )
    stored(world, tenant="globex", prompt="flaky 100% a_b git.example/team platform")
    assert listed(world, f"q={text}") == ([task_id] if found else [])


def test_search_looks_at_the_newest_ten_thousand_only(world: World) -> None:
    needle = stored(world, prompt="needle", agent="mini")
    newer = [str(ULID.from_int(int(ULID.from_str(needle)) + 1 + number)) for number in range(taskqueries.SEARCHED)]

    def fill(ids: list[str]) -> None:
        """Copies of the task with these ids and another prompt."""
        columns = "tenant, status, agent, source, labels, timeout_s, max_steps, result, created_at, updated_at"
        listing = " UNION ALL ".join(["SELECT %s AS id"] * len(ids))
        sql = (
            f"INSERT INTO tasks (id, prompt, {columns}) SELECT ids.id, 'hay', {columns} FROM tasks, ({listing}) AS ids"
        )
        world.services.database.transaction(lambda c: c.change(f"{sql} WHERE tasks.id = '{needle}'", *ids))

    for start in range(0, taskqueries.SEARCHED - 1, 1111):
        fill(newer[start : min(start + 1111, taskqueries.SEARCHED - 1)])
    assert listed(world, "q=needle") == listed(world, "q=needle&agent=mini&status=QUEUED") == [needle]
    fill(newer[-1:])
    assert listed(world, "q=needle") == []
    assert listed(world, f"limit=1&cursor={listquery.cursor_of(newer[0])}") == [needle]


def test_list_since_a_time_has_what_came_then_and_later(world: World) -> None:
    task_id = stored(world)
    now = datetime.now(timezone.utc)
    before, after = (now + timedelta(seconds=s) for s in (-30, 30))
    assert listed(world, f"since={before.isoformat()}") == [task_id]
    assert listed(world, f"since={before.isoformat().replace('+00:00', 'Z')}") == [task_id]
    assert listed(world, f"since={after.isoformat()}") == []
    assert listed(world, "since=1970-01-01T00:00:00Z") == [task_id]


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "since=2026-11-24T12:00:00", "since=1969-01-01T00:00:00Z", "since=9999-12-31T23:59:59-14:00",
     "reason=BAD", "q=" + "x" * 201, "q=a\x00b", "agent=" + "x" * 33, "canary=yes"],
)  # fmt: skip
def test_bad_filter_is_refused_by_name(world: World, query: str) -> None:
    reply = world.request("GET", f"/v1/tasks?{query}")
    assert (reply.status, reply.fields) == (422, [query.split("=")[0]])


def test_unchanged_page_is_304_and_a_changed_one_is_not(world: World) -> None:
    task_id = stored(world)
    first = world.request("GET", "/v1/tasks?limit=5")
    etag = first.headers["etag"]
    again = world.request("GET", "/v1/tasks?limit=5", if_none_match=f'"other", W/{etag}')
    assert (again.status, again.text, again.headers["etag"]) == (304, "", etag)
    world.services.tasks.finish(task_id, None, Outcome(Status.CANCELLED))
    assert world.request("GET", "/v1/tasks?limit=5", if_none_match=etag).status == 200


def test_canary_s_tasks_are_for_an_administrator_who_asks(world: World) -> None:
    mine, canary = stored(world), stored(world, tenant=CANARY_TENANT, canary=True)
    assert listed(world) == [mine]
    assert listed(world, "canary=true") == [canary]
    assert listed(world, "canary=false") == [mine]
    assert world.request("GET", "/v1/tasks?canary=true", key=OTHER_KEY).status == 403
    assert world.request("GET", f"/v1/tasks/{canary}").status == 200
    assert world.request("GET", f"/v1/tasks/{canary}", key=OTHER_KEY).status == 404


def test_me_says_whose_key_it_is_and_what_there_is(world: World) -> None:
    mine = world.request("GET", "/v1/me").json
    assert (mine["tenant"], mine["admin"], mine["agents"]) == ("acme", True, ["mini", "command"])
    assert mine["limits"] == {
        "timeout_s": 1800,
        "max_timeout_s": 21600,
        "max_steps": 100,
        "max_zip_bytes": 200 << 20,
    }
    other = world.request("GET", "/v1/me", key=OTHER_KEY).json
    assert (other["tenant"], other["admin"]) == ("globex", False)
    assert world.request("GET", "/v1/me", key=None).status == 401


def test_artifact_s_url_is_given_without_a_redirect_on_request(world: World) -> None:
    task_id = stored(world)
    world.services.tasks.claim(task_id, 1, 60, 60)
    world.deliver(task_id)
    artifact = {"name": "diff.patch", "size": 12, "sha256": "a" * 64, "md5": "b" * 32}
    world.services.tasks.finish(task_id, 1, Outcome(Status.COMPLETED, result={"artifacts": [artifact]}))
    reply = world.request("GET", f"/v1/tasks/{task_id}/artifacts/diff.patch?redirect=false")
    assert (reply.status, list(reply.json)) == (200, ["expires_at"])
    place = reply.headers["location"]
    assert place not in reply.text
    assert requests.get(place, timeout=10).text == "--- a\n+++ b\n"
    wrong = world.request("GET", f"/v1/tasks/{task_id}/artifacts/diff.patch?redirect=no")
    assert (wrong.status, wrong.fields) == (422, ["redirect"])
