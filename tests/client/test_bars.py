from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchmill_client.views.bars import bar, sparkline, squeeze


def test_a_sparkline_shows_the_largest_highest_and_nothing_lowest() -> None:
    assert sparkline([0, 1, 4, 8, None, 8]) == "▁▂▅█ █"
    assert sparkline([0, 1, 8], ascii_only=True).isascii()


@pytest.mark.parametrize("values", [[], [None], [0, 0], [0.0, None]])
def test_a_sparkline_of_nothing_is_flat(values: list[float | None]) -> None:
    assert set(sparkline(values)) <= {"▁", " "} and len(sparkline(values)) == len(values)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.integers(1, 60))
def test_squeezing_keeps_the_sum(values: list[int], width: int) -> None:
    squeezed = squeeze(values, width, sum)
    assert len(squeezed) == min(width, len(values))
    assert sum(value or 0 for value in squeezed) == sum(values)


def test_squeezing_leaves_gaps_only_where_nothing_is_known() -> None:
    assert squeeze([None, None, 3, None], 2, max) == [None, 3]


@settings(deadline=None)
@given(st.floats(0, 10), st.floats(0, 10), st.integers(1, 80), st.booleans())
def test_a_bar_is_always_seen_and_never_too_long(one: float, two: float, width: int, ascii_only: bool) -> None:
    start, end = sorted((one, two))
    drawn = bar(start, end, 10.0, width, ascii_only=ascii_only)
    assert drawn.strip() and len(drawn) <= width


def test_a_bar_lies_where_its_time_was() -> None:
    assert bar(0, 10, 10, 4) == "████"
    assert bar(5, 10, 10, 4) == "  ██"
    assert bar(0, 1, 10, 10, ascii_only=True) == "="
