"""Watch a task until it has ended: its states and its agent's log, in the order in which they happened.

`events` asks the server, a view shows: `Screen` to a person, `JsonLines` to a program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from patchmill_client.api import Client
from patchmill_client.model import Task
from patchmill_client.output import age_s, outcome, print_json, state_words
from patchmill_client.text import RESET, Cleaner, clean_line

WAITING_PATIENCE_S = 120.0
"""How long a watch goes on without an answer: a server that restarts is back well before."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GROWTH = 0.2, 2.0, 1.5
_LOG_GRACE_S = 15.0  # a task's end and the end of its log may become visible one after the other


@dataclass(frozen=True)
class Log:
    """The agent's log from byte `offset` on."""

    data: bytes
    offset: int


class View(Protocol):
    def task(self, task: Task) -> None: ...
    def log(self, log: Log) -> None: ...


def follow(client: Client, task: Task, view: View, *, log: bool = True, patience_s: float = WAITING_PATIENCE_S) -> Task:
    """Show the task's road to its end and return it as it ended. Raises PatchmillError when contact is lost."""
    client.patience_s = patience_s
    for event in events(client, task, log=log):
        if isinstance(event, Log):
            view.log(event)
        else:
            view.task(event)
            task = event
    return task


def events(
    client: Client, task: Task, *, log: bool = True, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Task | Log]:
    """The task as it is, then each change and each piece of the log; last the task as it ended.

    Asks every 0.2 s while something happens, ever more rarely (up to 2 s) while nothing does.
    """
    reader = _LogReader(client, task.id, wanted=log)
    if not task.ended:
        yield task
    pause, ended_at = _FIRST_PAUSE_S / _GROWTH, None
    while True:
        changed = None if task.ended else client.task_if_changed(task)
        seen, task = task, changed or task
        if changed and changed.raw == seen.raw:
            changed = None
        # What a phase wrote is shown before the next phase is; a phase that begins, before what it writes.
        log_first = task.ended or seen.phase == "RUNNING_AGENT"
        if changed and not log_first:
            yield changed
        pieces = list(reader.read(task))
        yield from pieces
        if changed and log_first and not task.ended:
            yield changed
        if task.ended:
            ended_at = ended_at or time.monotonic()
            if reader.complete or time.monotonic() - ended_at > _LOG_GRACE_S:
                yield task
                return
        pause = _FIRST_PAUSE_S if changed or pieces else min(pause * _GROWTH, _LONGEST_PAUSE_S)
        sleep(pause)


class _LogReader:
    """Reads on in the log of the task's current attempt."""

    def __init__(self, client: Client, task_id: str, *, wanted: bool) -> None:
        self._client, self._id = client, task_id
        self._wanted, self._offset, self._attempt = wanted, 0, None
        self.complete = not wanted

    def read(self, task: Task) -> Iterator[Log]:
        """Everything that is new; a queued task has no log yet."""
        attempt = task.raw.get("attempt")
        if self._wanted and attempt != self._attempt:
            self._attempt, self._offset, self.complete = attempt, 0, False
        while not self.complete and task.status != "QUEUED":
            chunk = self._client.log(self._id, self._offset)
            self.complete = chunk.complete
            if not chunk.data:
                return
            yield Log(chunk.data, self._offset)
            self._offset = chunk.offset


class JsonLines:
    """Each state is the task's own object on a line, each piece of the log `{"log": text, "offset": bytes}`."""

    def __init__(self, *, states: bool = True) -> None:
        self._states = states

    def task(self, task: Task) -> None:
        """`states` False: only as the task ended."""
        if self._states or task.ended:
            print_json(task.raw)

    def log(self, log: Log) -> None:
        print_json({"log": log.data.decode(errors="replace"), "offset": log.offset})


class Screen:
    """States with times on stderr, the agent's log on stdout, a spinner on a terminal while nothing happens."""

    def __init__(self, *, log_only: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._spinner = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            disable=log_only or not self._console.is_terminal,
        )
        self._spin = self._spinner.add_task("")
        self._log_only, self._state = log_only, ""
        self._cleaner, self._in_line, self._coloured = Cleaner(), False, False

    def __enter__(self) -> Screen:
        self._spinner.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._write(self._cleaner.end())
        self._end_line()
        self._spinner.stop()

    def task(self, task: Task) -> None:
        if task.state == self._state or self._log_only:
            return
        self._state = task.state
        words = state_words(task)
        if task.state == "RUNNING_AGENT":
            model = f", {task.model}" if task.model else ""
            words.append(f" ({clean_line(task.agent + model)}{', scripted model' if task.scripted else ''})")
        if task.ended:
            self._write(self._cleaner.end())
            words = Text(outcome(task), style=words.style)
        self._end_line()
        self._console.print(Text.assemble((f"{age_s(task):7.1f} s  ", "dim"), words), soft_wrap=True)
        self._spinner.reset(self._spin, description=words.plain)
        if task.ended:
            self._spinner.stop()

    def log(self, log: Log) -> None:
        self._write(self._cleaner.feed(log.data))

    def _write(self, text: str) -> None:
        """To stdout, with the spinner out of the way; it comes back once the line has ended."""
        if not text:
            return
        self._spinner.stop()
        sys.stdout.write(text)
        self._in_line = not text.endswith("\n")
        self._coloured = self._coloured or "\x1b" in text
        if not self._in_line:
            if self._coloured:
                sys.stdout.write(RESET)  # a colour left on must not run into what comes next
                self._coloured = False
            self._spinner.start()
        sys.stdout.flush()

    def _end_line(self) -> None:
        if self._in_line:
            self._write("\n")
