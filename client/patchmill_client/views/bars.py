"""Small charts of characters: sparklines and bars. Pure.

`ascii_only` is for terminals whose encoding has no block characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

_BLOCKS, _ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
_LEFT_EIGHTHS = "▏▎▍▌▋▊▉█"

Number = float | int | None


def sparkline(values: Sequence[Number], *, ascii_only: bool = False) -> str:
    """One character a value, from 0 to the largest; a space where there is none."""
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    top = max((value for value in values if value is not None), default=0)
    return "".join(" " if value is None else blocks[_level(value, top, len(blocks))] for value in values)


def _level(value: float, top: float, levels: int) -> int:
    """0 is the lowest alone: what is not nothing can be seen."""
    if value <= 0 or top <= 0:
        return 0
    return 1 + min(levels - 2, int(value / top * (levels - 1)))


def squeeze(values: Sequence[Number], width: int, merge: Callable[[Iterable[float]], float]) -> list[Number]:
    """At most `width` values: neighbours are merged, those that are None left out."""
    if len(values) <= width:
        return list(values)
    found: list[Number] = []
    for place in range(width):
        part = values[place * len(values) // width : (place + 1) * len(values) // width]
        known = [value for value in part if value is not None]
        found.append(merge(known) if known else None)
    return found


def bar(start: float, end: float, total: float, width: int, *, ascii_only: bool = False) -> str:
    """A bar from `start` to `end` on a line of `width` characters that stands for 0 to `total`.

    Something of it is always seen, however short it is.
    """
    if total <= 0 or width <= 0:
        return ""
    first = min(max(0.0, start / total * width), width - 1)
    length = max(0.0, min(end / total * width, width) - first)
    left = int(first)
    if ascii_only:
        return " " * left + "=" * max(1, min(round(length), width - left))
    whole, rest = divmod(round(length * 8), 8)
    drawn = "█" * whole + (_LEFT_EIGHTHS[rest - 1] if rest else "")
    return " " * left + (drawn or _LEFT_EIGHTHS[0])[: width - left]
