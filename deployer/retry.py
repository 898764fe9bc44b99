"""Doing something again until it works: what passes by itself is waited for, everything else is raised at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from deployer.errors import CloudError, passing

T = TypeVar("T")


@dataclass(frozen=True)
class Again:
    """`tries` bounds how often; `pause_s` is the first pause, each further one twice as long, up to `max_pause_s`."""

    tries: int = 10
    pause_s: float = 0.1
    max_pause_s: float = 8.0
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, work: Callable[[], T]) -> T:
        """Raises the last CloudError. What is repeated may already have happened."""
        for turn in range(self.tries - 1):
            try:
                return work()
            except CloudError as error:
                if not passing(error.code):
                    raise
            # Jitter: what was throttled together must not come back together.
            self.sleep(min(self.pause_s * 2**turn, self.max_pause_s) * random.uniform(0.5, 1.0))  # noqa: S311
        return work()
