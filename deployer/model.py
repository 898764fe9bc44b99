"""The data of a deployment: desired resources, what differs, the plan. Pure; nothing here asks or changes the cloud.

The road: declaration → `Resource`s (desired) → each kind compares with what is there → `Plan` (data, only reads) →
apply executes the plan's steps in order. A killed apply is resumed by planning again: every step finds half-done work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

ActionName = Literal["create", "update", "replace", "delete", "run"]
UNKNOWN = "(known after apply)"


class Foreign(Exception):
    """A resource of that name is there and was not made by this deployer for this stage; the text says what to do."""


@dataclass(frozen=True)
class Resource:
    """One thing that shall be there. `want` is the kind's own frozen dataclass; its repr shows no secret."""

    kind: str
    name: str
    want: Any

    @property
    def id(self) -> str:
        """Unique in a stage, like function/submit."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Change:
    """One field that differs, as texts for people. What is secret is shown as (changed)."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Step:
    """One resource to act on. `run` is something to do once, like the migrations."""

    action: ActionName
    resource: Resource
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they are executed; empty: no changes."""

    stage: str
    steps: tuple[Step, ...]


@dataclass
class Facts:
    """What is only known of what is there: ids, version numbers, addresses. `known` by "<kind>/<name>.<what>"."""

    known: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The value, or UNKNOWN while its resource has still to be made (only in a plan)."""
        return self.known.get(name, UNKNOWN)


class Kind(Protocol):
    """How one kind of resource is dealt with. Each is made with a deployer.context.Context."""

    kind: str

    def resources(self) -> list[Resource]:
        """What the declaration wants of this kind."""

    def compare(self, resource: Resource) -> Step | None:
        """Only reads; None when all is as wanted. Puts into the facts what is known. Raises Foreign."""

    def orphans(self) -> list[Resource]:
        """Only reads: what is marked as ours for this stage and is no more wanted."""

    def apply(self, step: Step) -> None:
        """Create or change, wait until it is usable, put into the facts what is now known. May find half of it done."""

    def delete(self, resource: Resource) -> None:
        """Remove it, wait until it is gone. It is no error when it is not there."""
