"""Faults on request: how often the API throttles, fails before or after it did the work, and how slow it is.

Set when the server is made, by tests on the object, or on a running emulator by writing the file: {"throttle": 0.2}.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class FaultRates:
    """Shares of the calls (0 to 1) that meet each fault, and `slow_s`: seconds that every call takes longer.

    `throttle` → RequestLimitExceeded, nothing done; `before` → InternalError, nothing done; `after` → InternalError
    although the call did its work. With the same `seed` the same calls in the same order meet the same faults.
    """

    throttle: float = 0
    before: float = 0
    after: float = 0
    slow_s: float = 0
    seed: int = 0


@dataclass(frozen=True)
class Fate:
    """What one call meets; at most one of the three."""

    throttle: bool
    before: bool
    after: bool
    slow_s: float


class Faults:
    """`file` None: only what is set here. A file that holds no rates changes nothing; `problem` then says why."""

    def __init__(self, rates: FaultRates | None = None, file: Path | None = None) -> None:
        self._file, self._stamp = file, (0, 0)
        self.problem: str | None = None
        self.set(rates or FaultRates())

    def set(self, rates: FaultRates) -> None:
        """From now on, with the random numbers of its seed from the start."""
        self._rates, self._random = rates, random.Random(rates.seed)  # noqa: S311 - repeatable, no secret

    def next(self) -> Fate:
        """What the next call meets."""
        self._read()
        rates, drawn = self._rates, self._random.random()
        throttle = drawn < rates.throttle
        before = not throttle and drawn < rates.throttle + rates.before
        after = not throttle and not before and drawn < rates.throttle + rates.before + rates.after
        return Fate(throttle, before, after, rates.slow_s)

    def _read(self) -> None:
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except FileNotFoundError:
            if self._stamp != (0, 0):
                self._stamp = (0, 0)
                self.set(FaultRates())
            return
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.set(_rates(json.loads(self._file.read_text(encoding="utf-8"))))
            self.problem = None
        except (ValueError, TypeError) as e:
            self.problem = f"{self._file.name}: {e}"


def _rates(body: object) -> FaultRates:
    known = {field.name for field in fields(FaultRates)}
    if not isinstance(body, dict) or set(body) - known:
        raise ValueError(f"faults are an object of {', '.join(sorted(known))}")
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 for value in body.values()):
        raise ValueError("every rate is a number from 0 on")
    return FaultRates(**body)
