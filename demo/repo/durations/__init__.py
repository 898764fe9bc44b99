"""Durations as people write them: "1h 30m" to seconds and back."""

from durations.parsing import parse
from durations.writing import write

__all__ = ["parse", "write"]
