"""Applies that are killed, throttled and lied to, against the real stand-ins: run again, they converge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.killing import Killing, Reference, killing, sample

SHARDS = 4  # the test runner has as many workers


@pytest.fixture(scope="module")
def runs() -> Iterator[Killing]:
    with killing() as made:
        yield made


@pytest.fixture(scope="module")
def reference(runs: Killing) -> Reference:
    return runs.reference()


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_apply_killed_at_a_call_converges_when_it_is_run_again(runs: Killing, reference: Reference, shard: int) -> None:
    points = list(sample(reference))[shard::SHARDS]
    assert len(points) > 10
    problems = {(number, side): runs.problem(reference, number, side) for number, side in points}
    assert not {point: problem for point, problem in problems.items() if problem}


@pytest.mark.parametrize("seed", [1, 2])
def test_apply_converges_when_a_fifth_of_the_calls_is_throttled_and_a_fifth_fails_although_done(
    runs: Killing, reference: Reference, seed: int
) -> None:
    assert runs.disturbed(reference, 0.2, 0.2, seed) is None
