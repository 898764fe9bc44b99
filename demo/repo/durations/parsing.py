"""From text to seconds."""

import re

SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
PART = re.compile(r"(\d+)\s*([dhms])")


def parse(text: str) -> int:
    """Seconds in a text such as "1h 30m"; raises ValueError for anything else."""
    parts = PART.findall(text)
    if not parts or PART.sub("", text).strip():
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(count) * SECONDS[unit] for count, unit in parts)
