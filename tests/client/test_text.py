from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchmill_client.text import Cleaner, clean, clean_line

HOSTILE = [
    ("\x1b[2J\x1b[Hgone", "gone"),
    ("\x1b]0;title\x07x", "x"),
    ("\x1b]52;c;ZXZpbA==\x1b\\x", "x"),
    ("\x1bP1$r0m\x1b\\x", "x"),
    ("\x1b[?1049hx", "x"),
    ("\x1b[6nx", "x"),
    ("\x1bcx", "x"),
    ("\x9b31mx", "31mx"),
    ("a\x08b\x00\x07", "ab"),
    ("safe\roverwritten", "safe\noverwritten"),
    ("line\r\nline", "line\nline"),
    ("if \u202e admin", "if <U+202E> admin"),
    ("\x1b]never closed\nnext", "\nnext"),
    ("end\x1b", "end"),
]


@pytest.mark.parametrize(("hostile", "safe"), HOSTILE)
def test_control_sequences_are_gone_in_clean_text(hostile: str, safe: str) -> None:
    assert clean(hostile) == safe


@pytest.mark.parametrize("colour", ["\x1b[31m", "\x1b[0m", "\x1b[m", "\x1b[38;2;1;2;3m", "\x1b[38:5:7m"])
def test_colours_stay_unless_unwanted(colour: str) -> None:
    assert clean(f"{colour}x") == f"{colour}x"
    assert clean(f"{colour}x", colours=False) == "x"


def test_text_of_all_languages_and_tabs_stay() -> None:
    assert clean("任务\tпривет\n🙂") == "任务\tпривет\n🙂"


def test_a_line_stays_one_line() -> None:
    assert clean_line("a\nb\x1b[31m\tc ") == "a b c"


@given(st.text(alphabet="\x1b[]m;0123\x07\\\r\nab任\x9b", max_size=40), st.lists(st.integers(0, 80), max_size=4))
def test_pieces_give_the_same_as_the_whole(text: str, cuts: list[int]) -> None:
    data = text.encode()
    cleaner, pieces, start = Cleaner(), [], 0
    for cut in sorted(min(cut, len(data)) for cut in cuts):
        pieces.append(cleaner.feed(data[start:cut]))
        start = cut
    assert "".join([*pieces, cleaner.feed(data[start:]), cleaner.end()]) == clean(text)


def test_a_sequence_that_never_ends_is_not_held_back_for_ever() -> None:
    cleaner = Cleaner()
    printed = "".join(cleaner.feed(b"\x1b]" + b"x" * 3000) for _ in range(5))
    assert len(printed) < 15_000 and "\x1b" not in printed
    assert cleaner.feed(b"\nvisible\n").endswith("visible\n")
