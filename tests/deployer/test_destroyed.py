"""What destroy leaves: everything of others, the data unless it is wanted otherwise, and nothing else of ours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support import others
from tests.support.boundaries import Side
from tests.support.cloudlet import copy_of_project
from tests.support.deployed import Deployed, deployed, owners_cloud
from tests.support.killing import READS

BUCKET = "small-data-1250000000"
CKAFKA = """    events:
      - ckafka: {topic: jobs, maxMsgNum: 10, timeout: 1, retry: 3, offset: earliest, consumerGroupName: small-worker}
"""
SIDES: tuple[Side, ...] = ("before", "after")
POINTS = 8
DATA = (f"bucket/{BUCKET}", "topic/jobs", "secret/words")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without its consumer: one of a broker that does not answer takes seconds to end (test_changes.py ends it)."""
    place = copy_of_project(tmp_path_factory.mktemp("destroyed"))
    text = (place / "serverless.yml").read_text("utf-8")
    assert CKAFKA in text
    (place / "serverless.yml").write_text(text.replace(CKAFKA, "    events: []\n"), "utf-8")
    return place


@pytest.fixture
def small(project: Path) -> Iterator[Deployed]:
    """Not yet deployed."""
    with deployed(project) as made:
        yield made


def test_destroy_leaves_the_data_and_all_that_others_have(small: Deployed) -> None:
    others.before(small.account)
    theirs = others.everything(small.account)
    small.run("apply")
    owners_cloud(small.account).cos(BUCKET).put_object(Key="in/kept.txt", Body=b"data")
    told = small.run("destroy")
    assert all(f"{name} is kept with its data" in told for name in DATA)
    left = others.everything(small.account)
    assert others.changed(theirs, left) == []
    assert sorted({name.split()[0] for name in left.keys() - theirs.keys()}) == [
        "broker", "bucket", "ckafka-topic", "object", "ssm-secret",
    ]  # fmt: skip
    assert small.data("destroy")["deleted"] == []

    small.run("apply")
    assert small.plan() == []
    small.run("destroy", "--with-data")
    assert others.everything(small.account) == theirs
    assert small.run("destroy", "--with-data").startswith("no changes")
    small.run("apply")
    assert small.plan() == []


def test_destroy_keeps_a_container_while_others_have_something_in_it(small: Deployed) -> None:
    empty = others.everything(small.account)
    small.run("apply")
    before = others.everything(small.account)
    others.inside(small.account)
    now = others.everything(small.account)
    theirs = {name: now[name] for name in now.keys() - before.keys()}
    assert len(theirs) > 3
    told = small.run("destroy", "--with-data")
    assert "functions of others are in it (theirs)" in told
    assert "topics of others are in it (theirs)" in told
    assert "kept namespace small of the cluster: others have something in it (Role/theirs)" in told
    assert others.changed(theirs, others.everything(small.account)) == []
    others.not_inside(small.account)
    small.run("destroy", "--with-data")
    assert others.everything(small.account) == empty


def test_destroy_that_is_killed_converges_when_it_is_run_again(small: Deployed) -> None:
    """At calls that change something, from the first to the last; the account is empty after each second run."""
    empty = others.everything(small.account)
    calls = _calls_of_a_destroy(small)
    changing = [number for number, name in enumerate(calls) if not name.startswith(READS)]
    for turn in range(POINTS):
        number, side = changing[turn * (len(changing) - 1) // (POINTS - 1)], SIDES[turn % 2]
        small.run("apply")
        small.account.boundaries.reset()
        small.run(
            "destroy", "--with-data", code=-9, born=partial(small.account.boundaries.kill, number=number, side=side)
        )
        small.account.boundaries.reset()
        small.run("destroy", "--with-data")
        left = others.everything(small.account)
        assert (calls[number], side, left) == (calls[number], side, empty)


def _calls_of_a_destroy(small: Deployed) -> list[str]:
    small.run("apply")
    small.account.boundaries.reset()
    small.run("destroy", "--with-data")
    return list(small.account.boundaries.names)


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_name_that_somebody_else_has_is_refused_before_anything_is_done(project: Path, command: str) -> None:
    with deployed(project) as small:
        told_as = others.named(small.account)
        theirs = others.everything(small.account)
        with small.watched() as seen:
            told = small.run(command, code=1)
        lines = [
            line for line in told.splitlines() if "not made by patchmill-deploy" in line or "did not publish" in line
        ]
        assert [name for name in told_as if not any(name in line for line in lines)] == []
        assert all("Choose" in line or "choose" in line or "emove" in line for line in lines)
        assert seen.changing() == []
        small.run("destroy", "--with-data")
        assert others.everything(small.account) == theirs
