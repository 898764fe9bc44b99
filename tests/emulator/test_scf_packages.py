"""Uploaded code: what a ZIP may hold, what becomes of it on disk, and when it is removed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from emulator.scf.packages import PackageError, Packages
from tests.support import zips
from tests.support.scf import zipped
from tests.support.zips import Entry


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    return Packages(tmp_path)


def test_zip_is_unpacked_once_and_nothing_is_added(packages: Packages) -> None:
    data = zipped({"index.py": "x = 1", "deep/er/a.txt": "größer"})
    package = packages.store(data)
    folder = packages.code(package.digest)
    files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert files == {"index.py": "x = 1", "deep/er/a.txt": "größer"}
    assert (package.packed_bytes, package.unpacked_bytes) == (len(data), 13)
    made = folder.stat().st_ino
    assert packages.store(data) == package and folder.stat().st_ino == made


def test_modes_are_those_of_the_zip(packages: Packages) -> None:
    entries = Entry(b"run.sh", mode=0o100755), Entry(b"shut.txt", mode=0o100200), Entry(b"plain.txt", mode=0)
    folder = packages.code(packages.store(zips.build(*entries)).digest)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"run.sh": 0o755, "shut.txt": 0o200, "plain.txt": 0o644}


@pytest.mark.parametrize(
    "entries",
    [
        [Entry(b"../up.py")], [Entry(b"a/../../up.py")], [Entry(b"/etc/passwd")], [Entry(b"a\\b.py")],
        [Entry(b"link", b"/etc/passwd", mode=zips.LINK)], [Entry(b"pipe", mode=0o010644)],
        [Entry(b"a.py"), Entry(b"a.py")], [Entry(b"a"), Entry(b"a/b.py")], [Entry(b"a.py", flags=0x801)],
        [Entry(b"a.py", b"short", size=600_000_000)], [Entry(b"a.py", crc=1)], [Entry(b"a.py", method=14)],
        [Entry(b"n" * 300 + b".py")], [Entry(b"a/" * 900 + b"b"), Entry(b"a/" * 1800 + b"b")],
        [Entry(b"%d" % number, b"", method=0) for number in range(50_001)],
    ],
)  # fmt: skip
def test_zip_that_is_unsafe_or_broken_is_refused_and_leaves_nothing(
    packages: Packages, tmp_path: Path, entries: list[Entry]
) -> None:
    with pytest.raises(PackageError):
        packages.store(zips.build(*entries))
    packages.sweep(set(), [], 0)
    assert not [path for path in tmp_path.rglob("*") if path.parent != tmp_path]


def test_what_is_no_zip_is_refused(packages: Packages) -> None:
    for data in (b"", b"PK", b"no zip at all" * 100):
        with pytest.raises(PackageError, match="no ZIP"):
            packages.store(data)


def test_bombs_are_refused_before_they_are_unpacked(packages: Packages) -> None:
    with pytest.raises(PackageError, match="500 MB"):
        packages.store(zips.build(*(Entry(f"{number}".encode(), size=60 << 20) for number in range(9))))
    with pytest.raises(PackageError, match="CRC"):
        packages.store(zips.build(Entry(b"liar", bytes(10 << 20), size=10)))


def test_later_layer_hides_an_earlier_one_and_the_packages_stay_as_they_are(packages: Packages) -> None:
    first = packages.store(zipped({"both.py": "1", "only.py": "1", "turns/a.py": "1", "file": "1"})).digest
    second = packages.store(zipped({"both.py": "2", "turns": "2", "file/b.py": "2"})).digest
    merged = packages.merge([first, second])
    found = {str(path.relative_to(merged)): path.read_text() for path in merged.rglob("*") if path.is_file()}
    assert found == {"both.py": "2", "only.py": "1", "turns": "2", "file/b.py": "2"}
    assert (packages.code(first) / "both.py").read_text() == "1"
    assert packages.merge([second, first]) != merged and packages.layers([first, second]) == merged
    assert list(packages.merge([]).iterdir()) == []


def test_sweep_keeps_what_is_named_and_what_is_young(packages: Packages) -> None:
    old, used = (packages.store(zipped({"a": text})).digest for text in "ab")
    layers, unused = packages.merge([used]), packages.merge([old])
    packages.sweep(set(), [], 60)
    assert packages.code(old).exists() and unused.exists()
    packages.sweep({used}, [[used]], 0)
    assert not packages.code(old).exists() and not packages.zip(old).exists() and not unused.exists()
    assert packages.code(used).exists() and packages.zip(used).exists() and layers.exists()


def test_unpacking_that_was_killed_is_done_again(packages: Packages, tmp_path: Path) -> None:
    half = tmp_path / "code" / "new"
    half.mkdir()
    (half / "rest.py").write_text("of another")
    os.utime(half)
    digest = packages.store(zipped({"index.py": ""})).digest
    assert [path.name for path in packages.code(digest).iterdir()] == ["index.py"]
