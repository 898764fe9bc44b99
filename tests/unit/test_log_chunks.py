"""Log chunks never cut a character in two, and no byte is lost or shown twice."""

from hypothesis import given
from hypothesis import strategies as st

from submit.logs import _chunk, _cut_character


@given(st.text(), st.integers(min_value=0, max_value=40))
def test_cut_leaves_whole_characters(text: str, length: int) -> None:
    data = text.encode()[:length]
    whole = data[: len(data) - _cut_character(data)]
    assert text.encode().startswith(whole)
    whole.decode()
    assert len(data) - len(whole) <= 3


def test_live_chunk_keeps_a_cut_character_for_the_next_one() -> None:
    data = "ab项".encode()
    chunk = _chunk(data[:-1], 10, ended=False)
    assert (chunk.text, chunk.next_offset, chunk.complete) == ("ab", 12, False)


def test_last_chunk_shows_broken_bytes_instead_of_waiting_for_ever() -> None:
    chunk = _chunk(b"ab\xe9", 0, ended=True)
    assert (chunk.next_offset, chunk.complete) == (3, True)
    assert chunk.text == "ab\ufffd"
