"""A Kubernetes object as it is and as it shall be in; the fields that differ out. What we do not set does not count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from deployer.model import Change

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS = {
    "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> tuple[Change, ...]:
    """One Change for each field, by its path like spec.hard.pods."""
    return tuple(_fields(found, wanted, ""))


def _fields(found: Any, wanted: Any, path: str) -> Iterator[Change]:
    if isinstance(wanted, dict):
        # What the API leaves out is as good as empty.
        there = found if isinstance(found, dict) else {}
        for name, value in wanted.items():
            yield from _fields(there.get(name), value, f"{path}.{name}" if path else name)
    elif not _same(found, wanted):
        yield Change(path, _text(found), _text(wanted))


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return not any(_fields(found, wanted, ""))
    if isinstance(wanted, list):
        there = found if isinstance(found, list) else []
        return len(there) == len(wanted) and all(_same(a, b) for a, b in zip(there, wanted, strict=True))
    if found == wanted or (not found and not wanted):
        return True
    amounts = _amount(found), _amount(wanted)
    return None not in amounts and amounts[0] == amounts[1]


def _amount(value: Any) -> Decimal | None:
    """The API writes quantities in its own way: 1000m as 1, 1024Mi as 1Gi."""
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    return Decimal(match[1]) * _UNITS.get(match[2] or "", Decimal(1)) if match else None


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
