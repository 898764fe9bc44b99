"""Doing something again until it works: what passes by itself is waited for, everything else is raised at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from deployer.errors import CloudError, passing

T = TypeVar("T")
_WORTH_TELLING_S = 1.0


@dataclass(frozen=True)
class Again:
    """`tries` bounds how often; `pause_s` is the first pause, each further one twice as long, up to `max_pause_s`.

    `told` is called with a sentence before each pause of a second or more.
    """

    tries: int = 10
    pause_s: float = 0.1
    max_pause_s: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    told: Callable[[str], None] = lambda text: None

    def __call__(self, work: Callable[[], T], worth: Callable[[str], bool] = passing) -> T:
        """Raises the last CloudError. `worth`: which codes are; what is repeated may already have happened."""
        for turn in range(self.tries - 1):
            try:
                return work()
            except CloudError as error:
                if not worth(error.code):
                    raise
                what = f"{error.service} {error.action}: {error.code}"
            pause_s = min(self.pause_s * 2**turn, self.max_pause_s)
            if pause_s >= _WORTH_TELLING_S:
                self.told(f"{what}, try {turn + 2} of {self.tries} follows")
            # Jitter: what was throttled together must not come back together.
            self.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311
        return work()
