"""Quantities such as 500m, 1.5Gi or 1e3: text in, an exact number out, and back (apimachinery/pkg/api/resource)."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([eE][+-]?[0-9]{1,2})|([KMGTPE]i|[numkMGTPE]))?\Z")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse(text: str) -> Decimal:
    """The number: bytes for memory, cores for cpu. Raises ValueError for anything that is no quantity."""
    match = _FORM.match(text)
    if not match or len(text) > 64:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, exponent, suffix = match.groups()
    if exponent:
        return Decimal(number + exponent)
    if suffix in _BINARY:
        return Decimal(number) * Decimal(1024 ** _BINARY[suffix])
    return Decimal(number).scaleb(_DECIMAL.get(suffix, 0))


def render(resource: str, amount: Decimal) -> str:
    """Short and exact: sizes in binary units, all else whole or in thousandths, which are rounded up."""
    if amount != int(amount):
        return f"{-int(-amount * 1000 // 1)}m"
    whole = int(amount)
    if "memory" not in resource and "storage" not in resource:
        return str(whole)
    for suffix, power in reversed(_BINARY.items()):
        if whole and whole % 1024**power == 0:
            return f"{whole // 1024**power}{suffix}"
    return str(whole)
