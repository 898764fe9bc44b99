"""An apply killed before and after its calls, and run again: does it come to the same state, with nothing left over?

`python -m tests.support.killing` (or `make kill`) does it for every single call, prints progress on stderr and one JSON
line at the end, and ends with 1 when a run did not converge. The tests do it after every call that changes something,
and for a sample of the rest.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emulator.listen import LoopThread
from tests.support.boundaries import Side
from tests.support.cloudlet import Cloudlet, cloudlet, copy_of_project
from tests.support.zygote import Ended, Zygote

READS = ("Describe", "Get", "List", "GET ", "HEAD ")
SIDES: tuple[Side, ...] = ("before", "after")
Content = dict[str, list[str]]


@dataclass(frozen=True)
class Reference:
    """An apply that nobody disturbed: the names of its calls in order, and what was there afterwards."""

    calls: tuple[str, ...]
    content: Content

    def changing(self) -> list[int]:
        """Numbers of the calls that change something."""
        return [number for number, name in enumerate(self.calls) if not name.startswith(READS)]


class Killing:
    """Applies the small project to one fresh account after the other."""

    def __init__(self, loop: LoopThread, zygote: Zygote, project: Path) -> None:
        self._loop, self._zygote, self._project = loop, zygote, project

    def reference(self) -> Reference:
        with cloudlet(self._loop) as account:
            self._apply(account, must=0)
            calls = tuple(account.boundaries.names)
            return Reference(calls, shape(account.content()))

    def problem(self, reference: Reference, number: int, side: Side) -> str | None:
        """Kill at that call of a fresh apply, run it again; what is then wrong, or None."""
        with cloudlet(self._loop) as account:
            killed = self._zygote.run(
                self._argv(), account.environ(), lambda pid: account.boundaries.kill(pid, number, side)
            )
            if killed.code != -9:
                return f"it was not killed: {killed.code}\n{killed.output}"
            account.boundaries.reset()
            again = self._apply(account)
            if again.code != 0:
                return f"the second apply ended with {again.code}\n{again.output}"
            return difference(reference.content, shape(account.content()))

    def disturbed(self, reference: Reference, throttle: float, after: float, seed: int) -> str | None:
        """The same with calls that are refused or fail although done, until an apply succeeds."""
        with cloudlet(self._loop) as account:
            account.throttle(throttle, after=after, seed=seed)
            done = self._apply(account)
            for _ in range(5):
                if done.code == 0:
                    break
                done = self._apply(account)
            if done.code != 0:
                return done.output
            account.throttle(0)
            return difference(reference.content, shape(account.content()))

    def _apply(self, account: Cloudlet, must: int | None = None) -> Ended:
        done = self._zygote.run(self._argv(), account.environ())
        assert must is None or done.code == must, done.output
        return done

    def _argv(self) -> list[str]:
        return ["apply", "--stage", "local", "--yes", "--project", str(self._project)]


def shape(content: Content) -> Content:
    """The content without what differs from run to run: ids count, names stay."""
    counted = ("cam-policy", "cls-logset", "cls-topic", "scf-trigger", "tke-common-name")
    return {
        kind: [str(len(keys))] if kind in counted else keys
        for kind, keys in content.items()
        if "counter" not in kind  # numbers that are used up by what came to nothing
    }


def difference(wanted: Content, found: Content) -> str | None:
    kinds = sorted({*wanted, *found})
    lines = [
        f"{kind}: {wanted.get(kind)} became {found.get(kind)}" for kind in kinds if wanted.get(kind) != found.get(kind)
    ]
    return "\n".join(lines) or None


@contextmanager
def killing() -> Iterator[Killing]:
    """With a loop, a zygote and a copy of the project of its own."""
    loop = LoopThread()
    with tempfile.TemporaryDirectory(prefix="pm-kill-") as folder, Zygote() as zygote:
        yield Killing(loop, zygote, copy_of_project(Path(folder)))
    loop.close()


def main() -> int:
    """Every call, both sides."""
    began, problems = time.monotonic(), 0
    with killing() as runs:
        reference = runs.reference()
        points = [(number, side) for number in range(len(reference.calls)) for side in SIDES]
        for done, (number, side) in enumerate(points, 1):
            if problem := runs.problem(reference, number, side):
                problems += 1
                print(f"killed {side} call {number} ({reference.calls[number]}): {problem}", file=sys.stderr)
            if done % 20 == 0:
                print(f"{done}/{len(points)} kills, {problems} problems", file=sys.stderr, flush=True)
    result = {
        "calls": len(reference.calls),
        "changing": len(reference.changing()),
        "killed": len(points),
        "problems": problems,
        "took_s": round(time.monotonic() - began, 1),
        "by_call": dict(Counter(reference.calls)),
    }
    print(json.dumps(result))
    return 1 if problems else 0


def sample(reference: Reference, step: int = 6) -> Iterable[tuple[int, Side]]:
    """After every call that changes something; before each `step`-th of them, and of the others too.

    Between two changes the cloud stands still, so what is left out differs only in what the deployer has read.
    """
    before = {*reference.changing()[::step], *range(0, len(reference.calls), step * step)}
    return [*((number, "after") for number in reference.changing()), *((number, "before") for number in sorted(before))]


if __name__ == "__main__":
    sys.exit(main())
