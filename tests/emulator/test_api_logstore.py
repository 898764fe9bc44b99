"""The log records of all topics: kept over a restart, and only so many of them."""

from __future__ import annotations

from pathlib import Path

from emulator.api.logstore import LogStore


def test_store_survives_a_restart(tmp_path: Path) -> None:
    LogStore(tmp_path / "logs.db").put("t", {"SCF_Message": "kept"})
    found = LogStore(tmp_path / "logs.db").between("t", 0, 9_000_000_000_000, newest_first=True)
    assert [record.fields for record in found] == [{"SCF_Message": "kept"}]


def test_store_keeps_the_newest_records_only() -> None:
    logs = LogStore(None, most=250)
    for number in range(1000):
        logs.put("t", {"SCF_Message": str(number)})
    found = logs.between("t", 0, 9_000_000_000_000, newest_first=False)
    assert [record.fields["SCF_Message"] for record in found] == [str(number) for number in range(750, 1000)]
