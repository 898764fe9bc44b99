"""Conditions and ranges of a read: request headers and an object in, a verdict out (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from emulator.cos.errors import CosError
from emulator.cos.reply import http_date
from emulator.cos.store import Stored

_RANGE = re.compile(r"bytes=(\d{0,20})-(\d{0,20})", re.ASCII)


def unchanged(headers: Mapping[str, str], stored: Stored, prefix: str = "") -> bool:
    """Whether the reader already has this version. `prefix` is "x-cos-copy-source-" for a copy's source.

    Raises CosError PreconditionFailed when the object is not the one that was asked for.
    """
    match, none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    since, not_since = headers.get(f"{prefix}if-modified-since"), headers.get(f"{prefix}if-unmodified-since")
    if match is not None:
        wrong = not _named(match, stored.etag)
    else:
        wrong = not_since is not None and _is_newer(stored, not_since)
    if wrong:
        raise CosError("PreconditionFailed", "At least one of the preconditions you specified did not hold.")
    if none_match is not None:
        return _named(none_match, stored.etag)
    return since is not None and not _is_newer(stored, since, otherwise=True)


def span(headers: Mapping[str, str], stored: Stored) -> tuple[int, int] | None:
    """First byte and length of the part that is asked for; None for the whole.

    Several ranges at once, another unit or nonsense mean the whole, as HTTP allows. Raises CosError InvalidRange.
    """
    match = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    if headers.get("if-range", stored.etag) not in (stored.etag, http_date(stored.modified)):
        return None
    if not match[1]:
        first, last = max(0, stored.size - int(match[2])), stored.size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or stored.size), stored.size - 1)
        if match[2] and int(match[2]) < first:
            return None
    if first >= stored.size:
        raise CosError("InvalidRange", "The requested range cannot be satisfied.")
    return first, last - first + 1


def _named(names: str, etag: str) -> bool:
    return names.strip() == "*" or etag.strip('"') in (name.strip().strip('"') for name in names.split(","))


def _is_newer(stored: Stored, date: str, *, otherwise: bool = False) -> bool:
    """Whether the object changed after `date`; `otherwise` when that is no date, for such a header is ignored."""
    try:
        return stored.modified > parsedate_to_datetime(date).timestamp() * 1000
    except (ValueError, OverflowError):
        return otherwise
