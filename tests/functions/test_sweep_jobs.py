"""What the sweep does with Jobs whose task it does not have to settle: keep, remove, or note them."""

from __future__ import annotations

from collect.results import settle
from collect.sweep import sweep
from tests.functions.test_collect import started
from tests.support.samples import TASK_ID
from tests.support.world import World


def test_job_is_kept_for_people_when_its_pod_has_just_delivered(world: World) -> None:
    started(world)
    world.deliver(TASK_ID)
    settle(TASK_ID, 1, world.services)
    sweep(world.services)  # the pod's last container has not ended yet
    assert len(world.jobs()) == 1


def test_job_is_removed_when_its_pod_goes_on_long_after_it_delivered(world: World) -> None:
    started(world)
    world.deliver(TASK_ID)
    settle(TASK_ID, 1, world.services)
    world.rows("UPDATE tasks SET updated_at = updated_at - INTERVAL 1 MINUTE")
    sweep(world.services)
    assert world.jobs() == []


def test_job_that_a_dying_dispatch_left_unnoted_is_noted(world: World) -> None:
    started(world)
    world.rows("UPDATE attempts SET job_uid = NULL")
    sweep(world.services)
    [job] = world.jobs()
    assert world.rows("SELECT job_uid FROM attempts") == [{"job_uid": job["metadata"]["uid"]}]
