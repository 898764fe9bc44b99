"""Something that is asked again and again, and shown: on a whole terminal, as lines, or as JSON.

`polls` asks; `on_terminal` shows each answer in place until q is pressed. A server that goes away is told about and
waited for.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Generic, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from patchmill_client.errors import PatchmillError, UnreachableError
from patchmill_client.follow import WAITING_PATIENCE_S
from patchmill_client.output import say
from patchmill_client.text import clean_line

T = TypeVar("T")
Ask = Callable[[], T]
Draw = Callable[[T, float], RenderableType]
"""An answer and the seconds since it came."""

_FRAME_S = 0.25  # the longest that a key waits


def is_screen() -> bool:
    """True when stdout can be drawn on: a terminal, and not one that only prints lines."""
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


def polls(ask: Ask[T], every_s: float, *, patience_s: float = WAITING_PATIENCE_S) -> Iterator[T]:
    """An answer every `every_s` seconds. Raises UnreachableError when none has come for `patience_s`."""
    heard = time.monotonic()
    while True:
        try:
            answer = ask()
        except UnreachableError as error:
            if time.monotonic() - heard + every_s > patience_s:
                raise
            say(f"{error}; trying again", "yellow")
        else:
            heard = time.monotonic()
            yield answer
        time.sleep(every_s)


def on_terminal(ask: Ask[T], draw: Draw[T], every_s: float, *, patience_s: float = WAITING_PATIENCE_S) -> None:
    """Draw the newest answer over the whole terminal until q is pressed. Raises PatchmillError when it can't go on."""
    poller = _Poller(ask, every_s, patience_s)
    with _keys() as key, Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        poller.start()
        try:
            while key(_FRAME_S) not in ("q", "Q"):
                poller.check()
                live.update(_frame(poller, draw), refresh=True)
        finally:
            poller.stop()


def _frame(poller: _Poller[T], draw: Draw[T]) -> RenderableType:
    trouble = Text(clean_line(poller.trouble), style="yellow", no_wrap=True, overflow="ellipsis")
    if poller.answer is None:
        return trouble if poller.trouble else Text("asking the server …", style="dim")
    shown = draw(poller.answer, time.monotonic() - poller.heard)
    return Group(shown, trouble) if poller.trouble else shown


class _Poller(Generic[T]):
    """Asks in a thread of its own: a server that is slow must not keep the keyboard waiting."""

    def __init__(self, ask: Ask[T], every_s: float, patience_s: float) -> None:
        self._ask, self._every_s, self._patience_s = ask, every_s, patience_s
        self.answer: T | None = None
        self.heard = time.monotonic()
        self.trouble = ""
        self._end: queue.SimpleQueue[PatchmillError] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.answer = self._ask()
                self.heard, self.trouble = time.monotonic(), ""
            except UnreachableError as error:
                if time.monotonic() - self.heard > self._patience_s:
                    self._end.put(error)
                    return
                self.trouble = f"{error}; trying again"
            except PatchmillError as error:
                self._end.put(error)
                return
            self._stop.wait(self._every_s)

    def check(self) -> None:
        """Raises the error that the asking has ended with, if it has."""
        if not self._end.empty():
            raise self._end.get()

    def stop(self) -> None:
        """Does not wait long for an answer that is still to come: nobody is there to see it."""
        self._stop.set()
        self._thread.join(0.5)


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """A function that waits for a key, some seconds at most: the key, or ""."""
    terminal = _termios()
    if terminal is None or not sys.stdin.isatty():
        yield _no_key
        return
    import tty

    descriptor = sys.stdin.fileno()
    before = terminal.tcgetattr(descriptor)
    tty.setcbreak(descriptor)  # keys come at once and unseen; Ctrl-C stays what it is
    try:
        yield (
            lambda seconds: (
                os.read(descriptor, 1).decode(errors="replace")
                if select.select([descriptor], [], [], seconds)[0]
                else ""
            )
        )
    finally:
        terminal.tcsetattr(descriptor, terminal.TCSADRAIN, before)


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _termios() -> ModuleType | None:
    """None on Windows: there, Ctrl-C ends a command."""
    try:
        import termios
    except ImportError:
        return None
    return termios
