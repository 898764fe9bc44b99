"""A stage with CLS alone, its clock in our hands: what watches is deployed to it, log lines are written as SCF does.

The lines of a function are those of patchmill.log itself; the platform's are those of the emulated SCF.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.cloud import Cloud, Keys
from deployer.context import Context
from deployer.declaration import model as d
from deployer.kinds.logs import LogsKind
from deployer.model import Facts, Kind, Step
from deployer.retry import Again
from emulator.account import Account
from emulator.api.cls import Cls
from emulator.api.clsalarms import Evaluation
from emulator.api.logstore import LogStore
from emulator.documents import Documents
from emulator.scf.functionlog import Lines, Told, records
from patchmill import log
from tests.support import api
from tests.support.deployer_stage import declaration

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "deployer" / "observability"
FUNCTIONS = ("submit", "dispatch", "collect")
RUNBOOK = "https://runbooks.example.com/patchmill"
START = 1_800_000_000.0


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


def observability(**changes: Any) -> d.Observability:
    """The repository's own lists."""
    whole = d.Observability(FOLDER / "alarms.yml", FOLDER / "dashboard.yml", RUNBOOK, (), {}, 0.0001, 1.0)
    return replace(whole, **changes)


@dataclass
class Watched:
    """`write` adds what one call of a function logs; `evaluate` says what an alarm thinks now."""

    api: api.Api
    cls: Cls
    logs: LogStore
    clock: Clock
    declaration: d.Declaration
    facts: Facts = field(default_factory=Facts)
    calls: int = 0

    def context(self) -> Context:
        cloud = Cloud(
            Keys(api.OWNER.secret_id, api.OWNER.secret_key),
            api.REGION,
            self.declaration.endpoint,
            again=Again(tries=1, sleep=lambda seconds: None),
        )
        return Context(self.declaration, {}, cloud, self.facts, poll_s=0.005)

    def plan(self, kind: Callable[[Context], Kind]) -> list[Step]:
        made = kind(self.context())
        return [step for each in made.resources() if (step := made.compare(each))]

    def apply(self, kind: Callable[[Context], Kind]) -> list[Step]:
        steps = self.plan(kind)
        for step in steps:
            kind(self.context()).apply(step)
        return steps

    def call(self, action: str, **params: Any) -> dict[str, Any]:
        return self.api.call("cls", action, **params)

    def evaluate(self, alarm: str) -> Evaluation:
        """A second later than what was written last: an alarm's time ends before its last moment."""
        return self.cls.alarms.evaluate(self.declaration.name(alarm), self.clock.now + 1)

    def firing(self) -> set[str]:
        """The alarms that would fire now."""
        alarms, prefix = self.call("DescribeAlarms", Limit=100)["Alarms"], self.declaration.name("")
        names = {alarm["Name"].removeprefix(prefix) for alarm in alarms}
        return {name for name in names if self.evaluate(name).fires}

    def write(
        self,
        function: str,
        work: Callable[[], object] = lambda: None,
        *,
        status: int = 200,
        duration_ms: float = 20,
        memory_mb: int = 256,
    ) -> None:
        """One call: `work` logs by patchmill.log, the platform adds its lines, all of it goes to CLS."""
        self.calls += 1
        request_id = f"00000000-0000-4000-8000-{self.calls:012d}"
        lines, own = Lines(request_id, brief=True), io.StringIO()
        with redirect_stdout(own), log.event("timer", {"function_name": function, "request_id": request_id}):
            work()
        text = lines.begin() + own.getvalue() + lines.end("", duration_ms, memory_mb, 40 << 20)
        told = Told(
            self.declaration.namespace, function, "1", "$DEFAULT", request_id, status, self.clock.now, duration_ms,
            40 << 20, 0,
        )  # fmt: skip
        topic = self.facts.get("logs/functions.topic")
        for record in records(told, text):
            self.logs.put(topic, record)


@contextmanager
def watched(folder: Path, **changes: Any) -> Iterator[Watched]:
    """With the log topic, and nothing else deployed; `changes` are those of the declaration's observability."""
    documents, clock = Documents(None), Clock()
    logs = LogStore(None, clock)
    account = Account(documents, api.OWNER, app_id=api.APP_ID, uin=api.UIN)
    cls = Cls(documents, account, api.REGION, logs, clock)
    whole = declaration(folder)
    functions = {name: replace(whole.functions["web"], name=name) for name in FUNCTIONS}
    with api.serving(cls, documents=documents, account=account) as running:
        endpoint = d.Endpoint("http", running.endpoint, "")
        made = replace(whole, functions=functions, endpoint=endpoint, observability=observability(**changes))
        stage = Watched(running, cls, logs, clock, made)
        stage.apply(LogsKind)
        yield stage
    documents.close()
    logs.close()
