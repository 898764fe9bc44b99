"""What the deployer says while it works: one line for each finished step on stderr, and on a terminal what it is at.

In: texts; one that ends with "…" is only about the moment. Out: stderr, so that --json has stdout to itself.
"""

from __future__ import annotations

from rich.console import Console
from rich.status import Status
from rich.text import Text

MOMENT = "…"


class Progress:
    """Call it with a text; use it as a context manager, so that nothing is left on the terminal."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._status: Status | None = None

    def __call__(self, text: str) -> None:
        if self._quiet:
            return
        if not text.endswith(MOMENT):
            self._console.print(Text(text), soft_wrap=True)
        elif self._console.is_terminal:
            self._show(text)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _show(self, text: str) -> None:
        if self._status is None:
            self._status = self._console.status(Text(text))
            self._status.start()
        self._status.update(Text(text))
