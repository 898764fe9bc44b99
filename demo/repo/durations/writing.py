"""From seconds to text."""

UNITS = [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]


def write(seconds: int) -> str:
    """The shortest text for a duration, largest unit first: 5400 is "1h 30m"."""
    if seconds < 0:
        raise ValueError("a duration cannot be negative")
    parts = []
    for unit, size in UNITS:
        if seconds > size:
            count, seconds = divmod(seconds, size)
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"
