"""The log and its redaction: any secret, cut anywhere, in any of the covered spellings."""

from __future__ import annotations

import base64
import json
import os
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchmill_agent.log import Log
from patchmill_agent.redact import Redactor

SECRET = 'sk-pröj/+ab"c\\d=12345'


@given(
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
    form=st.sampled_from(["plain", "url", "json", "hex", "base64"]),
    cuts=st.lists(st.integers(0, 120), max_size=4),
)
def test_secret_is_hidden_however_it_is_spelled_and_cut(
    before: bytes, after: bytes, form: str, cuts: list[int]
) -> None:
    raw = SECRET.encode()
    data = {
        "plain": before + raw + after,
        "url": before + quote(SECRET, safe="").encode() + after,
        "json": before + json.dumps(SECRET).encode() + after,
        "hex": before.hex().encode() + raw.hex().encode() + after.hex().encode(),
        "base64": base64.b64encode(before + raw + after),
    }[form]
    redactor, shown = Redactor([SECRET]), b""
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    for start, end in pairwise(edges):
        shown += redactor.feed(data[start:end])
    shown += redactor.flush()
    assert b"***" in shown
    assert raw not in shown
    assert len(shown) < len(data)


@given(st.lists(st.binary(max_size=30)))
def test_other_text_passes_unchanged(pieces: list[bytes]) -> None:
    redactor = Redactor([SECRET])
    shown = b"".join(map(redactor.feed, pieces)) + redactor.flush()
    assert shown == b"".join(pieces)


def test_log_and_stdout_hold_the_same_bytes_up_to_the_limit(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    log = Log(tmp_path / "agent.log", 4000, Redactor([SECRET]), stdout=writer)
    log.note("begin")
    for _ in range(50):
        log.write(b"x" * 99 + b"\n" + SECRET.encode())
    log.note("end")
    log.close()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        shown = pipe.read()
    kept = (tmp_path / "agent.log").read_bytes()
    assert shown == kept
    assert len(kept) <= 4000
    assert kept.startswith(b"[patchmill] begin\n")
    assert b"\n[patchmill] the log reached its limit of 4000 bytes and is cut here\n[patchmill] end\n" in kept


def test_reader_that_went_away_does_not_stop_the_log(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = Log(tmp_path / "agent.log", 4000, Redactor([]), stdout=writer)
    log.write(b"hello\n")
    log.close()
    os.close(writer)
    assert (tmp_path / "agent.log").read_bytes() == b"hello\n"


@pytest.mark.parametrize("secret", ["", "abc"])
def test_value_too_short_to_be_a_secret_is_not_hidden(secret: str) -> None:
    assert Redactor([secret]).feed(b"abcabc") == b"abcabc"
