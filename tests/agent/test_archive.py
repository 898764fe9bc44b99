"""ZIP files from strangers: what must be refused is refused before anything is written."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchmill_agent.archive import Limits, unpack
from patchmill_agent.errors import SourceError
from tests.support.zips import FOLDER, LINK, Entry, build, overlapping

LIMITS = Limits(max_bytes=10 << 20, max_files=1000)
GOOD = Entry(b"good.txt")


def _zip64_claiming(size: int) -> bytes:
    extra = struct.pack("<2H2Q", 1, 16, size, len(GOOD.packed()))
    return build(Entry(b"a.txt", size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=extra))


HOSTILE = {
    "parent": (build(GOOD, Entry(b"../evil")), "'../evil'"),
    "parent inside": (build(Entry(b"a/../../evil")), "'a/../../evil'"),
    "dot": (build(Entry(b"a/./b")), "'a/./b'"),
    "empty part": (build(Entry(b"a//b")), "'a//b'"),
    "absolute": (build(Entry(b"/etc/passwd")), "'/etc/passwd'"),
    "drive": (build(Entry(b"C:/x")), "'C:/x'"),
    "UNC": (build(Entry(b"\\\\host\\x")), "backslash"),
    "backslash": (build(Entry(b"a\\..\\b")), "backslash"),
    "NUL": (build(Entry(b"a.txt\0.png")), "control character"),
    "newline": (build(Entry(b"a\nb")), "control character"),
    "no name": (build(Entry(b"")), "no name"),
    "only a slash": (build(Entry(b"/", b"")), "no name"),
    "duplicate": (build(GOOD, GOOD), "'good.txt' is there twice"),
    "same but for case": (build(Entry(b"README"), Entry(b"Readme")), "differ in spelling only"),
    "same folder but for case": (build(Entry(b"Src/a"), Entry(b"src/b")), "differ in spelling only"),
    "same but for accents": (build(Entry("é".encode()), Entry("e\u0301".encode())), "differ in spelling only"),
    "file then folder": (build(Entry(b"a"), Entry(b"a/b")), "'a' is both"),
    "folder then file": (build(Entry(b"a/b"), Entry(b"a")), "'a' is both"),
    "link": (build(Entry(b"link", b"/etc", mode=LINK)), "'link' is a symbolic link"),
    "link as folder": (build(Entry(b"link/", b"", mode=LINK)), "symbolic link"),
    "device": (build(Entry(b"null", b"", mode=0o020666)), "neither a file"),
    "pipe": (build(Entry(b"pipe", b"", mode=0o010644)), "neither a file"),
    "folder mode on a file": (build(Entry(b"a", mode=FOLDER)), "neither a file"),
    "setuid": (build(Entry(b"su", mode=0o104755)), "'su' has a setuid"),
    "encrypted": (build(Entry(b"a", flags=0x801)), "encrypted"),
    "unknown method": (build(Entry(b"a", method=99)), "method 99"),
    "bzip2": (build(Entry(b"a", method=12)), "method 12"),
    "folder with content": (build(Entry(b"a/", mode=FOLDER)), "folder with content"),
    "deep": (build(Entry(b"d/" * 500 + b"f")), "deep"),
    "long name": (build(Entry(b"n" * 300)), "too long"),
    "other local name": (build(Entry(b"a.txt", local_name=b"b.txt")), "contradicts"),
    "says more": (build(Entry(b"a", b"x" * 10, size=20)), "lies about its size"),
    "says less": (build(Entry(b"a", b"x" * 20, size=10)), "lies about its size"),
    "wrong checksum": (build(Entry(b"a", crc=1)), "damaged"),
    "stored with two sizes": (build(Entry(b"a", b"xy", method=0, size=1)), "two sizes"),
    "trailing data": (build(GOOD, after=b"more"), "after its end"),
    "prefixed data": (build(GOOD, before=b"#!/bin/sh\n"), "before its first entry"),
    "shifted by prefixed data": (b"#!/bin/sh\n" + build(GOOD), "data before it"),
    "second end in the comment": (build(GOOD, comment=b"PK\5\6" + bytes(18) + b"!"), "after its end"),
    "ten gigabytes": (build(Entry(b"a", size=0xFFFFFFF0)), "4294967280 bytes"),
    "ten gigabytes in zip64": (_zip64_claiming(10 << 30), "10737418240 bytes"),
    "overlap": (overlapping(50, 100_000), "overlaps"),
    "entry in the directory": (build(GOOD, Entry(b"a", offset=1 << 20)), "not where"),
    "many entries": (build(*(Entry(b"%d/" % n, b"", mode=FOLDER) for n in range(1001))), "more than 1000 entries"),
    "only folders": (build(Entry(b"a/", b"", mode=FOLDER)), "no files"),
    "only .git": (build(Entry(b".git/config")), "no files"),
    ".git by another name": (build(GOOD, Entry(b"git~1/config")), "would be .git"),
    ".git by invisible letters": (build(GOOD, Entry(".g\u200cit/config".encode())), "would be .git"),
    "empty archive": (build(), "empty"),
    "no ZIP": (b"hello" * 100, "not a ZIP"),
    "nothing": (b"", "not a ZIP"),
    "half": (build(GOOD)[:40], "not a ZIP"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_zip_is_refused_with_its_entry_named_and_nothing_outside(case: str, tmp_path: Path) -> None:
    content, message = HOSTILE[case]
    target = tmp_path / "in" / "target"
    target.mkdir(parents=True)
    with pytest.raises(SourceError) as refused:
        unpack(io.BytesIO(content), target, LIMITS)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(target)] == []
    if "lies" not in message and "damaged" not in message:
        assert list(target.iterdir()) == []


def test_large_ratio_is_refused_although_the_size_is_allowed(tmp_path: Path) -> None:
    content = build(Entry(b"zeros", bytes(120 << 20)))
    with pytest.raises(SourceError, match="times its size"):
        unpack(io.BytesIO(content), tmp_path, Limits(1 << 30, 10))


def test_ordinary_zip_is_unpacked_with_its_executables(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("repo-main/README.md", "# 你好\n")
        archive.writestr("repo-main/文档/a b.txt", "x")
        archive.mkdir("repo-main/empty") if hasattr(archive, "mkdir") else archive.writestr("repo-main/empty/", "")
        script = zipfile.ZipInfo("repo-main/run.sh")
        script.external_attr = 0o100755 << 16
        archive.writestr(script, "#!/bin/sh\n")
    assert unpack(buffer, tmp_path, LIMITS) == 0
    assert (tmp_path / "repo-main" / "README.md").read_text() == "# 你好\n"
    assert (tmp_path / "repo-main" / "文档" / "a b.txt").read_text() == "x"
    assert os.access(tmp_path / "repo-main" / "run.sh", os.X_OK)
    assert not (tmp_path / "repo-main" / "README.md").stat().st_mode & 0o111


def test_streamed_zip_is_unpacked(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):  # no seeking back: sizes follow the data
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "hello")
        archive.writestr("b.txt", "world")
    unpack(io.BytesIO(pipe.written), tmp_path, LIMITS)
    assert (tmp_path / "b.txt").read_text() == "world"


def test_git_folder_in_a_zip_is_left_behind(tmp_path: Path) -> None:
    content = build(GOOD, Entry(b".git/hooks/post-checkout"), Entry(b"sub/.GIT/config"))
    assert unpack(io.BytesIO(content), tmp_path, LIMITS) == 2
    assert [path.name for path in tmp_path.rglob("*")] == ["good.txt"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="aA./\\:~ é\0", max_size=8), min_size=1, max_size=4))
def test_any_names_stay_inside(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    outer = tmp_path_factory.mktemp("any")
    target = outer / "target"
    target.mkdir()
    with suppress(SourceError):
        unpack(io.BytesIO(build(*(Entry(name.encode()) for name in names))), target, LIMITS)
    assert list(outer.iterdir()) == [target]
