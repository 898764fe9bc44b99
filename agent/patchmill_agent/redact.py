"""Replace known secrets in a stream of bytes, also when one is cut across two pieces of it.

Covered: the secret as it is, URL-encoded, JSON-escaped, in hexadecimal and inside base64. Not covered: a secret that
was shortened, reversed or encrypted first.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = b"***"
MIN_LENGTH = 4  # shorter values would tear ordinary words apart


class Redactor:
    """Feed it pieces, take what is safe to show. It keeps back an end that could be the start of a secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {form for secret in secrets if len(secret) >= MIN_LENGTH for form in forms(secret)}
        self._forms = sorted(found, key=len, reverse=True)
        self._longest = max(map(len, self._forms), default=0)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        if not self._pattern:
            return data
        data = self._pattern.sub(HIDDEN, self._held + data)
        keep = self._unfinished(data)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def flush(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def text(self, text: str) -> str:
        """The same for one whole string."""
        if not self._pattern:
            return text
        return self._pattern.sub(HIDDEN, text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def _unfinished(self, data: bytes) -> int:
        """Length of the longest end of `data` with which a secret could begin."""
        for length in range(min(self._longest - 1, len(data)), 0, -1):
            end = data[-length:]
            if any(form.startswith(end) for form in self._forms):
                return length
        return 0


def forms(secret: str) -> Iterable[bytes]:
    """The spellings under which a secret commonly turns up."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].encode()
    if len(raw) < 8:
        return
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for offset in range(
        3
    ):  # base64 spells a text in three ways, by its place; the outer characters mix with the neighbours
        shifted = base64.b64encode(bytes(offset) + raw)
        whole = (offset + len(raw)) // 3 * 4
        inner = shifted[(offset * 8 + 5) // 6 : whole]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")
